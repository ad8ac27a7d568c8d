//! The safetensors container: the crate parses the header and checks order and coverage; names and limits are ours.

use prost::bytes::Bytes;
use safetensors::Dtype as Stored;
use safetensors::tensor::Metadata;

use super::container::{Container, Contents};
use super::tensor::{Dtype, Tensor, quote};
use crate::error::{Error, Result};

/// A header that fits the file and opens with a brace.
pub(super) fn is_safetensors(source: &[u8]) -> bool {
    match source.split_first_chunk::<8>() {
        Some((length, rest)) => {
            let length = u64::from_le_bytes(*length);
            // A truncated or boasting header is still told as safetensors by its first brace.
            rest.first() == Some(&b'{') && length >> 40 == 0
        }
        None => false,
    }
}

/// As in the crate; no header of a real network comes near it.
const HEADER_BYTES_MAX: usize = 100_000_000;

pub(super) fn read(source: &Bytes) -> Result<Contents> {
    let broken = |found: String| {
        let error = Error::input(format!("not a valid safetensors file: {found}"));
        error.hint("the file is damaged or was cut short; fetch it again")
    };
    // The crate's own reading adds up hostile sizes unchecked, so only its header parser is used.
    let length = source.first_chunk::<8>().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    let end = usize::try_from(length).ok().filter(|&length| length <= HEADER_BYTES_MAX).map(|length| length + 8);
    let header = end.and_then(|end| source.get(8..end));
    let header = header.ok_or_else(|| broken(format!("a header of {length} bytes in a file of {}", source.len())))?;
    let metadata: Metadata = serde_json::from_slice(header).map_err(|error| broken(error.to_string()))?;
    let data_start = 8 + header.len();
    let found = source.len() - data_start;
    if metadata.data_len() != found {
        return Err(broken(format!("{found} bytes of data; the header needs {}", metadata.data_len())));
    }
    let mut tensors = Vec::new();
    for name in metadata.offset_keys() {
        let about = metadata.info(&name).ok_or_else(|| Error::internal("a listed tensor is not there"))?;
        let dtype = dtype(about.dtype).ok_or_else(|| {
            let message = format!("elements are {}; f16, bf16, f32, f64, integers and bool are read", about.dtype);
            Error::input(message).at(quote(&name))
        })?;
        let range = data_start + about.data_offsets.0..data_start + about.data_offsets.1;
        // The parser has checked that the ranges have no gaps and no overlaps.
        tensors.push(Tensor::contiguous(name, about.shape.clone(), dtype, source.slice(range))?);
    }
    let mut pairs: Vec<(String, String)> = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    pairs.sort_unstable();
    Ok(Contents { container: Container::Safetensors, tensors, metadata: pairs, graph: None })
}

fn dtype(stored: Stored) -> Option<Dtype> {
    Some(match stored {
        Stored::F16 => Dtype::F16,
        Stored::BF16 => Dtype::BF16,
        Stored::F32 => Dtype::F32,
        Stored::F64 => Dtype::F64,
        Stored::BOOL => Dtype::Bool,
        Stored::U8 => Dtype::U8,
        Stored::I8 => Dtype::I8,
        Stored::U16 => Dtype::U16,
        Stored::I16 => Dtype::I16,
        Stored::U32 => Dtype::U32,
        Stored::I32 => Dtype::I32,
        Stored::U64 => Dtype::U64,
        Stored::I64 => Dtype::I64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Bytes {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes.into()
    }

    fn refused(header: &str, data: &[u8]) -> String {
        read(&file(header, data)).err().unwrap().to_string()
    }

    #[test]
    fn tensors_and_metadata_come_out_in_file_order() {
        let header = r#"{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
            "a":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}"#;
        let contents = read(&file(header, &[0; 12])).unwrap();
        let names: Vec<&str> = contents.tensors.iter().map(Tensor::name).collect();
        assert_eq!((names, contents.metadata), (vec!["b", "a"], vec![("k".to_owned(), "v".to_owned())]));
    }

    #[test]
    fn holes_overlaps_overflows_and_boasts_are_refused() {
        let one = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        refused(one, &[0; 8]);
        refused(&one.replace("[4,8]", "[0,4]"), &[0; 8]);
        refused(&one.replace("[4,8]", "[0,400]"), &[0; 8]);
        refused(&one.replace("[1]", "[18446744073709551615,2]"), &[0; 8]);
        refused(&one.replace("[1]", "[4294967296,4294967296,0]").replace("[4,8]", "[0,0]"), &[]);
        let two = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        refused(two, &[0; 4]);
        refused(r#"{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,18446744073709551615]}}"#, &[0]);
        let mut boast = file(one, &[0; 8]).to_vec();
        boast[..8].copy_from_slice(&(1u64 << 39).to_le_bytes());
        assert!(is_safetensors(&boast));
        assert!(read(&boast.into()).is_err());
        assert!(refused(&one.replace("F32", "F8_E4M3").replace("[4,8]", "[0,1]"), &[0]).contains("F8_E4M3"));
    }
}
