//! The header of numpy's `.npy` files. Every file is hostile until its sizes were checked.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, versions 1 to 3.

use crate::error::{Error, Result};

/// Longest header that is read. numpy itself refuses more than 10,000 bytes.
pub(crate) const HEADER_MAX: usize = 16 << 10;

const MAGIC: &[u8] = b"\x93NUMPY";
/// More axes than any weight of a vision network has.
const AXES_MAX: usize = 8;

/// Element type of an array, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    /// IEEE 754 half precision, `<f2`.
    F16,
    /// IEEE 754 single precision, `<f4`.
    F32,
    /// IEEE 754 double precision, `<f8`.
    F64,
}

impl Element {
    /// Bytes of one element.
    pub(crate) const fn size(self) -> usize {
        match self {
            Element::F16 => 2,
            Element::F32 => 4,
            Element::F64 => 8,
        }
    }
}

/// What a `.npy` file says about its array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Sizes, outermost first; empty for a scalar.
    pub(crate) dims: Vec<usize>,
    /// Element type.
    pub(crate) element: Element,
    /// Whether the first axis varies fastest (Fortran) instead of the last (C).
    pub(crate) fortran: bool,
    /// Where the elements start in the file.
    pub(crate) data_offset: usize,
    /// Bytes of all elements; at most half of what memory can address.
    pub(crate) data_bytes: usize,
}

impl Header {
    /// Reads the header at the start of a file, of which at least the first [`HEADER_MAX`] bytes (or all) are given.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if this is no `.npy` file, its header is broken, or its elements are not floats.
    pub(crate) fn parse(file: &[u8]) -> Result<Header> {
        match Contents::parse(file)? {
            Contents::Floats(header) => Ok(header),
            Contents::Others { elements, .. } => {
                Err(Error::input(format!("elements are {elements}; needed little-endian floats: <f4 or <f8"))
                    .hint("save the array again as `array.astype('<f4')`"))
            }
        }
    }
}

/// What a `.npy` file may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Numbers that can be weights or latents.
    Floats(Header),
    /// An array of anything else.
    Others {
        /// Sizes, outermost first.
        dims: Vec<usize>,
        /// The type of the elements as numpy writes it, safe to print.
        elements: String,
        /// Whether they are objects of Python: the data is a pickle.
        pickled: bool,
    },
}

impl Contents {
    /// As [`Header::parse`], but for any elements.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if this is no `.npy` file or its header is broken.
    pub(crate) fn parse(file: &[u8]) -> Result<Contents> {
        let (text, data_offset) = dictionary(file)?;
        let mut words = HeaderWords { rest: text.trim_end_matches(['\n', ' ', '\0']) };
        let (mut element, mut fortran, mut dims) = (None, None, None);
        words.take("{")?;
        while !words.skip("}") {
            let key = words.string()?;
            words.take(":")?;
            let twice = match key {
                "descr" => element.replace(words.element_type()?).is_some(),
                "fortran_order" => fortran.replace(words.truth()?).is_some(),
                "shape" => dims.replace(words.sizes()?).is_some(),
                _ => return Err(broken("it has a key that numpy does not write")),
            };
            if twice {
                return Err(broken("a key is there twice"));
            }
            if !words.skip(",") && !words.rest.starts_with('}') {
                return Err(broken("a comma is missing"));
            }
        }
        let (Some(element), Some(fortran), Some(dims), "") = (element, fortran, dims, words.rest) else {
            return Err(broken("it needs `descr`, `fortran_order` and `shape`, and nothing behind them"));
        };
        let element = match element {
            "<f2" => Element::F16,
            "<f4" => Element::F32,
            "<f8" => Element::F64,
            other => {
                let elements = format!("`{}`", other.chars().take(60).filter(|c| !c.is_control()).collect::<String>());
                return Ok(Contents::Others { dims, elements, pickled: other.starts_with("|O") });
            }
        };
        let bytes = dims.iter().try_fold(element.size(), |product, &size: &usize| product.checked_mul(size));
        let data_bytes = bytes.filter(|&bytes| bytes <= isize::MAX as usize / 2);
        let data_bytes =
            data_bytes.ok_or_else(|| Error::input(format!("an array of {dims:?} is more than memory can hold")))?;
        Ok(Contents::Floats(Header { dims, element, fortran, data_offset, data_bytes }))
    }
}

/// The text of the header and where it ends.
fn dictionary(file: &[u8]) -> Result<(&str, usize)> {
    let cut = || broken("the file ends within it").hint("the file was cut short; write it again");
    let Some(rest) = file.strip_prefix(MAGIC) else {
        return Err(Error::input("not a .npy file; needed one that `numpy.save` wrote"));
    };
    let version = rest.first().copied().ok_or_else(cut)?;
    let (start, length) = match (version, rest.get(2..).unwrap_or_default()) {
        (1, [a, b, ..]) => (MAGIC.len() + 4, usize::from(u16::from_le_bytes([*a, *b]))),
        (2 | 3, [a, b, c, d, ..]) => (MAGIC.len() + 6, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        (1..=3, _) => return Err(cut()),
        _ => return Err(broken(&format!("its version is {version}; 1 to 3 are read"))),
    };
    if length > HEADER_MAX - 16 {
        return Err(broken(&format!("it has {length} bytes; at most {} are read", HEADER_MAX - 16)));
    }
    let text = file.get(start..start + length).ok_or_else(cut)?;
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii()).ok_or_else(|| broken("it is no text"))?;
    Ok((text, start + length))
}

fn broken(what: &str) -> Error {
    Error::input(format!("the header of the .npy file is broken: {what}"))
}

/// The header's text, eaten from the front: a Python dictionary of a string, a truth value and a tuple of integers.
struct HeaderWords<'a> {
    rest: &'a str,
}

impl<'a> HeaderWords<'a> {
    fn skip(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(word);
        self.rest = after.unwrap_or(self.rest).trim_start();
        after.is_some()
    }

    fn take(&mut self, word: &str) -> Result<()> {
        if self.skip(word) { Ok(()) } else { Err(broken(&format!("`{word}` is missing"))) }
    }

    fn string(&mut self) -> Result<&'a str> {
        let quote = if self.skip("'") { '\'' } else { '"' };
        if quote == '"' {
            self.take("\"")?;
        }
        let (text, rest) = self.rest.split_once(quote).ok_or_else(|| broken("a string does not end"))?;
        self.rest = rest;
        Ok(text)
    }

    /// The text of a string, or a list of fields as it is written.
    fn element_type(&mut self) -> Result<&'a str> {
        if !self.rest.starts_with(['[', '(']) {
            return self.string();
        }
        let mut open = 0usize;
        let closes = |c: char| {
            open = match c {
                '[' | '(' => open + 1,
                ']' | ')' => open.saturating_sub(1),
                _ => open,
            };
            open == 0
        };
        let end = self.rest.find(closes).ok_or_else(|| broken("a type does not end"))?;
        let (fields, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        Ok(fields)
    }

    fn truth(&mut self) -> Result<bool> {
        if self.skip("True") {
            return Ok(true);
        }
        self.take("False").map(|()| false)
    }

    fn sizes(&mut self) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        self.take("(")?;
        while !self.skip(")") {
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            sizes.push(digits.parse().map_err(|_| broken("a size is no number"))?);
            // Python 2 wrote its long integers so.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.skip(",") && !self.rest.starts_with(')') {
                return Err(broken("the shape is no tuple of sizes"));
            }
            if sizes.len() > AXES_MAX {
                return Err(Error::input(format!("the array has more than {AXES_MAX} axes")));
            }
        }
        Ok(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    fn refusal(text: &str) -> String {
        Header::parse(&file(text)).unwrap_err().to_string()
    }

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let header =
            Header::parse(&file("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512, 1, 1), }   \n")).unwrap();
        assert_eq!((header.dims, header.element, header.fortran), (vec![3, 512, 1, 1], Element::F32, false));
        assert_eq!((header.data_offset, header.data_bytes), (81, 3 * 512 * 4));
        let header = Header::parse(&file("{'descr': '<f8', 'fortran_order': True, 'shape': (7,), }\n")).unwrap();
        assert_eq!((header.dims, header.element, header.fortran), (vec![7], Element::F64, true));
        assert!(
            Header::parse(&file("{'descr': '<f2', 'fortran_order': False, 'shape': (), }")).unwrap().dims.is_empty()
        );
        let mut second = b"\x93NUMPY\x02\x00".to_vec();
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
        second.extend((text.len() as u32).to_le_bytes());
        second.extend(text.as_bytes());
        assert_eq!(Header::parse(&second).unwrap().dims, [2]);
    }

    #[test]
    fn other_element_types_are_named() {
        assert!(refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }").contains("`>f4`"));
        assert!(refusal("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }").contains("`|O`"));
        let fields = refusal("{'descr': [('a', '<f4', (2,)), ('b', '|S1')], 'fortran_order': False, 'shape': (2,), }");
        assert!(fields.contains("elements are `[('a', '<f4', (2,)), ('b', '|S1')]`"), "{fields}");
        let objects = file("{'descr': '|O', 'fortran_order': False, 'shape': (), }");
        assert!(matches!(Contents::parse(&objects).unwrap(), Contents::Others { pickled: true, .. }));
    }

    #[test]
    fn sizes_as_python_2_wrote_them_are_read() {
        let header = Header::parse(&file("{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 5L), }\n")).unwrap();
        assert_eq!(header.dims, [3, 5]);
        assert!(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3LL,), }").contains("no tuple of sizes"));
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        let huge = usize::MAX / 2;
        assert!(
            refusal(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({huge}, 9), }}")).contains("memory")
        );
        assert!(
            refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }").contains("number")
        );
        assert!(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }").contains("axes"));
    }

    #[test]
    fn every_cut_and_every_changed_byte_of_a_header_is_read_or_refused_but_never_a_panic() {
        let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), }\n");
        for end in 0..whole.len() {
            assert!(Header::parse(&whole[..end]).is_err(), "{end}");
        }
        for at in 0..whole.len() {
            for byte in [0, b'\'', b'(', b'}', b'9', b',', 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = Header::parse(&changed);
            }
        }
        assert!(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'shape': (4,)}").contains("twice"));
        assert!(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } x").contains("nothing behind"));
        assert!(refusal("{'descr': '<f4', 'shape': (3,), }").contains("needs `descr`"));
    }
}
