//! From what a generator makes to bytes.

/// Bytes of an image whose values are nominally in [-1, 1], planar `[3, positions]`, as interleaved RGB:
/// `trunc(clamp(127.5 v + 127.5, 0, 255))`, as the reference saves images.
pub(crate) fn rgb_of_signed(image: &[f32]) -> Vec<u8> {
    interleaved(image, |value| value * 127.5 + 127.5)
}

/// Bytes of an image as if its values were in [0, 1]: `trunc(clamp(255 v, 0, 255))`. So the reference's batch script draws
/// generated images, whose values are in [-1, 1]: all that is darker than mid-grey turns black.
pub(crate) fn rgb_of_unit(image: &[f32]) -> Vec<u8> {
    interleaved(image, |value| value * 255.0)
}

fn interleaved(image: &[f32], scale: impl Fn(f32) -> f32) -> Vec<u8> {
    let positions = image.len() / 3;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to bytes; truncation is the rule"
    )]
    let byte = |value: f32| scale(value).clamp(0.0, 255.0) as u8;
    (0..positions * 3).map(|at| byte(image[at % 3 * positions + at / 3])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_truncated_after_clamping_and_channels_interleave() {
        // Numbers of `(v * 127.5 + 127.5).clamp(0, 255).byte()` in PyTorch.
        let image = [-1.0, -2.0, 0.0, 0.5, 0.999, 1.0, 7.0, -0.004, f32::NAN];
        assert_eq!(rgb_of_signed(&image), [0, 191, 255, 0, 254, 126, 127, 255, 0]);
    }

    #[test]
    fn the_batch_script_of_the_reference_turns_half_of_the_range_black() {
        assert_eq!(rgb_of_unit(&[-1.0, -0.5, 0.0, 0.5, 1.0, 2.0]), [0, 0, 255, 0, 127, 255]);
    }
}
