
// A sliding window over maps: its sizes, and where its taps lie. A kernel's `params` has it as `window`, at its head.
struct Window {
    height: u32, width: u32, out_height: u32, out_width: u32,
    kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
}

// Row or column of the map under the first tap of the window that makes an output row or column; negative in the padding.
fn top_of(row: u32) -> i32 { return i32(row * params.window.stride_y) - i32(params.window.pad_y); }
fn left_of(column: u32) -> i32 { return i32(column * params.window.stride_x) - i32(params.window.pad_x); }
fn tops_of(row: vec4<u32>) -> vec4<i32> { return vec4<i32>(row * params.window.stride_y) - i32(params.window.pad_y); }
fn lefts_of(column: vec4<u32>) -> vec4<i32> { return vec4<i32>(column * params.window.stride_x) - i32(params.window.pad_x); }

// How far tap i or j lies below or right of the first.
fn below(i: u32) -> i32 { return i32(i * params.window.dilation_y); }
fn right_of(j: u32) -> i32 { return i32(j * params.window.dilation_x); }

// Whether a row or column is one of the map.
fn has_row(y: i32) -> bool { return y >= 0 && y < i32(params.window.height); }
fn has_column(x: i32) -> bool { return x >= 0 && x < i32(params.window.width); }
fn has_rows(y: vec4<i32>) -> vec4<bool> { return (y >= vec4<i32>(0)) & (y < vec4<i32>(i32(params.window.height))); }
fn has_columns(x: vec4<i32>) -> vec4<bool> { return (x >= vec4<i32>(0)) & (x < vec4<i32>(i32(params.window.width))); }
