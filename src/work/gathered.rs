//! Numbers gathered on disk on their way into a file: they do not have to fit the memory.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::{Error, Result};

/// Numbers that are to become part of a file, in a temporary file without a name beside it.
pub(super) struct Gathered {
    target: PathBuf,
    file: File,
}

/// Gathered numbers, to be read where they lie.
pub(super) struct Numbers {
    target: PathBuf,
    map: Mmap,
}

impl Gathered {
    /// None yet, for the file `target`: on its disk, where there must be room for them in any case.
    pub(super) fn beside(target: &Path) -> Result<Gathered> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::tempfile_in(folder).map_err(|error| Error::writing(target, &error))?;
        Ok(Gathered { target: target.to_owned(), file })
    }

    /// Appends numbers.
    pub(super) fn push(&mut self, numbers: &[f32]) -> Result<()> {
        self.file.write_all(bytemuck::cast_slice(numbers)).map_err(|error| Error::writing(&self.target, &error))
    }

    /// All of them.
    pub(super) fn read(&self) -> Result<Numbers> {
        // SAFETY: the file is a temporary one without a name; nobody else can change it while it is mapped.
        let map = unsafe { Mmap::map(&self.file) }.map_err(|error| Error::reading(&self.target, &error))?;
        Ok(Numbers { target: self.target.clone(), map })
    }
}

impl Numbers {
    /// As a slice.
    pub(super) fn values(&self) -> Result<&[f32]> {
        // A map begins at a page, so its bytes lie as numbers must.
        bytemuck::try_cast_slice(&self.map)
            .map_err(|error| Error::internal(error.to_string()).at(self.target.display()))
    }
}
