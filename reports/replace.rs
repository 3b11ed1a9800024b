use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Writes a file that is there whole or not at all, whatever happens to the program or the machine: as `partial`, beside it,
/// synchronised with the disk, renamed, and its folder synchronised. Until then what was there before stays.
///
/// # Errors
/// The file system refuses. Nothing is left behind then, as far as it allows that.
pub fn replace<'b>(
    path: &Path,
    partial: &Path,
    parts: impl IntoIterator<Item = &'b [u8]>,
) -> io::Result<()> {
    let write = || {
        let mut file = File::create(partial)?;
        parts.into_iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(partial, path)?;
        sync_folder(path)
    };
    write().inspect_err(|_| {
        // What went wrong is told already.
        let _ = fs::remove_file(partial);
    })
}

/// A name is on the disk when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Elsewhere folders cannot be opened as files.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
