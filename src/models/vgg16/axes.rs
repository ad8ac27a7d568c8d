//! The order of axes: channels first here, channels last in files of TensorFlow and Keras.

use crate::error::Result;
use crate::weights::Tensor;

/// The same tensors with channels first, if the file's convolutions are `[h, w, in, out]` and its matrices `[in, out]`.
pub(super) fn channels_first(tensors: &[Tensor]) -> Result<Option<Vec<Tensor>>> {
    let count = |test: fn(&[usize]) -> bool| tensors.iter().filter(|tensor| test(tensor.dims())).count();
    if count(|dims| matches!(dims, [3, 3, _, _])) <= count(|dims| matches!(dims, [_, _, 3, 3])) {
        return Ok(None);
    }
    let turn = |tensor: &Tensor| match tensor.dims().len() {
        4 => tensor.clone().permuted(&[3, 2, 0, 1]),
        2 => tensor.clone().permuted(&[1, 0]),
        _ => Ok(tensor.clone()),
    };
    tensors.iter().map(turn).collect::<Result<_>>().map(Some)
}

/// A matrix whose columns are the numbers of a map of so many channels, channel by channel instead of position by position.
pub(super) fn channels_outermost(weight: &Tensor, channels: usize) -> Result<Tensor> {
    let values = weight.to_f32()?;
    let columns = weight.dims().last().copied().unwrap_or(0);
    let positions = columns.checked_div(channels).unwrap_or(0).max(1);
    let mut turned = Vec::with_capacity(values.len());
    for row in values.chunks_exact(columns.max(1)) {
        turned.extend((0..columns).map(|at| row[at % positions * channels + at / positions]));
    }
    Tensor::from_values(weight.name(), weight.dims().to_vec(), &turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_from_position_by_position_to_channel_by_channel() {
        // Two channels at three positions: column 2 p + c holds 10 c + p.
        let weight = Tensor::from_values("w", vec![1, 6], &[0.0, 10.0, 1.0, 11.0, 2.0, 12.0]).unwrap();
        let turned = channels_outermost(&weight, 2).unwrap();
        assert_eq!(turned.to_f32().unwrap(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    }

    #[test]
    fn windows_in_front_tell_channels_last() {
        let tensor =
            |dims: &[usize]| Tensor::from_values("w", dims.to_vec(), &vec![0.0; dims.iter().product()]).unwrap();
        let turned = channels_first(&[tensor(&[3, 3, 3, 5]), tensor(&[7, 4]), tensor(&[5])]).unwrap().unwrap();
        let dims: Vec<&[usize]> = turned.iter().map(Tensor::dims).collect();
        assert_eq!(dims, [&[5, 3, 3, 3][..], &[4, 7], &[5]]);
        assert!(channels_first(&[tensor(&[3, 3, 3, 3]), tensor(&[3, 3])]).unwrap().is_none());
    }
}
