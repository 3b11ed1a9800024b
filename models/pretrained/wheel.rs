//! Reading a wheel, which is a zip archive, without trusting it.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipSliceArchive};
use sha2::{Digest, Sha256};

use super::{InstallError, Package, PinnedFile};

/// A wheel in memory.
pub(super) struct Wheel {
    path: PathBuf,
    /// The name it should have, for messages.
    name: String,
    archive: ZipSliceArchive<Vec<u8>>,
}

/// What went wrong on the way from the archive to the disk.
pub(super) enum Unpacking {
    Archive(InstallError),
    Disk(io::Error),
}

impl Wheel {
    pub(super) fn open(path: &Path, package: &Package) -> Result<Self, InstallError> {
        let bytes = fs::read(path)
            .map_err(|source| InstallError::Read { path: path.to_owned(), source })?;
        let (path, name) = (path.to_owned(), package.wheel());
        match ZipArchive::from_slice(bytes) {
            Ok(archive) => Ok(Self { path, name, archive }),
            Err(error) => {
                let reason = format!("it is no zip archive ({error})");
                Err(InstallError::NotTheWheel { path, wheel: name, reason })
            }
        }
    }

    /// Unpacks a file into `out`, if its content is what it is pinned to.
    ///
    /// What is no longer than the pin says is written before it is known whether it is right.
    pub(super) fn unpack(&self, file: &PinnedFile, out: &mut impl Write) -> Result<(), Unpacking> {
        let wrong = |reason: String| {
            let reason = format!("`{}` {reason}", file.inside);
            Unpacking::Archive(self.refused(reason))
        };
        let mut content = self.content(file).map_err(Unpacking::Archive)?.take(file.length + 1);
        let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let read = content.read(&mut buffer).map_err(|e| wrong(format!("is damaged: {e}")))?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            length += read as u64;
            if length > file.length {
                return Err(wrong(format!("is longer than {} bytes", file.length)));
            }
            hash.update(part);
            out.write_all(part).map_err(Unpacking::Disk)?;
        }
        let found = hexadecimal(hash);
        if found == file.sha256 {
            return Ok(());
        }
        Err(wrong(format!("has the SHA-256 {found}; expected {}", file.sha256)))
    }

    /// A file's bytes, inflated while they are read.
    fn content(&self, file: &PinnedFile) -> Result<Box<dyn Read + '_>, InstallError> {
        let broken = |error: rawzip::Error| self.refused(format!("its directory: {error}"));
        let mut entries = self.archive.entries();
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            if entry.file_path().as_ref() != file.inside.as_bytes() {
                continue;
            }
            let data = self.archive.get_entry(entry.wayfinder()).map_err(broken)?.data();
            return match entry.compression_method() {
                CompressionMethod::STORE => Ok(Box::new(data)),
                CompressionMethod::DEFLATE => Ok(Box::new(DeflateDecoder::new(data))),
                other => Err(self.refused(format!("`{}` is packed by {other:?}", file.inside))),
            };
        }
        Err(self.refused(format!("it has no `{}`", file.inside)))
    }

    fn refused(&self, reason: String) -> InstallError {
        InstallError::NotTheWheel { path: self.path.clone(), wheel: self.name.clone(), reason }
    }
}

pub(super) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
