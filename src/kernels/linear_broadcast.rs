//! Linear layers on software adapters. See `shaders/linear_broadcast.wgsl` for the contract.

use std::sync::{Arc, OnceLock};

use super::lanes::{self, LANES};
use super::linear::{PerInvocation, Sizes};
use super::{Agreement, Entry, template};
use crate::error::Result;
use crate::gpu::{Gpu, Kernel, Shader, Traits};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "linear_broadcast",
    shaders: || FORMS.iter().map(|form| form.shader(LANES)).collect(),
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

/// A text of the template, written out once.
struct Form {
    /// Images an invocation takes.
    images: u32,
    text: OnceLock<String>,
}

static FORMS: [Form; 2] = [Form { images: 32, text: OnceLock::new() }, Form { images: 8, text: OnceLock::new() }];

impl Form {
    /// The text, for workgroups of `workgroup` invocations.
    fn shader(&'static self, workgroup: u32) -> Shader {
        let text = self.text.get_or_init(|| {
            let context = minijinja::context! { images => self.images, quad => [".x", ".y", ".z", ".w"] };
            template::render("linear_broadcast", text!("linear_broadcast", "activation"), context)
        });
        Shader::new("linear_broadcast", text.as_str()).constant("WG", workgroup.into())
    }
}

/// Images to an invocation for a layer of these sizes, where the kernel computes it.
pub(super) fn images(sizes: Sizes, traits: &Traits) -> Option<u32> {
    // A GPU's registers do not hold the sums of an invocation.
    let computes = traits.software && lanes::fit(traits) && sizes.inputs.is_multiple_of(4);
    computes.then_some(if sizes.images > 8 { 32 } else { 8 })
}

/// The kernel for so many images to an invocation, and what that makes.
///
/// # Errors
/// As [`Gpu::kernel`].
pub(super) fn kernel(gpu: &Gpu, images: u32) -> Result<(Arc<Kernel>, PerInvocation)> {
    let form = &FORMS[usize::from(images == FORMS[1].images)];
    Ok((
        gpu.kernel(&form.shader(lanes::workgroup(&gpu.traits())))?,
        PerInvocation { outputs: OUTPUTS, images: form.images },
    ))
}
