//! A shader's text, the interface reflected from it, and its compiled pipeline.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use wgpu::naga;

use super::params::prefixed;
use super::{Field, Gpu};
use crate::error::{Error, Result};

/// WGSL text with the values of its `override` constants.
#[derive(Debug, Clone)]
pub struct Shader {
    /// File stem, the same as the kernel's.
    pub stem: &'static str,
    /// WGSL. Shared pieces stand after the kernel's own text, so that line numbers stay those of its file.
    pub text: Cow<'static, str>,
    /// Values of `override` constants.
    pub constants: Vec<(&'static str, f64)>,
}

impl Shader {
    /// A shader of this text without constants.
    pub fn new(stem: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Shader { stem, text: text.into(), constants: Vec::new() }
    }

    /// Sets an `override` constant.
    #[must_use]
    pub fn constant(mut self, name: &'static str, value: f64) -> Self {
        self.constants.push((name, value));
        self
    }
}

impl PartialEq for Shader {
    fn eq(&self, other: &Self) -> bool {
        let bits = |shader: &Shader| shader.constants.iter().map(|&(name, v)| (name, v.to_bits())).collect::<Vec<_>>();
        self.stem == other.stem && self.text == other.text && bits(self) == bits(other)
    }
}

impl Eq for Shader {}

impl Hash for Shader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stem.hash(state);
        self.text.hash(state);
        for (name, value) in &self.constants {
            (name, value.to_bits()).hash(state);
        }
    }
}

/// How a shader uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// What a shader's text says about its own interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Numbers of the uniform block at binding 0, by full name and offset; empty if there is none.
    pub params: Vec<(String, usize)>,
    /// Size of the uniform block, bytes.
    pub params_bytes: usize,
    /// Storage buffers at bindings 1, 2, ...: name and access.
    pub buffers: Vec<(String, Access)>,
    /// Invocations of a workgroup along x, y, z.
    pub workgroup: [u32; 3],
}

impl Interface {
    /// Reads the interface off a shader's text.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] with naga's message, or if bindings are not `params` at 0 and buffers from 1 on.
    pub fn reflect(shader: &Shader, text: &str) -> Result<Interface> {
        let fail = |message: String| Error::internal(message).at(shader.stem);
        let module = naga::front::wgsl::parse_str(text).map_err(|error| fail(error.emit_to_string(text)))?;
        let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all())
            .validate(&module)
            .map_err(|error| fail(error.emit_to_string(text)))?;
        let mut constants = naga::back::PipelineConstants::default();
        for &(name, value) in &shader.constants {
            constants.insert(name.to_owned(), value);
        }
        let (module, _) = naga::back::pipeline_constants::process_overrides(&module, &info, None, &constants)
            .map_err(|error| fail(error.to_string()))?;
        let entry = module.entry_points.first().ok_or_else(|| fail("no entry point".to_owned()))?;
        let mut interface =
            Interface { params: Vec::new(), params_bytes: 0, buffers: Vec::new(), workgroup: entry.workgroup_size };
        let mut bound: Vec<_> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| variable.binding.map(|binding| (binding.binding, variable)))
            .collect();
        bound.sort_by_key(|&(binding, _)| binding);
        for (binding, variable) in bound {
            let name = variable.name.clone().unwrap_or_default();
            match variable.space {
                naga::AddressSpace::Uniform if binding == 0 => {
                    let kind = &module.types[variable.ty].inner;
                    let naga::TypeInner::Struct { members, span } = kind else {
                        return Err(fail(format!("uniform `{name}` is not a struct")));
                    };
                    interface.params_bytes = *span as usize;
                    interface.params = numbers(&module, members);
                }
                naga::AddressSpace::Storage { access } if binding as usize == interface.buffers.len() + 1 => {
                    let write = access.contains(naga::StorageAccess::STORE);
                    interface.buffers.push((name, if write { Access::ReadWrite } else { Access::Read }));
                }
                _ => {
                    return Err(fail(format!(
                        "`{name}` at binding {binding}: params is 0, buffers follow without a gap"
                    )));
                }
            }
        }
        Ok(interface)
    }

    /// Checks a Rust parameter block against the shader's.
    pub(super) fn check_params(&self, fields: &[Field], bytes: usize) -> Result<()> {
        let fields = Field::numbers(fields);
        for (position, (field, at)) in fields.iter().enumerate() {
            match self.params.get(position) {
                Some((name, offset)) if name == field && offset == at => {}
                Some((name, offset)) => {
                    return Err(Error::internal(format!(
                        "parameter {position} is `{field}` at byte {at} in Rust, `{name}` at byte {offset} in WGSL"
                    )));
                }
                None => return Err(Error::internal(format!("parameter `{field}` is not in the WGSL"))),
            }
        }
        if let Some((name, _)) = self.params.get(fields.len()) {
            return Err(Error::internal(format!("parameter `{name}` of the WGSL is not in Rust")));
        }
        // WGSL rounds a block up to 16 bytes; Rust does not.
        if bytes.next_multiple_of(16) != self.params_bytes.next_multiple_of(16) {
            return Err(Error::internal(format!(
                "parameters take {bytes} bytes in Rust, {} in WGSL",
                self.params_bytes
            )));
        }
        Ok(())
    }
}

/// The numbers of a struct by their full names and offsets.
fn numbers(module: &naga::Module, members: &[naga::StructMember]) -> Vec<(String, usize)> {
    let of = |member: &naga::StructMember| {
        let (name, offset) = (member.name.clone().unwrap_or_default(), member.offset as usize);
        match &module.types[member.ty].inner {
            naga::TypeInner::Struct { members, .. } => prefixed(&name, offset, numbers(module, members)),
            _ => vec![(name, offset)],
        }
    };
    members.iter().flat_map(of).collect()
}

/// A compiled shader with its reflected interface.
#[derive(Debug)]
pub struct Kernel {
    /// File stem.
    pub stem: &'static str,
    /// What its text says.
    pub interface: Interface,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

impl Kernel {
    #[expect(unsafe_code, reason = "checks cost time, and the caller has promised that they are not needed")]
    pub(super) fn compile(gpu: &Gpu, shader: &Shader, text: &str) -> Result<Kernel> {
        let interface = Interface::reflect(shader, text)?;
        let device = gpu.device();
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(shader.stem),
            source: wgpu::ShaderSource::Wgsl(Cow::Borrowed(text)),
        };
        let module = if gpu.trusted {
            // SAFETY: whoever made the handle by `Gpu::trusted` has promised that this kernel passed with the checks on, on the inputs it
            // will be given; that its buffers are large enough for its shapes `Recording::check` has seen.
            unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
        } else {
            device.create_shader_module(descriptor)
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(shader.stem),
            entries: &layout_entries(&interface),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(shader.stem),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(shader.stem),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &shader.constants,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        gpu.check().map_err(|error| error.at(shader.stem))?;
        Ok(Kernel { stem: shader.stem, interface, pipeline, layout })
    }
}

fn layout_entries(interface: &Interface) -> Vec<wgpu::BindGroupLayoutEntry> {
    let entry = |binding: usize, kind, dynamic| wgpu::BindGroupLayoutEntry {
        binding: u32::try_from(binding).unwrap_or(u32::MAX),
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty: kind, has_dynamic_offset: dynamic, min_binding_size: None },
        count: None,
    };
    let params = (interface.params_bytes > 0).then(|| entry(0, wgpu::BufferBindingType::Uniform, true));
    let buffers = interface.buffers.iter().enumerate().map(|(position, &(_, access))| {
        let kind = wgpu::BufferBindingType::Storage { read_only: access == Access::Read };
        entry(position + 1, kind, false)
    });
    params.into_iter().chain(buffers).collect()
}
