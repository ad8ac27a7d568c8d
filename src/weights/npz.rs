//! The `.npz` container of numpy: a zip archive of one `.npy` file for each array.

use super::container::{Container, Contents, PassedOver};
use super::dtype::Dtype;
use super::tensor::{Tensor, quote};
use super::zip::Member;
use crate::error::{Error, Result};
use crate::npy::{self, Element, HEADER_MAX, Header};

const ENDING: &str = ".npy";

/// Whether the members of a zip archive are those of an `.npz` file.
pub(super) fn is_npz(members: &[Member]) -> bool {
    !members.is_empty() && members.iter().all(|member| member.name.ends_with(ENDING))
}

/// The arrays of floats, sorted by name: the directory of the archive has no order that means anything. Arrays that no weights are,
/// such as texts, integers and single numbers, are passed over.
///
/// # Errors
/// [`crate::error::Kind::Input`] if an array lies about its size, or none is left.
pub(super) fn read(members: &[Member]) -> Result<Contents> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let (mut tensors, mut passed_over) = (Vec::new(), Vec::new());
    for member in sorted {
        let name = member.name.strip_suffix(ENDING).unwrap_or(&member.name);
        match array(name, member).map_err(|error| error.at(quote(&member.name)))? {
            Array::Tensor(tensor) => tensors.push(tensor),
            Array::Other(what) => passed_over.push(PassedOver { name: name.to_owned(), what }),
        }
    }
    if tensors.is_empty() {
        let found: Vec<String> =
            passed_over.iter().take(4).map(|array| format!("{} ({})", quote(&array.name), array.what)).collect();
        let message = format!("no array of floats but {}; needed the weights as arrays", found.join(", "));
        return Err(Error::input(message).hint(
            "save each array under its name, in Python: `numpy.savez(FILE, **arrays)`; a dict inside an array is taken out, \
             if you trust the file, with `numpy.load(FILE, allow_pickle=True)[NAME].item()`",
        ));
    }
    Ok(Contents { passed_over, ..Contents::new(Container::Npz, tensors)? })
}

enum Array {
    Tensor(Tensor),
    /// What it is instead.
    Other(String),
}

fn array(name: &str, member: &Member) -> Result<Array> {
    let start = member.storage.read(0..member.storage.len().min(HEADER_MAX))?;
    let header = match npy::Contents::parse(&start)? {
        npy::Contents::Others { elements, .. } if is_foreign_float(&elements) => {
            return Header::parse(&start).map(|_| Array::Other(elements));
        }
        npy::Contents::Others { pickled: true, .. } => return Ok(Array::Other("objects of Python".to_owned())),
        npy::Contents::Others { dims, elements, .. } => return Ok(Array::Other(format!("{elements} {dims:?}"))),
        npy::Contents::Floats(header) if header.dims.is_empty() => {
            return Ok(Array::Other("a single number".to_owned()));
        }
        npy::Contents::Floats(header) => header,
    };
    let dtype = match header.element {
        Element::F16 => Dtype::F16,
        Element::F32 => Dtype::F32,
        Element::F64 => Dtype::F64,
    };
    let (start, storage) = (header.data_offset, member.storage.clone());
    if !header.fortran {
        return Tensor::behind(name, header.dims, dtype, start, storage).map(Array::Tensor);
    }
    let reversed: Vec<usize> = (0..header.dims.len()).rev().collect();
    let dims = header.dims.into_iter().rev().collect();
    Tensor::behind(name, dims, dtype, start, storage)?.permuted(&reversed).map(Array::Tensor)
}

/// Floats of other machines, and bfloat16, which numpy writes as two bytes of no type, would be weights; passing them over would only
/// say that weights are missing.
fn is_foreign_float(elements: &str) -> bool {
    ["`>f", "`<f", "`=f", "`|V2`", "`<V2`"].iter().any(|start| elements.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::storage::Storage;

    fn entry(name: &str, text: &str, data: &[u8]) -> Vec<Member> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        vec![Member { name: name.to_owned(), storage: Storage::Plain(bytes.into()) }]
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
        assert!(read(&entries).err().unwrap().to_string().starts_with("`a.npy`: `a`: 20 bytes of data"));
    }

    #[test]
    fn arrays_that_are_no_weights_are_passed_over_and_named() {
        let float = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
        let mut members = entry("w.npy", float, &[0; 4]);
        for (name, descr, shape, data) in [
            ("name.npy", "<U2", "()", &[0; 8][..]),
            ("steps.npy", "<i8", "(2,)", &[0; 16]),
            ("lod.npy", "<f4", "()", &[0; 4]),
            ("params.npy", "|O", "()", b"\x80\x04}."),
        ] {
            members.extend(entry(
                name,
                &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"),
                data,
            ));
        }
        let contents = read(&members).unwrap();
        assert_eq!(contents.tensors.len(), 1);
        let passed: Vec<String> =
            contents.passed_over.iter().map(|array| format!("{} {}", array.name, array.what)).collect();
        assert_eq!(passed, ["lod a single number", "name `<U2` []", "params objects of Python", "steps `<i8` [2]"]);
        let error = read(&members[1..]).err().unwrap();
        assert!(error.to_string().contains("no array of floats but `lod` (a single number)"), "{error}");
        for other in [">f4", "|V2"] {
            let error = read(&entry("w.npy", &float.replace("<f4", other), &[0; 4])).err().unwrap();
            assert!(error.to_string().contains(&format!("elements are `{other}`")), "{error}");
            assert!(error.advice().unwrap().contains("astype('<f4')"));
        }
    }
}
