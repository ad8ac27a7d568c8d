//! A tensor of an ONNX file, whose data lies in the message or in a file beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::data_file::DataFile;
use super::dtype::Dtype;
use super::protobuf::{Field, Message};
use super::tensor::{DIMENSIONS_MAX, Tensor, element_count, quote};
use crate::error::{Error, Result};
use crate::files;

/// What a message says of its tensor.
#[derive(Debug, Default)]
pub(super) struct TensorMessage {
    pub(super) name: String,
    dims: Vec<i64>,
    data_type: i64,
    raw_data: Bytes,
    /// Data in a field of its own type.
    typed: Vec<(u64, Field)>,
    /// Where the data lies, if not here: file, first byte, bytes.
    location: Option<String>,
    offset: Option<String>,
    length: Option<String>,
    is_external: bool,
}

/// The number of texts among the element types.
const TEXT: i64 = 8;
/// What such elements are called.
pub(super) const TEXTS: &str = "texts";
/// Rows of numbers that make up one tensor; a writer makes one.
const ROWS_MAX: usize = 64;

impl TensorMessage {
    /// # Errors
    /// [`crate::error::Kind::Input`] if the bytes are no message of a tensor.
    pub(super) fn read(bytes: Bytes) -> Result<Self> {
        let mut tensor = TensorMessage::default();
        let mut message = Message::new(bytes);
        while let Some((number, field)) = message.next()? {
            match number {
                1 => field.each_integer(|size| match tensor.dims.len() {
                    DIMENSIONS_MAX => Err(Error::input(format!("more than {DIMENSIONS_MAX} dimensions"))),
                    _ => {
                        tensor.dims.push(size);
                        Ok(())
                    }
                })?,
                2 => tensor.data_type = field.integer()?,
                4 | 5 | 7 | 10 | 11 => match (field, tensor.typed.len()) {
                    (Field::Bytes(row), 0..ROWS_MAX) => tensor.typed.push((number, Field::Bytes(row))),
                    // Old writers give every number a field of its own; those are few, or this is no honest file.
                    (field, 0..ROWS_MAX) => tensor.typed.push((number, field)),
                    _ => {
                        return Err(
                            Error::input("its numbers lie in many pieces; needed one row").at(quote(&tensor.name))
                        );
                    }
                },
                8 => tensor.name = field.text()?,
                9 => tensor.raw_data = field.bytes()?,
                13 => tensor.external_entry(field.bytes()?)?,
                14 => tensor.is_external |= field.integer()? != 0,
                _ => {}
            }
        }
        Ok(tensor)
    }

    fn external_entry(&mut self, bytes: Bytes) -> Result<()> {
        let (mut key, mut value) = (String::new(), String::new());
        let mut message = Message::new(bytes);
        while let Some((number, field)) = message.next()? {
            match number {
                1 => key = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
        }
        self.is_external = true;
        let place = match key.as_str() {
            "location" => &mut self.location,
            "offset" => &mut self.offset,
            "length" => &mut self.length,
            _ => return Ok(()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(Error::input(format!("its {key} is given twice; needed once")).at(quote(&self.name))),
        }
    }

    /// What the elements are, where they are of a type that is not read.
    pub(super) fn unread(&self) -> Option<String> {
        match self.data_type {
            TEXT => Some(TEXTS.to_owned()),
            other if dtype(other).is_none() => Some(format!("numbers of ONNX element type {other}")),
            _ => None,
        }
    }

    /// The tensor; its data lies raw, in the one field that its type prescribes, or in a file beside.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the name, if the data is not as long as the sizes say.
    pub(super) fn tensor(self, beside: &mut Beside) -> Result<Tensor> {
        let here = |error: Error| error.at(quote(&self.name));
        let dtype = dtype(self.data_type).ok_or_else(|| {
            here(Error::input(format!("ONNX element type {}; floats, integers and bool are read", self.data_type)))
        })?;
        let negative = |_| here(Error::input(format!("sizes {:?}; needed 0 or more", self.dims)));
        let dims: Vec<usize> =
            self.dims.iter().map(|&size| usize::try_from(size)).collect::<Result<_, _>>().map_err(negative)?;
        let needed = element_count(&dims).map_err(here)?.saturating_mul(dtype.size());
        let bytes = if self.is_external {
            self.external(beside, needed).map_err(here)?
        } else if self.raw_data.is_empty() {
            self.typed_data(dtype, needed).map_err(here)?
        } else {
            self.raw_data.clone()
        };
        Tensor::contiguous(self.name.clone(), dims, dtype, bytes)
    }

    /// Data in the repeated field of its type, at most one element more than `needed` bytes. Narrow types travel in `int32_data`,
    /// one element an integer.
    fn typed_data(&self, dtype: Dtype, needed: usize) -> Result<Bytes> {
        let field = match dtype {
            Dtype::F32 => 4,
            Dtype::F64 => 10,
            Dtype::I64 => 7,
            Dtype::U32 | Dtype::U64 => 11,
            _ => 5,
        };
        let rows: Vec<&Field> = self.typed.iter().filter(|(number, _)| *number == field).map(|(_, row)| row).collect();
        if let ([Field::Bytes(row)], 4 | 10) = (rows.as_slice(), field) {
            // Floats in a row lie as they do in memory.
            return Ok(row.clone());
        }
        let mut bytes = Vec::new();
        for row in rows {
            match row {
                Field::Four(number) => bytes.extend(number),
                Field::Eight(number) => bytes.extend(number),
                Field::Bytes(row) if field == 4 || field == 10 => bytes.extend_from_slice(row),
                row => row.clone().each_integer(|number| {
                    if bytes.len() <= needed {
                        bytes.extend(&number.to_le_bytes()[..dtype.size()]);
                    }
                    Ok(())
                })?,
            }
        }
        Ok(bytes.into())
    }

    fn external(&self, beside: &mut Beside, needed: usize) -> Result<Bytes> {
        let name = self
            .location
            .as_deref()
            .ok_or_else(|| Error::input("its data lies outside the file, nobody says where"))?;
        let number = |text: &Option<String>, default: usize| match text {
            Some(text) => {
                text.parse().map_err(|_| Error::input(format!("a position {}; needed a number", quote(text))))
            }
            None => Ok(default),
        };
        let (offset, length) = (number(&self.offset, 0)?, number(&self.length, needed)?);
        let data = beside.file(name)?;
        let end = offset.checked_add(length).filter(|&end| end <= data.len());
        let end = end.ok_or_else(|| {
            let message = format!("bytes {offset} and {length} more of {}, which has {}", quote(name), data.len());
            Error::input(message).hint("the file beside is another one or was cut short; fetch both again")
        })?;
        Ok(data.slice(offset..end))
    }
}

fn dtype(number: i64) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::F32,
        2 => Dtype::U8,
        3 => Dtype::I8,
        4 => Dtype::U16,
        5 => Dtype::I16,
        6 => Dtype::I32,
        7 => Dtype::I64,
        9 => Dtype::Bool,
        10 => Dtype::F16,
        11 => Dtype::F64,
        12 => Dtype::U32,
        13 => Dtype::U64,
        16 => Dtype::BF16,
        _ => return None,
    })
}

/// Files with data, in the folder of an ONNX file and nowhere else.
pub(super) struct Beside {
    path: PathBuf,
    open: HashMap<String, Bytes>,
}

impl Beside {
    /// For the file at `path`.
    pub(super) fn new(path: &Path) -> Self {
        Beside { path: path.to_owned(), open: HashMap::new() }
    }

    /// The files that were read, by name.
    pub(super) fn into_files(self) -> Vec<DataFile> {
        let mut files: Vec<DataFile> = self.open.into_iter().map(|(name, bytes)| DataFile::new(name, bytes)).collect();
        files.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        files
    }

    /// Maps a file by its plain name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the name or a link leads out of the folder, or the file cannot be read.
    fn file(&mut self, name: &str) -> Result<Bytes> {
        if let Some(known) = self.open.get(name) {
            return Ok(known.clone());
        }
        let plain = Path::new(name).file_name().is_some_and(|file| file == name) && !name.contains(['\\', ':', '\0']);
        if !plain {
            let message = format!("its data lies in {}; needed a plain name of a file beside this one", quote(name));
            return Err(Error::input(message).hint(IN_ONE_FILE));
        }
        let path = self.path.with_file_name(name);
        if !files::is_file(&path) {
            let message = format!("its data lies in {}, which is not there; needed beside this file", quote(name));
            return Err(Error::input(message).hint(format!("put both files into one folder, or {IN_ONE_FILE}")));
        }
        // A cache may hold both files as links to one other folder.
        let folder = |path: &Path| files::resolve(path).map(|path| path.parent().map(Path::to_owned));
        let lies = folder(&path)?;
        let beside = folder(&self.path)?;
        let named = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if lies != beside && lies != Some(files::resolve(named)?) {
            let message = format!("its data lies in {}, a link that leads out of the folder", quote(name));
            return Err(Error::input(message).hint(IN_ONE_FILE));
        }
        let bytes = if files::about(&path)?.len() == 0 { Bytes::new() } else { Bytes::from_owner(files::map(&path)?) };
        self.open.insert(name.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

const IN_ONE_FILE: &str = "save the model in one file: `onnx.save(onnx.load(FILE), OUT, save_as_external_data=False)`";
