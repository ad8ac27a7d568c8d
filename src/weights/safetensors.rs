//! The safetensors container: a JSON header, then the tensors without gaps.
//!
//! The header is read as a stream whose counts are checked as they grow, and a name that is there twice is refused: readers
//! disagree about which of the two counts.

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::container::{Container, Contents, PassedOver, TENSORS_MAX};
use super::dtype::Dtype;
use super::tensor::{DIMENSIONS_MAX, Tensor, quote};
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

/// The format allows 100 MB; that of a network of images has some kilobytes.
const HEADER_BYTES_MAX: u64 = 16 << 20;
/// Pairs of metadata.
const PAIRS_MAX: usize = 10_000;

pub(super) fn read(source: &Bytes) -> Result<Contents> {
    let broken = |found: String| {
        let error = Error::input(format!("not a valid safetensors file: {found}"));
        error.hint("the file is damaged or was cut short; fetch it again")
    };
    let length = source.first_chunk::<8>().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    if (HEADER_BYTES_MAX..source.len() as u64).contains(&length) {
        return Err(Error::input(format!("a header of {length} bytes; at most {HEADER_BYTES_MAX} are read")));
    }
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(8));
    let header = end.and_then(|end| source.get(8..end));
    let header = header.ok_or_else(|| broken(format!("a header of {length} bytes in a file of {}", source.len())))?;
    let data_start = 8 + header.len();
    let Header { mut entries, pairs } = serde_json::from_slice(header).map_err(|error| broken(error.to_string()))?;
    check_names("tensor", entries.iter().map(|(name, _)| name.as_str()))?;
    check_names("metadata", pairs.iter().map(|(key, _)| key.as_str()))?;
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut position = 0;
    let (mut tensors, mut passed_over) = (Vec::with_capacity(entries.len()), Vec::new());
    let only_unread = entries.iter().all(|(_, entry)| dtype(&entry.dtype.0).is_none());
    for (name, entry) in entries {
        let [start, end] = entry.data_offsets;
        if start != position || end < start {
            let message = format!("its data lies at {start} to {end}; needed a start at {position}");
            return Err(broken(message).at(quote(&name)));
        }
        position = end;
        let found = source.len() - data_start;
        if end > found {
            return Err(broken(format!("{found} bytes of data; the header needs {end}")));
        }
        let Some(dtype) = dtype(&entry.dtype.0) else {
            let elements = quote(&entry.dtype.0);
            if only_unread || is_wanted(&name) {
                let message = format!("elements are {elements}; f16, bf16, f32, f64, integers and bool are read");
                return Err(Error::input(message).at(quote(&name)));
            }
            passed_over.push(PassedOver { name, what: format!("{elements} {:?}", entry.shape.0) });
            continue;
        };
        let data = source.slice(data_start + start..data_start + end);
        tensors.push(Tensor::contiguous(name, entry.shape.0, dtype, data)?);
    }
    if position != source.len() - data_start {
        return Err(broken(format!("{} bytes of data; the header needs {position}", source.len() - data_start)));
    }
    let mut metadata = pairs;
    metadata.sort_unstable();
    Ok(Contents { metadata, passed_over, ..Contents::new(Container::Safetensors, tensors)? })
}

/// Whether a tensor is called as weights are: to pass it over would only say that weights are missing.
fn is_wanted(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    ["weight", "bias", "kernel"].iter().any(|word| last.contains(word))
}

fn check_names<'a>(what: &str, mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    match names.find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::input(format!("{what} {} is there twice; needed once", quote(name)))
            .hint("nobody can tell which of the two is meant: save the file again with the program that wrote it")),
    }
}

fn dtype(stored: &str) -> Option<Dtype> {
    Some(match stored {
        "F16" => Dtype::F16,
        "BF16" => Dtype::BF16,
        "F32" => Dtype::F32,
        "F64" => Dtype::F64,
        "BOOL" => Dtype::Bool,
        "U8" => Dtype::U8,
        "I8" => Dtype::I8,
        "U16" => Dtype::U16,
        "I16" => Dtype::I16,
        "U32" => Dtype::U32,
        "I32" => Dtype::I32,
        "U64" => Dtype::U64,
        "I64" => Dtype::I64,
        _ => return None,
    })
}

/// What a header says, in its order; names may still be doubled.
struct Header {
    entries: Vec<(String, Entry)>,
    pairs: Vec<(String, String)>,
}

/// Where a tensor lies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: ShortText,
    shape: Shape,
    data_offsets: [usize; 2],
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header with one entry for each tensor")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header { entries: Vec::new(), pairs: Vec::new() };
                let mut metadata = false;
                while let Some(ShortText(name)) = map.next_key()? {
                    if name == "__metadata__" {
                        if std::mem::replace(&mut metadata, true) {
                            return Err(A::Error::custom("`__metadata__` is there twice"));
                        }
                        header.pairs = map.next_value::<Pairs>()?.0;
                    } else if header.entries.len() == TENSORS_MAX {
                        return Err(A::Error::custom(format!("more than {TENSORS_MAX} tensors")));
                    } else {
                        header.entries.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Metadata in its order.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((ShortText(key), value)) = map.next_entry()? {
                    if pairs.len() == PAIRS_MAX {
                        return Err(A::Error::custom(format!("more than {PAIRS_MAX} pairs of metadata")));
                    }
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Texts)
    }
}

/// A name.
struct ShortText(String);

/// Bytes of a name.
const NAME_MAX: usize = 1000;

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = ShortText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a name of at most {NAME_MAX} bytes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ShortText, E> {
                match text.len() {
                    0..=NAME_MAX => Ok(ShortText(text.to_owned())),
                    length => Err(E::invalid_length(length, &self)),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Sizes, outermost first.
struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {DIMENSIONS_MAX} sizes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Shape, A::Error> {
                let mut shape = Vec::new();
                while let Some(size) = sizes.next_element()? {
                    if shape.len() == DIMENSIONS_MAX {
                        return Err(A::Error::invalid_length(DIMENSIONS_MAX + 1, &self));
                    }
                    shape.push(size);
                }
                Ok(Shape(shape))
            }
        }
        deserializer.deserialize_seq(Sizes)
    }
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
    fn what_is_no_weight_and_of_a_type_that_is_not_read_is_passed_over_and_named() {
        let header = |name: &str| {
            let one = r#""a.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
            format!(r#"{{{one},"{name}":{{"dtype":"C64","shape":[2],"data_offsets":[4,20]}}}}"#)
        };
        let contents = read(&file(&header("freqs"), &[0; 20])).unwrap();
        assert_eq!((contents.tensors.len(), contents.passed_over.len()), (1, 1));
        let passed = &contents.passed_over[0];
        assert_eq!((passed.name.as_str(), passed.what.as_str()), ("freqs", "`C64` [2]"));
        assert!(refused(&header("b.weight"), &[0; 20]).contains("`b.weight`: elements are `C64`"));
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
        let wide = one.replace("[1]", &format!("[{}1]", "1,".repeat(100_000))).replace("[4,8]", "[0,4]");
        assert!(refused(&wide, &[0; 4]).contains("at most 8 sizes"), "{}", refused(&wide, &[0; 4]));
        let mut boast = file(one, &[0; 8]).to_vec();
        boast[..8].copy_from_slice(&(1u64 << 39).to_le_bytes());
        assert!(is_safetensors(&boast));
        assert!(read(&boast.into()).is_err());
        assert!(refused(&one.replace("F32", "F8_E4M3").replace("[4,8]", "[0,1]"), &[0]).contains("F8_E4M3"));
    }

    #[test]
    fn names_that_are_there_twice_are_refused_at_every_level() {
        let one = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
        let two = one.replace("[0,4]", "[4,8]");
        for (header, what) in [
            (format!(r#"{{"a":{one},"a":{two}}}"#), "tensor `a` is there twice"),
            (format!(r#"{{"a":{one},"\u0061":{two}}}"#), "tensor `a` is there twice"),
            (
                format!(r#"{{"__metadata__":{{"k":"1","l":"2","k":"3"}},"a":{one},"b":{two}}}"#),
                "metadata `k` is there twice",
            ),
            (
                format!(r#"{{"__metadata__":{{}},"a":{one},"b":{two},"__metadata__":{{}}}}"#),
                "`__metadata__` is there twice",
            ),
            (format!(r#"{{"a":{one},"b":{{"dtype":"F32",{}}}"#, &two[1..]), "duplicate field `dtype`"),
            (format!(r#"{{"a":{one},"b":{{"sparse":true,{}}}"#, &two[1..]), "unknown field `sparse`"),
        ] {
            let text = refused(&header, &[0; 8]);
            assert!(text.contains(what), "{what} is not in {text}");
        }
    }

    #[test]
    fn headers_that_take_more_memory_than_any_network_needs_are_refused() {
        let names = |count: usize| (0..count).map(|k| format!(r#""{k}":"{k}""#)).collect::<Vec<_>>().join(",");
        let metadata = format!(r#"{{"__metadata__":{{{}}}}}"#, names(PAIRS_MAX + 1));
        assert!(refused(&metadata, &[]).contains("more than 10000 pairs"));
        let empty = r#"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#;
        let tensors: Vec<String> = (0..=TENSORS_MAX).map(|k| format!(r#""{k}":{empty}"#)).collect();
        assert!(refused(&format!("{{{}}}", tensors.join(",")), &[]).contains("more than 20000 tensors"));
        assert!(refused(&format!(r#"{{"{}":{empty}}}"#, "x".repeat(1001)), &[]).contains("at most 1000 bytes"));
        let long = format!("{{{}}}", " ".repeat(HEADER_BYTES_MAX as usize));
        assert!(refused(&long, &[0; 100]).contains("at most 16777216 are read"));
    }
}
