//! A tensor as it lies in a file, and its conversion to f32.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use half::{bf16, f16};

use super::dtype::Dtype;
use super::storage::Storage;
use crate::error::{Error, Result};

/// More dimensions than any weight of a vision network has.
pub(super) const DIMENSIONS_MAX: usize = 8;

/// Bytes that a view may unpack beyond twice those of its elements.
const SPREAD_MAX: usize = 1 << 20;

/// A tensor of a file: name, sizes, element type, and a view of bytes that were checked to cover it.
///
/// Nothing is converted before [`Tensor::to_f32`]; the bytes usually stay in the memory-mapped file.
#[derive(Debug, Clone)]
pub struct Tensor {
    name: String,
    dims: Vec<usize>,
    dtype: Dtype,
    /// In elements.
    strides: Vec<usize>,
    storage: Storage,
    /// Bytes of the storage from the first element to the last.
    range: Range<usize>,
}

impl Tensor {
    /// A row-major tensor.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if `bytes` is not exactly as long as the sizes say.
    pub(super) fn contiguous(name: impl Into<String>, dims: Vec<usize>, dtype: Dtype, bytes: Bytes) -> Result<Self> {
        Tensor::behind(name, dims, dtype, 0, Storage::Plain(bytes))
    }

    /// A row-major tensor of all that a storage holds behind its first `start` bytes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if that is not exactly as long as the sizes say.
    pub(super) fn behind(
        name: impl Into<String>,
        dims: Vec<usize>,
        dtype: Dtype,
        start: usize,
        storage: Storage,
    ) -> Result<Self> {
        let name = name.into();
        let count = element_count(&dims).map_err(|error| error.at(quote(&name)))?;
        let needed = count.checked_mul(dtype.size());
        let found = storage.len().saturating_sub(start);
        if needed != Some(found) {
            let needed = needed.map_or_else(|| "more than memory holds".into(), |n| format!("{n} bytes"));
            return Err(
                Error::input(format!("{found} bytes of data; {dtype} {} needs {needed}", Dims(&dims))).at(quote(&name))
            );
        }
        let strides = row_major(&dims);
        Ok(Tensor { name, dims, dtype, strides, range: start..start + found, storage })
    }

    /// An f32 tensor of these elements, row-major.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if they do not fill the sizes.
    pub fn from_values(name: impl Into<String>, dims: Vec<usize>, values: &[f32]) -> Result<Self> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Tensor::contiguous(name, dims, Dtype::F32, bytes.into())
    }

    /// The elements in row-major order, if they are integers of 32 or 64 bits.
    pub fn integers(&self) -> Option<Vec<i64>> {
        let bytes = self.read().ok().filter(|_| self.is_row_major())?;
        match self.dtype {
            Dtype::I64 => Some(bytes.as_chunks::<8>().0.iter().map(|&chunk| i64::from_le_bytes(chunk)).collect()),
            Dtype::I32 => {
                Some(bytes.as_chunks::<4>().0.iter().map(|&chunk| i32::from_le_bytes(chunk).into()).collect())
            }
            _ => None,
        }
    }

    /// A view into a storage, as PyTorch describes one: `offset` and `strides` in elements.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if an element would lie outside the storage, or if two would share one place, but along axes of
    /// stride 0, which PyTorch calls expanded.
    pub(super) fn strided(
        name: impl Into<String>,
        dims: Vec<usize>,
        dtype: Dtype,
        (offset, strides): (usize, Vec<usize>),
        storage: &Storage,
    ) -> Result<Self> {
        let name = name.into();
        let held = storage.len() / dtype.size();
        let elements = view(&dims, offset, &strides, held).map_err(|error| error.at(quote(&name)))?;
        let range = elements.start * dtype.size()..elements.end * dtype.size();
        let count: usize = dims.iter().product();
        if storage.is_packed() && range.len() > (count * dtype.size()).saturating_mul(2).saturating_add(SPREAD_MAX) {
            let message = format!("{count} elements spread over {} packed bytes; needed them together", range.len());
            return Err(Error::input(message).at(quote(&name)).hint("save `tensor.contiguous()` instead"));
        }
        Ok(Tensor { name, dims, dtype, strides, storage: storage.clone(), range })
    }

    /// Name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sizes, outermost first; empty for a scalar.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Element type in the file.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Size of the elements in bytes, in the file's element type.
    pub fn bytes_len(&self) -> usize {
        self.count() * self.dtype.size()
    }

    /// The same tensor under another name.
    #[must_use]
    pub fn renamed(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same elements with the axes in the order `permutation`; nothing is copied.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if `permutation` does not name every axis once.
    pub fn permuted(mut self, permutation: &[usize]) -> Result<Self> {
        let mut sorted = permutation.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..self.dims.len()) {
            let message = format!("axis order {permutation:?}; needed every axis of {} once", Dims(&self.dims));
            return Err(Error::input(message).at(quote(&self.name)));
        }
        self.dims = permutation.iter().map(|&axis| self.dims[axis]).collect();
        self.strides = permutation.iter().map(|&axis| self.strides[axis]).collect();
        Ok(self)
    }

    /// The same elements as one row, if at most one axis is longer than one; else the tensor unchanged.
    #[must_use]
    pub fn flattened(mut self) -> Self {
        let long: Vec<usize> = (0..self.dims.len()).filter(|&axis| self.dims[axis] != 1).collect();
        match long.as_slice() {
            [] => (self.dims, self.strides) = (vec![1], vec![1]),
            &[axis] => (self.dims, self.strides) = (vec![self.dims[axis]], vec![self.strides[axis]]),
            _ => {}
        }
        self
    }

    /// The same elements as a matrix: the first axis stays, the others become one. Copied only where they do not lie in order.
    ///
    /// # Errors
    /// Those of [`Tensor::to_f32`], if they must be copied.
    pub fn as_matrix(mut self) -> Result<Self> {
        let rows = self.dims.first().copied().unwrap_or(1);
        let dims = vec![rows, self.count().checked_div(rows).unwrap_or(0)];
        if self.dims.len() != 2 && !self.is_row_major() {
            let values = self.to_f32()?;
            return Tensor::from_values(self.name, dims, &values);
        }
        if self.dims.len() != 2 {
            self.strides = row_major(&dims);
            self.dims = dims;
        }
        Ok(self)
    }

    /// The elements in row-major order as f32; f16 and bf16 exactly, f64 rounded to nearest.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the elements are integers, or if one is not finite as f32.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        let bytes = self.read()?;
        let values = match self.dtype {
            Dtype::F32 => self.gather(&bytes, f32::from_le_bytes),
            Dtype::F64 => self.gather(&bytes, narrow),
            Dtype::F16 => self.gather(&bytes, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => self.gather(&bytes, |b| bf16::from_le_bytes(b).to_f32()),
            other => {
                let message = format!("elements are {other}; weights need f16, bf16, f32 or f64");
                return Err(Error::input(message).at(quote(&self.name)));
            }
        };
        match values.iter().filter(|v| !v.is_finite()).count() {
            0 => Ok(values),
            bad => {
                let message = format!("{bad} of {} values are not finite; needed finite numbers", values.len());
                Err(Error::input(message).at(quote(&self.name)))
            }
        }
    }

    /// Like [`Tensor::to_f32`], but borrowed from the mapped file where it holds f32 in order and aligned.
    ///
    /// # Errors
    /// Those of [`Tensor::to_f32`].
    pub fn values(&self) -> Result<Cow<'_, [f32]>> {
        let native = cfg!(target_endian = "little") && self.dtype == Dtype::F32 && self.is_row_major();
        if let (true, Cow::Borrowed(bytes)) = (native, self.read()?)
            && let Ok(values) = bytemuck::try_cast_slice::<u8, f32>(bytes)
            && values.iter().all(|value| value.is_finite())
        {
            return Ok(Cow::Borrowed(values));
        }
        self.to_f32().map(Cow::Owned)
    }

    /// Bytes from the first element to the last.
    fn read(&self) -> Result<Cow<'_, [u8]>> {
        self.storage.read(self.range.clone()).map_err(|error| error.at(quote(&self.name)))
    }

    /// Bytes that have to be unpacked to come to the end of it; none of a plain storage.
    pub(super) fn unpacked(&self) -> usize {
        if self.storage.is_packed() { self.range.end } else { 0 }
    }

    fn is_row_major(&self) -> bool {
        self.strides == row_major(&self.dims)
    }

    /// Elements that exist only as repetitions of others, along axes of stride 0.
    pub(super) fn repeated(&self) -> usize {
        self.count().saturating_sub(self.range.len() / self.dtype.size())
    }

    fn gather<const SIZE: usize>(&self, bytes: &[u8], decode: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
        let count = self.count();
        let elements = bytes.as_chunks::<SIZE>().0;
        if self.is_row_major() {
            return elements.iter().map(|&chunk| decode(chunk)).collect();
        }
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0usize; self.dims.len()];
        let mut position = 0;
        for _ in 0..count {
            values.push(decode(elements[position]));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.dims[axis] {
                    position += self.strides[axis];
                    break;
                }
                // Back to the start of the axis. A size of one never left it, and its stride may be any number.
                position -= (self.dims[axis] - 1) * self.strides[axis];
                index[axis] = 0;
            }
        }
        values
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose; overflow is found as infinity")]
fn narrow(bytes: [u8; 8]) -> f32 {
    f64::from_le_bytes(bytes) as f32
}

/// Sizes as users write them: `[64, 3, 3, 3]`.
pub(super) struct Dims<'a>(pub(super) &'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// A name from a file, safe to print: control characters escaped, long ones cut.
pub(super) fn quote(name: &str) -> String {
    let mut shown: String = name.chars().take(120).flat_map(char::escape_debug).collect();
    if name.chars().nth(120).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// Number of elements, if it can be counted at all.
pub(super) fn element_count(dims: &[usize]) -> Result<usize> {
    if dims.len() > DIMENSIONS_MAX {
        return Err(Error::input(format!("{} dimensions; at most {DIMENSIONS_MAX} are read", dims.len())));
    }
    // Zero sizes may hide an overflow of the others, so they are counted as one here.
    dims.iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size.max(1)))
        .filter(|&product| product <= isize::MAX as usize / 8)
        .map(|_| dims.iter().product())
        .ok_or_else(|| Error::input(format!("{} has more elements than memory can hold", Dims(dims))))
}

fn row_major(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis].max(1);
    }
    strides
}

/// The elements of a storage of `held` that a view spans.
fn view(dims: &[usize], offset: usize, strides: &[usize], held: usize) -> Result<Range<usize>> {
    if dims.len() != strides.len() {
        return Err(Error::input(format!("{} sizes but {} strides", dims.len(), strides.len())));
    }
    let count = element_count(dims)?;
    let outside = || {
        let what = format!("{} with strides {strides:?} from element {offset}", Dims(dims));
        Error::input(format!("{what} lies outside its storage of {held} elements"))
    };
    if count == 0 {
        return if offset <= held { Ok(offset..offset) } else { Err(outside()) };
    }
    // An axis of size one never moves, and one of stride 0 repeats what is there: an expanded tensor. Sorted by stride, each step
    // along the others must clear everything the smaller ones can reach: then no two elements coincide.
    let moves = |&(stride, size): &(usize, usize)| size > 1 && stride > 0;
    let mut axes: Vec<(usize, usize)> = strides.iter().copied().zip(dims.iter().copied()).filter(moves).collect();
    axes.sort_unstable();
    let mut last = 0usize;
    for (stride, size) in axes {
        if stride <= last {
            return Err(Error::input(format!("{} with strides {strides:?} overlaps itself", Dims(dims))));
        }
        last = stride.checked_mul(size - 1).and_then(|reach| reach.checked_add(last)).ok_or_else(outside)?;
    }
    let end = offset.checked_add(last).and_then(|end| end.checked_add(1)).filter(|&end| end <= held);
    Ok(offset..end.ok_or_else(outside)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(count: u16) -> Storage {
        Storage::Plain((0..count).flat_map(|v| f32::from(v).to_le_bytes()).collect::<Vec<u8>>().into())
    }

    fn strided(dims: &[usize], offset: usize, strides: &[usize]) -> Result<Tensor> {
        Tensor::strided("t", dims.to_vec(), Dtype::F32, (offset, strides.to_vec()), &storage(12))
    }

    #[test]
    fn a_transposed_view_is_gathered_row_by_row() {
        let tensor = strided(&[3, 2], 1, &[1, 4]).unwrap();
        assert_eq!(tensor.to_f32().unwrap(), [1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
        let back = tensor.permuted(&[1, 0]).unwrap();
        assert_eq!((back.dims(), back.to_f32().unwrap()), (&[2, 3][..], vec![1.0, 2.0, 3.0, 5.0, 6.0, 7.0]));
    }

    #[test]
    fn views_outside_their_storage_are_refused() {
        assert!(strided(&[3, 4], 0, &[4, 1]).is_ok());
        for (dims, offset, strides) in [
            (vec![3, 4], 1, vec![4, 1]),
            (vec![13], 0, vec![1]),
            (vec![2], 0, vec![usize::MAX]),
            (vec![1], usize::MAX, vec![1]),
            (vec![0], 13, vec![1]),
            (vec![2, usize::MAX / 2], 0, vec![usize::MAX / 2, 1]),
        ] {
            let error = strided(&dims, offset, &strides).unwrap_err().to_string();
            assert!(error.contains("outside") || error.contains("memory"), "{error}");
        }
    }

    #[test]
    fn overlapping_views_are_refused() {
        for (dims, strides) in [([2, 3], [1, 1]), ([2, 3], [2, 1]), ([4, 2], [2, 3])] {
            let error = strided(&dims, 0, &strides).unwrap_err().to_string();
            assert!(error.contains("overlaps itself"), "{error}");
        }
    }

    #[test]
    fn expanded_views_repeat_their_elements() {
        let tensor = strided(&[2, 3], 4, &[0, 1]).unwrap();
        assert_eq!((tensor.to_f32().unwrap(), tensor.repeated()), (vec![4.0, 5.0, 6.0, 4.0, 5.0, 6.0], 3));
        let tensor = strided(&[3, 2], 4, &[2, 0]).unwrap();
        assert_eq!(tensor.to_f32().unwrap(), [4.0, 4.0, 6.0, 6.0, 8.0, 8.0]);
        let tensor = strided(&[5], 11, &[0]).unwrap();
        assert_eq!((tensor.values().unwrap().as_ref(), tensor.repeated()), (&[11.0; 5][..], 4));
        assert!(strided(&[5], 12, &[0]).is_err());
    }

    #[test]
    fn a_strided_or_expanded_vector_keeps_its_elements_as_a_matrix() {
        for (stride, want) in [(4, [1.0, 5.0, 9.0]), (0, [1.0; 3])] {
            let matrix = strided(&[3], 1, &[stride]).unwrap().as_matrix().unwrap();
            assert_eq!((matrix.dims(), matrix.to_f32().unwrap()), (&[3, 1][..], want.to_vec()));
        }
    }

    /// A stream is unpacked from its first byte to the last that a view wants.
    #[test]
    fn a_view_that_spans_far_more_of_a_deflated_storage_than_it_holds_is_refused() {
        let deflated = Storage::Deflated { packed: Bytes::new(), size: 1 << 30 };
        let view = |storage: &Storage, stride: usize| {
            Tensor::strided("t", vec![64], Dtype::F32, (0, vec![stride]), storage).map(|tensor| tensor.unpacked())
        };
        let error = view(&deflated, 1_000_000).unwrap_err();
        assert!(error.to_string().starts_with("`t`: 64 elements spread over 252000004 packed bytes"), "{error}");
        assert!(error.advice().unwrap().contains("contiguous"));
        assert_eq!(view(&deflated, 1).unwrap(), 256);
        assert_eq!(view(&deflated, 1000).unwrap(), 252_004);
        let end = Tensor::strided("t", vec![1], Dtype::F32, (1000, vec![1]), &deflated).unwrap();
        assert_eq!((end.unpacked(), strided(&[3], 1, &[1]).unwrap().unpacked()), (4004, 0));
    }

    #[test]
    fn the_stride_of_an_axis_of_size_one_does_not_matter() {
        for stride in [0, 7, usize::MAX] {
            for (dims, strides) in [([1, 3], [stride, 1]), ([3, 1], [1, stride])] {
                assert_eq!(
                    strided(&dims, 2, &strides).unwrap().to_f32().unwrap(),
                    [2.0, 3.0, 4.0],
                    "{dims:?} {strides:?}"
                );
            }
            let tensor = strided(&[2, 1, 2, 1], 0, &[4, stride, 1, stride]).unwrap();
            assert_eq!(tensor.flattened().to_f32().unwrap(), [0.0, 1.0, 4.0, 5.0]);
        }
    }

    #[test]
    fn every_float_type_widens_to_the_same_numbers_and_integers_do_not() {
        let values = [0.5f32, -2.0, 1.0 / 1024.0];
        let make = |dtype, bytes: Vec<u8>| Tensor::contiguous("t", vec![3], dtype, bytes.into()).unwrap().to_f32();
        let f16s = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        let bf16s = values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect();
        let f64s = values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect();
        for (dtype, bytes) in [(Dtype::F16, f16s), (Dtype::BF16, bf16s), (Dtype::F64, f64s)] {
            assert_eq!(make(dtype, bytes).unwrap(), values, "{dtype}");
        }
        assert!(make(Dtype::I32, vec![0; 12]).unwrap_err().to_string().contains("elements are i32"));
    }

    #[test]
    fn values_that_are_not_finite_are_counted_and_refused() {
        let bytes: Vec<u8> = [1.0, f64::NAN, 1e300].iter().flat_map(|v| v.to_le_bytes()).collect();
        let error = Tensor::contiguous("t", vec![3], Dtype::F64, bytes.into()).unwrap().to_f32().unwrap_err();
        assert_eq!(error.to_string(), "`t`: 2 of 3 values are not finite; needed finite numbers");
    }

    #[test]
    fn names_are_printed_without_control_characters() {
        assert_eq!(quote("a\x1b[31mb"), "`a\\u{1b}[31mb`");
        assert!(quote(&"x".repeat(500)).len() < 130);
    }
}
