//! A list of steps that is data, checked as it grows, and the program it becomes.

use std::sync::Arc;

use super::{Access, Bound, Buffer, Gpu, Kernel, Params};
use crate::error::{Error, Kind, Result};

/// Steps to run on a device, in order. Nothing runs until a [`Program`] made of it is submitted.
#[derive(Default)]
pub struct Recording {
    steps: Vec<Step>,
    label: String,
}

enum Step {
    Dispatch { label: String, kernel: Arc<Kernel>, params: Vec<u8>, buffers: Vec<Buffer>, groups: [u32; 3] },
    Clear { buffer: Buffer },
    Copy { from: Buffer, from_offset: u64, to: Buffer, to_offset: u64, bytes: u64 },
}

impl Recording {
    /// An empty recording.
    pub fn new() -> Self {
        Recording::default()
    }

    /// Names the steps that follow, for errors and timings: usually a layer.
    pub fn label(&mut self, label: &str) {
        self.label.clear();
        self.label.push_str(label);
    }

    /// Appends a dispatch of at least `extent` invocations along x, y, z. The one choke point: everything is checked here.
    ///
    /// # Errors
    /// [`Kind::Internal`] if parameters, buffers or grid do not fit the kernel's reflected interface, or a buffer is smaller than what
    /// the kernel may touch of it; the message names it.
    pub fn dispatch<P: Params>(
        &mut self,
        kernel: &Arc<Kernel>,
        params: &P,
        buffers: &[Bound<'_>],
        extent: [u32; 3],
    ) -> Result<()> {
        self.check(kernel, params, buffers).map_err(|error| error.at(kernel.stem).at(&self.label))?;
        let mut groups = [0; 3];
        for axis in 0..3 {
            groups[axis] = extent[axis].div_ceil(kernel.interface.workgroup[axis]);
            if groups[axis] > MAX_GROUPS {
                let message = format!("{} workgroups along axis {axis}; adapters allow {MAX_GROUPS}", groups[axis]);
                return Err(Error::new(Kind::OutOfMemory, message)
                    .at(kernel.stem)
                    .at(&self.label)
                    .hint("use a smaller `--batch`"));
            }
        }
        if groups.contains(&0) {
            return Ok(());
        }
        self.steps.push(Step::Dispatch {
            label: self.label.clone(),
            kernel: Arc::clone(kernel),
            params: bytemuck::bytes_of(params).to_vec(),
            buffers: buffers.iter().map(|bound| bound.buffer.clone()).collect(),
            groups,
        });
        Ok(())
    }

    fn check<P: Params>(&self, kernel: &Kernel, _: &P, buffers: &[Bound<'_>]) -> Result<()> {
        let interface = &kernel.interface;
        interface.check_params(P::FIELDS, size_of::<P>())?;
        if buffers.len() != interface.buffers.len() {
            let names: Vec<_> = interface.buffers.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Error::internal(format!("{} buffers given; it binds {}", buffers.len(), names.join(", "))));
        }
        for (position, bound) in buffers.iter().enumerate() {
            let (name, access) = &interface.buffers[position];
            let (needed, held) = (bound.bytes(), bound.buffer.bytes());
            if needed > held {
                return Err(Error::internal(format!("`{name}` holds {held} bytes; the kernel touches {needed}")));
            }
            let shared = buffers.iter().enumerate().any(|(other, b)| {
                other != position
                    && b.buffer == bound.buffer
                    && (*access == Access::ReadWrite || interface.buffers[other].1 == Access::ReadWrite)
            });
            if shared {
                return Err(Error::internal(format!("`{name}` is bound twice and written")));
            }
        }
        Ok(())
    }

    /// Appends: fill a buffer with zeros.
    pub fn clear(&mut self, buffer: &Buffer) {
        self.steps.push(Step::Clear { buffer: buffer.clone() });
    }

    /// Appends a copy between two buffers. Offsets and size are multiples of 4.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the ranges do not fit.
    pub fn copy(&mut self, from: &Buffer, from_offset: u64, to: &Buffer, to_offset: u64, bytes: u64) -> Result<()> {
        if from_offset + bytes > from.bytes() || to_offset + bytes > to.bytes() || from == to {
            return Err(Error::internal(format!("copy of {bytes} bytes does not fit")).at(&self.label));
        }
        self.steps.push(Step::Copy { from: from.clone(), from_offset, to: to.clone(), to_offset, bytes });
        Ok(())
    }
}

/// WebGPU's limit of workgroups along an axis.
const MAX_GROUPS: u32 = 65_535;

/// A recording bound to a device: parameters uploaded, bindings made. Can be submitted any number of times.
pub struct Program {
    steps: Vec<Step>,
    /// Bind group and parameter offset of each dispatch, in order.
    bound: Vec<(wgpu::BindGroup, Option<u32>)>,
}

/// A submission to wait for.
#[derive(Debug, Clone)]
pub struct Submission(wgpu::SubmissionIndex);

/// Time a step took on the device.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTime {
    /// Label of the step: usually a layer.
    pub label: String,
    /// Kernel that ran.
    pub stem: &'static str,
    /// Milliseconds.
    pub milliseconds: f64,
}

impl Gpu {
    /// Binds a recording to this device.
    ///
    /// # Errors
    /// [`Kind::OutOfMemory`] or what the device reports.
    pub fn program(&self, recording: Recording) -> Result<Program> {
        let alignment = self.limits().min_uniform_buffer_offset_alignment as usize;
        let mut block = Vec::new();
        let mut offsets = Vec::new();
        for step in &recording.steps {
            if let Step::Dispatch { kernel, params, .. } = step {
                block.resize(block.len().next_multiple_of(alignment), 0);
                offsets.push(block.len());
                block.extend_from_slice(params);
                block.resize(offsets[offsets.len() - 1] + kernel.interface.params_bytes.next_multiple_of(16), 0);
            }
        }
        // Copies alone bind nothing.
        if offsets.is_empty() {
            return Ok(Program { steps: recording.steps, bound: Vec::new() });
        }
        let uniforms = self.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: block.len().max(16) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.check()?;
        self.queue().write_buffer(&uniforms, 0, &block);
        let dispatches = recording.steps.iter().filter_map(|step| match step {
            Step::Dispatch { kernel, buffers, .. } => Some((kernel, buffers)),
            _ => None,
        });
        let bound = dispatches
            .zip(offsets)
            .map(|((kernel, buffers), offset)| {
                let has_params = kernel.interface.params_bytes > 0;
                let offset = has_params.then(|| u32::try_from(offset).unwrap_or(u32::MAX));
                (self.bind(kernel, buffers, &uniforms), offset)
            })
            .collect();
        self.check()?;
        Ok(Program { steps: recording.steps, bound })
    }

    fn bind(&self, kernel: &Kernel, buffers: &[Buffer], uniforms: &wgpu::Buffer) -> wgpu::BindGroup {
        let bytes = kernel.interface.params_bytes.next_multiple_of(16) as u64;
        let params = (bytes > 0).then(|| wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: uniforms,
                offset: 0,
                size: std::num::NonZeroU64::new(bytes),
            }),
        });
        let storage = buffers
            .iter()
            .zip(1..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.raw.as_entire_binding() });
        let entries: Vec<_> = params.into_iter().chain(storage).collect();
        self.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.stem),
            layout: &kernel.layout,
            entries: &entries,
        })
    }

    /// Submits a program: one encoder, one pass for each run of dispatches. Does not wait.
    ///
    /// # Errors
    /// What the device reports.
    pub fn submit(&self, program: &Program) -> Result<Submission> {
        let mut encoder = self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut bound = program.bound.iter();
        let mut steps = program.steps.iter().peekable();
        while let Some(step) = steps.next() {
            let Step::Dispatch { .. } = step else {
                encode_copy(&mut encoder, step);
                continue;
            };
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            encode_dispatch(&mut pass, step, bound.next());
            while let Some(step) = steps.next_if(|step| matches!(step, Step::Dispatch { .. })) {
                encode_dispatch(&mut pass, step, bound.next());
            }
        }
        let index = self.queue().submit([encoder.finish()]);
        self.check()?;
        Ok(Submission(index))
    }

    /// Waits until a submission is done.
    ///
    /// # Errors
    /// [`Kind::DeviceLost`] if the device failed or does not answer.
    pub fn wait_for(&self, submission: Submission) -> Result<()> {
        self.poll(Some(submission.0))
    }

    /// Runs a program with a pass for each dispatch, timed by the device where it can, else by the host around each step.
    ///
    /// # Errors
    /// What the device reports.
    pub fn submit_timed(&self, program: &Program) -> Result<Vec<StepTime>> {
        if self.traits().timestamps { self.timed_by_device(program) } else { self.timed_by_host(program) }
    }

    fn timed_by_device(&self, program: &Program) -> Result<Vec<StepTime>> {
        const MOST: usize = 2048; // half of wgpu's limit of queries in a set
        let mut times = Vec::new();
        let mut bound = program.bound.iter();
        for steps in program.steps.chunks(MOST) {
            let count = u32::try_from(steps.len() * 2).unwrap_or(u32::MAX);
            let queries = self.device().create_query_set(&wgpu::QuerySetDescriptor {
                label: None,
                ty: wgpu::QueryType::Timestamp,
                count,
            });
            let bytes = u64::from(count) * 8;
            let resolved = self.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: bytes,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            });
            let read = self.buffer("timestamps", bytes)?;
            let mut encoder = self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut timed = Vec::new();
            for step in steps {
                let Step::Dispatch { label, kernel, .. } = step else {
                    encode_copy(&mut encoder, step);
                    continue;
                };
                let first = u32::try_from(timed.len() * 2).unwrap_or(u32::MAX);
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: None,
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(first),
                        end_of_pass_write_index: Some(first + 1),
                    }),
                });
                encode_dispatch(&mut pass, step, bound.next());
                timed.push((label.clone(), kernel.stem));
            }
            if timed.is_empty() {
                self.queue().submit([encoder.finish()]);
                continue;
            }
            encoder.resolve_query_set(&queries, 0..u32::try_from(timed.len() * 2).unwrap_or(count), &resolved, 0);
            encoder.copy_buffer_to_buffer(&resolved, 0, &read.raw, 0, bytes);
            self.queue().submit([encoder.finish()]);
            let ticks: Vec<u64> = self.download(&read, timed.len() * 2)?;
            let period = f64::from(self.queue().get_timestamp_period());
            times.extend(timed.into_iter().zip(ticks.chunks_exact(2)).map(|((label, stem), pair)| StepTime {
                label,
                stem,
                milliseconds: pair[1].saturating_sub(pair[0]) as f64 * period / 1e6,
            }));
        }
        Ok(times)
    }

    fn timed_by_host(&self, program: &Program) -> Result<Vec<StepTime>> {
        let mut times = Vec::new();
        let mut bound = program.bound.iter();
        for step in &program.steps {
            let mut encoder = self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let Step::Dispatch { label, kernel, .. } = step else {
                encode_copy(&mut encoder, step);
                self.queue().submit([encoder.finish()]);
                continue;
            };
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            encode_dispatch(&mut pass, step, bound.next());
            drop(pass);
            self.wait()?;
            let start = std::time::Instant::now();
            self.queue().submit([encoder.finish()]);
            self.wait()?;
            let milliseconds = start.elapsed().as_secs_f64() * 1e3;
            times.push(StepTime { label: label.clone(), stem: kernel.stem, milliseconds });
        }
        Ok(times)
    }
}

fn encode_dispatch(pass: &mut wgpu::ComputePass<'_>, step: &Step, bound: Option<&(wgpu::BindGroup, Option<u32>)>) {
    if let (Step::Dispatch { kernel, groups, .. }, Some((group, offset))) = (step, bound) {
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, group, offset.as_slice());
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
    }
}

fn encode_copy(encoder: &mut wgpu::CommandEncoder, step: &Step) {
    match step {
        Step::Clear { buffer } => encoder.clear_buffer(&buffer.raw, 0, None),
        Step::Copy { from, from_offset, to, to_offset, bytes } => {
            encoder.copy_buffer_to_buffer(&from.raw, *from_offset, &to.raw, *to_offset, *bytes);
        }
        Step::Dispatch { .. } => {}
    }
}
