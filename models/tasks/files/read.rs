//! A whole file in memory, bounded and known to be UTF-8.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{
    super::error::{LineProblem, TaskError},
    MAX_MIB,
};

/// The text of a file, and where it came from.
pub(super) struct Source {
    path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// Reads the file.
    pub(super) fn open(path: &Path) -> Result<Self, TaskError> {
        let failed = |source| TaskError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // A pipe or device may never end.
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(Error::new(ErrorKind::InvalidInput, "not a regular file")));
        }
        let limit = MAX_MIB << 20;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(TaskError::TooLarge { path: path.to_owned(), limit: MAX_MIB });
        }
        Self::decode(path, bytes)
    }

    fn decode(path: &Path, bytes: Vec<u8>) -> Result<Self, TaskError> {
        let path = path.to_owned();
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                Ok(Self { path, text })
            }
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count() as u64;
                let column = valid.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
                let hint = match error.as_bytes() {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ", but UTF-16",
                    [0x1f, 0x8b, ..] => ", but packed by gzip",
                    _ => "",
                };
                Err(TaskError::Line { path, line, problem: LineProblem::Encoding { column, hint } })
            }
        }
    }

    /// A problem at a line.
    pub(super) fn error(&self, line: u64, problem: LineProblem) -> TaskError {
        TaskError::Line { path: self.path.clone(), line, problem }
    }

    /// A file without content.
    pub(super) fn empty(&self) -> TaskError {
        TaskError::NoExamples { path: self.path.clone() }
    }
}
