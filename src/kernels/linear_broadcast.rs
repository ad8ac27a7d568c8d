//! Linear layers on software adapters. See `shaders/linear_broadcast.wgsl` for the contract.

use super::lanes::{self, LANES};
use super::linear::{LinearKernel, Sizes};
use super::template::Form;
use super::{Agreement, Entry};
use crate::error::Result;
use crate::gpu::{Gpu, Shader, Traits};

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "linear_broadcast",
    shaders: || FORMS.iter().map(|form| shader(form, LANES)).collect(),
    runs_on: lanes::fit,
    agreement: Agreement::SameBits,
    mutants: &[
        ("(params.rows + 3u) / 4u", "params.rows / 4u"),
        ("row / 4u + 1u, pitch - 1u", "row / 4u, pitch - 1u"),
        ("lane % 8u, params.images - 1u", "lane % 4u, params.images - 1u"),
        ("at_0 += 1u", "at_0 += 2u"),
        ("block += BLOCK) {", "block += BLOCK + 4u) {"),
        ("weight_1 += 4u", "weight_1 += 3u"),
        ("if row + 1u < params.rows {", "if row + 1u <= params.rows {"),
        ("params.first_row + row", "row"),
        ("if first + 1u < params.images {", "{"),
        ("params.slope == 0.0", "params.slope != 0.0"),
        ("let b = bias[k]", "let b = bias[row]"),
    ],
};

/// Outputs an invocation computes.
const OUTPUTS: u32 = 8;

/// By the images that an invocation takes.
static FORMS: [Form<u32>; 2] = [Form::new(32), Form::new(8)];

fn shader(form: &'static Form<u32>, workgroup: u32) -> Shader {
    form.shader("linear_broadcast", text!("linear_broadcast", "activation"), workgroup, |&images| {
        minijinja::context! { images, quad => [".x", ".y", ".z", ".w"] }
    })
}

/// Images to an invocation for a layer of these sizes, where the kernel computes it.
pub(super) fn images(sizes: Sizes, traits: &Traits) -> Option<u32> {
    // A GPU's registers do not hold the sums of an invocation.
    let computes = traits.software && lanes::fit(traits) && sizes.inputs.is_multiple_of(4);
    computes.then_some(if sizes.images > 8 { 32 } else { 8 })
}

/// The kernel for so many images to an invocation.
///
/// # Errors
/// As [`Gpu::kernel`].
pub(super) fn kernel(gpu: &Gpu, images: u32) -> Result<LinearKernel> {
    let form = &FORMS[usize::from(images == FORMS[1].kind)];
    let kernel = gpu.kernel(&shader(form, lanes::workgroup(&gpu.traits())))?;
    Ok(LinearKernel { kernel, outputs: OUTPUTS, images: form.kind })
}
