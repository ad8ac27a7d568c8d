// The larger of two numbers, and NaN if one of them is none: max() leaves that open. Told by the bits, since compilers may assume
// that there is no NaN.
fn is_nan(t: f32) -> bool { return (bitcast<i32>(t) & 0x7fffffff) > 0x7f800000; }

fn larger(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }
