//! Unfinished work on disk: named lists of numbers under the name of the job, written whole, checked by their hash.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files;
use crate::hash::hexadecimal;

/// Numbers that files hold.
pub(crate) trait Element: bytemuck::Pod {
    /// Their type in a file.
    const DTYPE: Dtype;
}

impl Element for u8 {
    const DTYPE: Dtype = Dtype::U8;
}
impl Element for u32 {
    const DTYPE: Dtype = Dtype::U32;
}
impl Element for u64 {
    const DTYPE: Dtype = Dtype::U64;
}
impl Element for i64 {
    const DTYPE: Dtype = Dtype::I64;
}
impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
}
impl Element for f64 {
    const DTYPE: Dtype = Dtype::F64;
}

/// A named list of numbers.
pub(crate) struct StateTensor {
    name: String,
    dtype: Dtype,
    bytes: Vec<u8>,
}

impl StateTensor {
    pub(crate) fn new<T: Element>(name: impl Into<String>, values: &[T]) -> StateTensor {
        StateTensor { name: name.into(), dtype: T::DTYPE, bytes: bytemuck::cast_slice(values).to_vec() }
    }
}

/// A checkpoint that was read and found whole.
pub(crate) struct Saved<'a>(SafeTensors<'a>);

impl Saved<'_> {
    /// The numbers of this name.
    ///
    /// # Errors
    /// As [`values`].
    pub(crate) fn values<T: Element>(&self, name: &str) -> Result<Vec<T>> {
        values(&self.0, name)
    }

    /// The one number of this name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] also if there are more or none.
    pub(crate) fn value<T: Element>(&self, name: &str) -> Result<T> {
        match self.values(name)?[..] {
            [value] => Ok(value),
            ref values => Err(Error::input(format!("{} elements; 1 needed", values.len())).at(name)),
        }
    }

    /// The numbers of this name, as many as `known` has, put in its place.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] also if there are more or fewer: it counts something else.
    pub(crate) fn fill<T: Element>(&self, name: &str, known: &mut Vec<T>) -> Result<()> {
        let values = self.values(name)?;
        if values.len() != known.len() {
            return Err(Error::input(format!("{} elements; {} needed", values.len(), known.len())).at(name));
        }
        *known = values;
        Ok(())
    }
}

/// Elements of a tensor of a file of ours.
///
/// # Errors
/// [`crate::error::Kind::Input`] if it is missing or of another type.
pub(crate) fn values<T: Element>(file: &SafeTensors<'_>, name: &str) -> Result<Vec<T>> {
    let view = file.tensor(name).map_err(|_| Error::input("tensor is missing").at(name))?;
    if view.dtype() != T::DTYPE {
        return Err(Error::input(format!("tensor is {:?}; {:?} needed", view.dtype(), T::DTYPE)).at(name));
    }
    Ok(view.data().chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect())
}

/// Writes the tensors.
///
/// # Errors
/// [`crate::error::Kind::Output`] if the file cannot be written.
pub(crate) fn save(path: &Path, job: &str, tensors: Vec<StateTensor>) -> Result<()> {
    files::write_atomic(path, &encode(job, tensors)?)
}

/// The bytes of a checkpoint, as [`open`] reads them.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if two tensors have one name.
pub(crate) fn encode(job: &str, mut tensors: Vec<StateTensor>) -> Result<Vec<u8>> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new();
    tensors.iter().for_each(|tensor| take_in(&mut hash, &tensor.name, &tensor.bytes));
    let metadata =
        HashMap::from([("job".to_owned(), job.to_owned()), ("sha256".to_owned(), hexadecimal(hash.finalize()))]);
    let views = tensors.iter().map(|tensor| {
        let count = tensor.bytes.len() * 8 / tensor.dtype.bitsize();
        TensorView::new(tensor.dtype, vec![count], &tensor.bytes)
            .map(|view| (&tensor.name, view))
            .map_err(|error| Error::internal(error.to_string()))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    safetensors::serialize(views, Some(metadata)).map_err(|error| Error::internal(error.to_string()))
}

/// The tensors in `bytes`, if they are what [`save`] wrote for the same job.
///
/// # Errors
/// [`crate::error::Kind::Input`] if they are anything else.
pub(crate) fn open<'a>(bytes: &'a [u8], job: &str) -> Result<Saved<'a>> {
    let bad = |what: &str| Error::input(format!("the checkpoint {what}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|_| bad("is not whole"))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let file = SafeTensors::deserialize(bytes).map_err(|_| bad("is not whole"))?;
    if metadata.get("job").is_none_or(|other| other != job) {
        return Err(bad("is of other work"));
    }
    let mut names: Vec<_> = file.names().into_iter().map(str::to_owned).collect();
    names.sort();
    let mut hash = Sha256::new();
    for name in &names {
        take_in(&mut hash, name, file.tensor(name).map_err(|_| bad("is not whole"))?.data());
    }
    if metadata.get("sha256") != Some(&hexadecimal(hash.finalize())) {
        return Err(bad("is damaged"));
    }
    Ok(Saved(file))
}

/// The name's length goes first, so that no two lists of tensors give the hash the same bytes.
fn take_in(hash: &mut Sha256, name: &str, data: &[u8]) {
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(data);
}
