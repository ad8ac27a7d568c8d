// conv_broadcast: 3x3 convolution, stride 1, padding 1, for adapters where loads are dear and barriers dearer (software).
//   y[n,k,r,s] = relu( b[k] + sum_{c,i,j} w[k,c,i,j] * x[n,c,r+i-1,s+j-1] )
// A template: neither naga nor the software driver unrolls loops, so the text is written out for PIXELS pixels of a row and 16
// channels an invocation, and for subgroups of LANES. Each lane loads the weights of 16/LANES channels and hands them to the
// others; a weight is loaded once for LANES * PIXELS multiplications. No workgroup memory, no barrier.
// Shapes   x [N,C,H,W]  packed [ceil(K/16), C, 9, LANES, 16/LANES]: lane l holds channels l*16/LANES ...  b [K]  y [N,K,H,W], f32
// Grid     x = H * ceil(W/PIXELS);  y = ceil(K/16);  z = N
// Requires the adapter's subgroups are all of LANES lanes, and LANES divides the workgroup.
// Ensures  as conv.wgsl, with the same order of summation and so the same bits.
// Twin     src/reference/conv.rs
struct Params {
    channels: u32, height: u32, width: u32, out_channels: u32, has_bias: u32, relu: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<{{ loaded }}>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let across = (params.width + {{ pixels - 1 }}u) / {{ pixels }}u;
    // Invocations past the end work on the last row and store nothing: all lanes must reach the broadcasts.
    let in_map = id.x < params.height * across;
    let position = min(id.x, params.height * across - 1u);
    let row = position / across;
    let column = (position % across) * {{ pixels }}u;
    let plane = params.height * params.width;
    let top = select(row - 1u, row, row == 0u) * params.width;
    let middle = row * params.width;
    let bottom = select(row + 1u, row, row + 1u == params.height) * params.width;
    let has_top = row > 0u;
    let has_bottom = row + 1u < params.height;
    // Column of each value: clamped into the row; those outside count as zero.
//% for p in range(pixels + 2)
//%   if p == 0
    let has_{{ p }} = column > 0u;
    let at_{{ p }} = select(column - 1u, column, column == 0u);
//%   else
    let has_{{ p }} = column + {{ p - 1 }}u < params.width;
    let at_{{ p }} = min(column + {{ p - 1 }}u, params.width - 1u);
//%   endif
//% endfor
//% for k in range(16)
//%   for p in range(pixels)
    var sum_{{ k }}_{{ p }} = 0.0;
//%   endfor
//% endfor
    var map = id.z * params.channels * plane;
    var weight_at = id.y * params.channels * {{ 9 * lanes }}u + lane;
    for (var c = 0u; c < params.channels; c++) {
//% for i in range(3)
//%   set line = ["top", "middle", "bottom"][i]
        {
            let line = map + {{ line }};
//%   for p in range(pixels + 2)
//%     if i == 1
            let x_{{ p }} = select(0.0, x[line + at_{{ p }}], has_{{ p }});
//%     else
            let x_{{ p }} = select(0.0, x[line + at_{{ p }}], has_{{ p }} && has_{{ line }});
//%     endif
//%   endfor
//%   for j in range(3)
            {
                let w = weights[weight_at + {{ (i * 3 + j) * lanes }}u];
//%     for k in range(16)
                let w_{{ k }} = subgroupBroadcast(w{{ parts[k % held] }}, {{ k // held }}u);
//%       for p in range(pixels)
                sum_{{ k }}_{{ p }} = fma(x_{{ p + j }}, w_{{ k }}, sum_{{ k }}_{{ p }});
//%       endfor
//%     endfor
            }
//%   endfor
        }
//% endfor
        map += plane;
        weight_at += {{ 9 * lanes }}u;
    }
    if !in_map { return; }
//% for k in range(16)
    {
        let channel = id.y * 16u + {{ k }}u;
        if channel >= params.out_channels { return; }
        let b = select(0.0, bias[channel], params.has_bias == 1u);
        let low = select(-0x1.fffffep+127f, 0.0, params.relu == 1u);
        let to = (id.z * params.out_channels + channel) * plane + middle + column;
//%   for p in range(pixels)
        if has_{{ p + 1 }} { y[to + {{ p }}u] = max(sum_{{ k }}_{{ p }} + b, low); }
//%   endfor
    }
//% endfor
}
