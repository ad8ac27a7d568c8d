//! Writing safetensors: streamed, one tensor in memory at a time, and the same bytes for the same content.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::tensor::{element_count, quote};
use crate::error::{Error, Result};
use crate::files::write_atomic_with;
use crate::hash::hexadecimal;

/// Name and sizes of a tensor to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Name in the file.
    pub name: String,
    /// Sizes, outermost first.
    pub dims: Vec<usize>,
}

/// How finely values are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// All as f32.
    #[default]
    Single,
    /// Filters and matrices as f16, rounded to nearest; biases, which are few, as f32.
    Half,
}

impl Precision {
    fn is_half(self, tensor: &Stored) -> bool {
        self == Precision::Half && tensor.dims.len() > 1
    }

    fn check_range<'a>(self, tensor: &Stored, values: Cow<'a, [f32]>) -> Result<Cow<'a, [f32]>> {
        let beyond = |value: &&f32| !half::f16::from_f32(**value).is_finite();
        match values.iter().find(beyond).filter(|_| self.is_half(tensor)) {
            Some(value) => Err(Error::input(format!("{value} is beyond half precision")).at(quote(&tensor.name))),
            None => Ok(values),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal.
    pub sha256: String,
}

/// As [`save_as`], all in single precision.
///
/// # Errors
/// As [`save_as`].
pub fn save<'a>(
    path: &Path,
    metadata: &[(String, String)],
    tensors: &[Stored],
    values: impl FnMut(usize) -> Result<Cow<'a, [f32]>>,
) -> Result<Written> {
    save_as(Precision::Single, path, metadata, tensors, values)
}

/// Writes tensors and metadata as a safetensors file; `values(i)` gives the elements of tensor `i`, row-major.
///
/// The file appears whole or not at all. Tensors and metadata keep their order, so equal content gives equal bytes.
///
/// # Errors
/// What `values` returns; [`crate::error::Kind::Input`] if a value is beyond half precision;
/// [`crate::error::Kind::Output`] if the file cannot be written; [`crate::error::Kind::Internal`] if the elements do not fill the
/// sizes.
pub fn save_as<'a>(
    precision: Precision,
    path: &Path,
    metadata: &[(String, String)],
    tensors: &[Stored],
    mut values: impl FnMut(usize) -> Result<Cow<'a, [f32]>>,
) -> Result<Written> {
    let header = header(precision, metadata, tensors)?;
    let mut written = Written { bytes: 0, sha256: String::new() };
    // The writer's closure speaks of the disk only; what is wrong with the values is kept beside it.
    let mut refused = None;
    let outcome = write_atomic_with(path, |out| {
        let mut out = Hashing { inner: out, hasher: Sha256::new(), bytes: 0 };
        out.put(&(header.len() as u64).to_le_bytes())?;
        out.put(header.as_bytes())?;
        for (index, tensor) in tensors.iter().enumerate() {
            let values = values(index).and_then(|values| check_count(tensor, values));
            let values = values.and_then(|values| precision.check_range(tensor, values));
            let values = values.map_err(|error| stop(&mut refused, error))?;
            match precision.is_half(tensor) {
                true => out.put_values(&values, |value| half::f16::from_f32(value).to_le_bytes())?,
                false => out.put_values(&values, f32::to_le_bytes)?,
            }
        }
        written = Written { bytes: out.bytes, sha256: hexadecimal(out.hasher.finalize()) };
        Ok(())
    });
    match refused {
        Some(error) => Err(error),
        None => outcome.map(|()| written),
    }
}

fn check_count<'a>(tensor: &Stored, values: Cow<'a, [f32]>) -> Result<Cow<'a, [f32]>> {
    if values.len() == element_count(&tensor.dims)? {
        return Ok(values);
    }
    let message = format!("{} values for a tensor of sizes {:?}", values.len(), tensor.dims);
    Err(Error::internal(message).at(quote(&tensor.name)))
}

fn stop(kept: &mut Option<Error>, error: Error) -> io::Error {
    *kept = Some(error);
    io::Error::other("the values were refused")
}

fn header(precision: Precision, metadata: &[(String, String)], tensors: &[Stored]) -> Result<String> {
    let mut header = Map::new();
    let pairs: Map<String, Value> = metadata.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    header.insert("__metadata__".into(), Value::Object(pairs));
    let mut start = 0usize;
    for tensor in tensors {
        let (dtype, size) = if precision.is_half(tensor) { ("F16", 2) } else { ("F32", 4) };
        let end = element_count(&tensor.dims)?.checked_mul(size).and_then(|bytes| start.checked_add(bytes));
        let end = end.ok_or_else(|| Error::internal("the tensors are larger than a file can be"))?;
        let about = json!({"dtype": dtype, "shape": tensor.dims, "data_offsets": [start, end]});
        if header.insert(tensor.name.clone(), about).is_some() {
            return Err(Error::internal("a tensor is written twice").at(quote(&tensor.name)));
        }
        start = end;
    }
    let mut text = Value::Object(header).to_string();
    // Padded so that the elements are aligned in a mapped file.
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    Ok(text)
}

struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.inner.write_all(bytes)
    }

    fn put_values<const N: usize>(&mut self, values: &[f32], stored: impl Fn(f32) -> [u8; N]) -> io::Result<()> {
        for block in values.chunks(1 << 14) {
            let bytes: Vec<u8> = block.iter().flat_map(|&value| stored(value)).collect();
            self.put(&bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<Stored> {
        vec![Stored { name: "b".into(), dims: vec![2, 1] }, Stored { name: "a".into(), dims: vec![] }]
    }

    #[test]
    fn what_is_written_is_read_back_by_the_crate_and_named_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let metadata = [("model".to_owned(), "\"x\"".to_owned())];
        let values = [vec![1.5f32, -2.0], vec![0.25]];
        let written = save(&path, &metadata, &two(), |index| Ok(Cow::from(&values[index]))).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len() as u64, crate::hash::sha256(&bytes)), (written.bytes, written.sha256));
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(read.tensor("b").unwrap().data(), [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat());
        assert_eq!((read.tensor("a").unwrap().shape(), read.names().len()), (&[][..], 2));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn half_precision_rounds_matrices_keeps_biases_and_refuses_what_it_cannot_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let stored =
            [Stored { name: "weight".into(), dims: vec![1, 2] }, Stored { name: "bias".into(), dims: vec![1] }];
        let third = 1.0 / 3.0;
        let save_values = |weight: f32| {
            let values = [vec![weight, -2.0], vec![third]];
            save_as(Precision::Half, &path, &[], &stored, |index| Ok(Cow::from(values[index].clone())))
        };
        save_values(third).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        // 1/3 in half precision is 0x3555, -2 is 0xc000.
        assert_eq!(read.tensor("weight").unwrap().data(), [0x55, 0x35, 0x00, 0xc0]);
        assert_eq!(read.tensor("bias").unwrap().data(), third.to_le_bytes());
        let error = save_values(70_000.0).unwrap_err().to_string();
        assert!(error.contains("weight") && error.contains("70000"), "{error}");
    }

    #[test]
    fn a_failure_half_way_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, "old").unwrap();
        let failing = |index| if index == 0 { Ok(vec![0.0; 2].into()) } else { Err(Error::input("broken")) };
        save(&path, &[], &two(), failing).unwrap_err();
        save(&path, &[], &two(), |_| Ok(vec![0.0; 2].into())).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_output_error_with_its_path() {
        let error = save(Path::new("/nowhere/at/all.safetensors"), &[], &[], |_| Ok(Cow::default())).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Output);
        assert!(error.to_string().starts_with("/nowhere/at/all.safetensors: "), "{error}");
    }
}
