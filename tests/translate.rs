//! Every shader of the table is valid and translates to SPIR-V, MSL and HLSL; portable ones keep to WebGPU's default limits.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use naga::back::{PipelineConstants, hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module};
use netdissect::gpu::Shader;
use netdissect::reference::KERNELS;

/// The module of a shader with its constants fixed.
fn parse(shader: &Shader) -> Result<(Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(&shader.text).map_err(|error| error.emit_to_string(&shader.text))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
    let info = validator.validate(&module).map_err(|error| error.emit_to_string(&shader.text))?;
    let mut constants = PipelineConstants::default();
    for &(name, value) in &shader.constants {
        constants.insert(name.to_owned(), value);
    }
    let (module, info) = process_overrides(&module, &info, None, &constants).map_err(|error| error.to_string())?;
    Ok((module.into_owned(), info.into_owned()))
}

fn to_spirv(module: &Module, info: &ModuleInfo) -> Result<usize, String> {
    let options = spv::Options { lang_version: (1, 3), ..Default::default() };
    spv::write_vec(module, info, &options, None).map(|words| words.len()).map_err(|error| error.to_string())
}

fn to_msl(module: &Module, info: &ModuleInfo) -> Result<usize, String> {
    let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    let written = msl::write_string(module, info, &options, &msl::PipelineOptions::default());
    written.map(|(text, _)| text.len()).map_err(|error| error.to_string())
}

fn to_hlsl(module: &Module, info: &ModuleInfo) -> Result<usize, String> {
    let options =
        hlsl::Options { shader_model: hlsl::ShaderModel::V6_0, fake_missing_bindings: true, ..Default::default() };
    let mut text = String::new();
    let pipeline = hlsl::PipelineOptions::default();
    hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None).map_err(|error| error.to_string())?;
    Ok(text.len())
}

/// What does not translate.
fn failures(shader: &Shader) -> Vec<String> {
    match parse(shader) {
        Err(error) => vec![error],
        Ok((module, info)) => {
            [("SPIR-V", to_spirv(&module, &info)), ("MSL", to_msl(&module, &info)), ("HLSL", to_hlsl(&module, &info))]
                .into_iter()
                .filter_map(|(target, result)| match result {
                    Ok(size) if size > 100 => None,
                    Ok(size) => Some(format!("{target}: only {size} long")),
                    Err(error) => Some(format!("{target}: {error}")),
                })
                .collect()
        }
    }
}

#[test]
fn every_shader_translates_to_spirv_msl_and_hlsl() {
    for entry in KERNELS.iter().map(|row| row.entry) {
        for shader in (entry.shaders)() {
            assert_eq!(failures(&shader), Vec::<String>::new(), "{}", entry.stem);
        }
    }
}

#[test]
fn a_broken_shader_is_noticed() {
    let unknown = Shader::new("broken", "@compute @workgroup_size(1) fn main() { nothing(); }");
    let unread = Shader::new(
        "broken",
        "@group(0) @binding(0) var<storage, read> x: array<f32>; @compute @workgroup_size(1) fn main() { x[0] = 1.0; }",
    );
    assert!(!failures(&unknown).is_empty() && !failures(&unread).is_empty());
}

/// Storage buffers, invocations of a workgroup, bytes of workgroup memory.
fn needs(shader: &Shader) -> (usize, u32, u32) {
    let (module, _) = parse(shader).unwrap();
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap();
    let buffers =
        module.global_variables.iter().filter(|(_, variable)| matches!(variable.space, AddressSpace::Storage { .. }));
    let shared = module.global_variables.iter().filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
    let invocations = module.entry_points.iter().map(|entry| entry.workgroup_size.iter().product()).max().unwrap();
    (buffers.count(), invocations, shared.map(|(_, variable)| layouter[variable.ty].size).sum())
}

#[test]
fn every_kernel_keeps_to_the_default_limits_of_webgpu() {
    for entry in KERNELS.iter().map(|row| row.entry) {
        for shader in (entry.shaders)() {
            let (buffers, invocations, shared) = needs(&shader);
            assert!(
                buffers <= 8 && invocations <= 256 && shared <= 16 << 10,
                "{}: {buffers} {invocations} {shared}",
                entry.stem
            );
        }
    }
    let greedy = "var<workgroup> a: array<f32, 5000>; @compute @workgroup_size(512) fn main() { a[0] = 1.0; }";
    assert_eq!(needs(&Shader::new("greedy", greedy)), (0, 512, 20_000));
}
