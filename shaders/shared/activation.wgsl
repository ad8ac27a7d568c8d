
// What becomes of a number before it is stored: act(t) = max(t, slope t), for the `slope` that the kernel's `params` declare.
//   slope 0 is ReLU, slope 1 leaves t as it is, between them lies the leaky ReLU.
// ReLU is written max(t, 0): the product of 0 and t is -0 for a negative t, and undefined for an infinite one.
fn act(t: f32) -> f32 {
    return max(t, select(params.slope * t, 0.0, params.slope == 0.0));
}

fn act2(t: vec2<f32>) -> vec2<f32> {
    return max(t, select(params.slope * t, vec2<f32>(0.0), params.slope == 0.0));
}

fn act4(t: vec4<f32>) -> vec4<f32> {
    return max(t, select(params.slope * t, vec4<f32>(0.0), params.slope == 0.0));
}
