// What becomes of a number before it is stored: act(t) = t if t >= 0, else slope t, for the `slope` that the kernel's `params` declare.
//   slope 0 is ReLU, slope 1 leaves t as it is, between them lies the leaky ReLU; what is no number (NaN) stays none.
// Compilers may assume that there is no NaN, and max(t, 0) makes it 0. So it is told by the bits, which as an integer are up to those
// of minus infinity for negative numbers alone. ReLU gives 0 itself: the product of 0 and t is -0, and undefined for an infinite t.
const MINUS_INFINITY: i32 = -0x800000;

fn act(t: f32) -> f32 {
    return select(t, select(params.slope * t, 0.0, params.slope == 0.0), bitcast<i32>(t) <= MINUS_INFINITY);
}

fn act2(t: vec2<f32>) -> vec2<f32> {
    let negative = bitcast<vec2<i32>>(t) <= vec2<i32>(MINUS_INFINITY);
    return select(t, select(params.slope * t, vec2<f32>(0.0), params.slope == 0.0), negative);
}

fn act4(t: vec4<f32>) -> vec4<f32> {
    let negative = bitcast<vec4<i32>>(t) <= vec4<i32>(MINUS_INFINITY);
    return select(t, select(params.slope * t, vec4<f32>(0.0), params.slope == 0.0), negative);
}
