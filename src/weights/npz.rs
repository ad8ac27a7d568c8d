//! The `.npz` container of numpy: a zip archive of one `.npy` file for each array.

use std::collections::HashMap;

use prost::bytes::Bytes;

use super::container::{Container, Contents};
use super::tensor::{Dtype, Tensor, quote};
use crate::error::{Error, Result};
use crate::npy::{Element, Header};

const ENDING: &str = ".npy";

/// Whether the entries of a zip archive are those of an `.npz` file.
pub(super) fn is_npz(entries: &HashMap<String, Bytes>) -> bool {
    !entries.is_empty() && entries.keys().all(|name| name.ends_with(ENDING))
}

/// The arrays, sorted by name: the directory of the archive has no order that means anything.
pub(super) fn read(entries: &HashMap<String, Bytes>) -> Result<Contents> {
    let mut names: Vec<&String> = entries.keys().collect();
    names.sort_unstable();
    let tensor = |name: &String| {
        let plain = name.strip_suffix(ENDING).unwrap_or(name);
        array(plain, &entries[name]).map_err(|error| error.at(quote(name)))
    };
    let tensors = names.into_iter().map(tensor).collect::<Result<_>>()?;
    Ok(Contents { container: Container::Npz, tensors, metadata: Vec::new(), graph: None })
}

fn array(name: &str, file: &Bytes) -> Result<Tensor> {
    let header = Header::parse(file)?;
    if file.len() - header.data_offset != header.data_bytes {
        let found = file.len() - header.data_offset;
        let message = format!("{found} bytes of data; an array of {:?} needs {}", header.dims, header.data_bytes);
        return Err(Error::input(message));
    }
    let dtype = match header.element {
        Element::F16 => Dtype::F16,
        Element::F32 => Dtype::F32,
        Element::F64 => Dtype::F64,
    };
    let data = file.slice(header.data_offset..);
    if !header.fortran {
        return Tensor::contiguous(name, header.dims, dtype, data);
    }
    let reversed: Vec<usize> = (0..header.dims.len()).rev().collect();
    let dims = header.dims.into_iter().rev().collect();
    Tensor::contiguous(name, dims, dtype, data)?.permuted(&reversed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, text: &str, data: &[u8]) -> HashMap<String, Bytes> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        HashMap::from([(name.to_owned(), bytes.into())])
    }

    #[test]
    fn arrays_are_read_in_either_order_of_their_axes() {
        let data: Vec<u8> = (0u8..6).flat_map(|v| f32::from(v).to_le_bytes()).collect();
        let read = |fortran: &str| {
            let text = format!("{{'descr': '<f4', 'fortran_order': {fortran}, 'shape': (2, 3), }}\n");
            let entries = entry("4x4/Dense/weight.npy", &text, &data);
            assert!(is_npz(&entries));
            let tensor = super::read(&entries).unwrap().tensors.remove(0);
            assert_eq!((tensor.name(), tensor.dims()), ("4x4/Dense/weight", &[2, 3][..]));
            tensor.to_f32().unwrap()
        };
        assert_eq!(read("False"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(read("True"), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }

    #[test]
    fn arrays_that_lie_about_their_size_are_refused_by_name() {
        let entries = entry("a.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", &[0; 20]);
        assert!(read(&entries).err().unwrap().to_string().starts_with("`a.npy`: 20 bytes of data"));
    }
}
