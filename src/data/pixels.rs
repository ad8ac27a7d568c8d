//! From what a generator makes to bytes.

/// Bytes of an image whose values are nominally in [-1, 1], planar `[3, positions]`, as interleaved RGB:
/// `trunc(clamp(127.5 v + 127.5, 0, 255))`, as the reference saves images.
pub fn rgb_of_signed(image: &[f32]) -> Vec<u8> {
    let positions = image.len() / 3;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to bytes; truncation is the rule"
    )]
    let byte = |value: f32| (value * 127.5 + 127.5).clamp(0.0, 255.0) as u8;
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
}
