//! Unfinished work on disk: named tensors under the name of the job, written whole, checked by their hash.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files;
use crate::hash::hexadecimal;

/// A tensor of the file: name, element type, bytes.
pub(crate) type Owned = (String, Dtype, Vec<u8>);

/// A tensor of these values.
pub(crate) fn owned<T: bytemuck::NoUninit>(name: impl Into<String>, dtype: Dtype, values: &[T]) -> Owned {
    (name.into(), dtype, bytemuck::cast_slice(values).to_vec())
}

/// Writes the tensors.
pub(crate) fn save(path: &Path, job: &str, mut tensors: Vec<Owned>) -> Result<()> {
    let mut hash = Sha256::new();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors.iter().for_each(|(name, _, bytes)| {
        take_in(&mut hash, name, bytes);
    });
    let metadata =
        HashMap::from([("job".to_owned(), job.to_owned()), ("sha256".to_owned(), hexadecimal(hash.finalize()))]);
    let views = tensors.iter().map(|(name, dtype, bytes)| {
        let count = bytes.len() * 8 / dtype.bitsize();
        TensorView::new(*dtype, vec![count], bytes)
            .map(|view| (name, view))
            .map_err(|error| Error::internal(error.to_string()))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| Error::internal(error.to_string()))?;
    files::write_atomic(path, &bytes)
}

/// The tensors in `bytes`, if they are what [`save`] wrote for the same job.
pub(crate) fn open<'a>(bytes: &'a [u8], job: &str) -> Result<SafeTensors<'a>> {
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
    Ok(file)
}

/// What is wrong with a checkpoint.
pub(crate) fn bad(what: &str) -> Error {
    Error::input(format!("the checkpoint {what}"))
}

fn take_in(hash: &mut Sha256, name: &str, data: &[u8]) {
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(data);
}
