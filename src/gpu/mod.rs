//! The only place that names wgpu: adapters, buffers, shaders, recordings, timing.

pub mod adapter;
mod buffer;
pub mod drivers;
mod kernel;
mod memory;
mod params;
mod programs;
mod recording;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use adapter::{AdapterSummary, DeviceChoice};
pub use buffer::{Bound, Buffer, Download};
pub use kernel::{Access, Interface, Kernel, Shader};
pub use params::{Field, Member, Params};
pub use programs::Programs;
pub use recording::{Program, Recording, StepTime, Submission};

use crate::error::{Error, Kind, Result};

/// How long a submission may take before the device counts as lost.
const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(600);

/// An opened device. Cheap to clone; all clones share the device, the kernels and the memory budget.
#[derive(Clone)]
pub struct Gpu {
    shared: Arc<Shared>,
    kernels: Arc<Mutex<HashMap<Shader, Arc<Kernel>>>>,
    mutation: Option<Mutation>,
    trusted: bool,
}

struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    summary: AdapterSummary,
    limits: wgpu::Limits,
    features: wgpu::Features,
    /// First error the device reported outside any call's own checks.
    failure: Arc<Mutex<Option<Error>>>,
    budget: AtomicU64,
    allocated: Arc<AtomicU64>,
    peak: AtomicU64,
}

/// A text replacement in one kernel, for tests that must see it noticed.
#[derive(Clone)]
struct Mutation {
    stem: &'static str,
    from: String,
    to: String,
}

/// What kernels may ask of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Subgroup built-ins are available.
    pub subgroups: bool,
    /// Smallest and largest subgroup the adapter may run.
    pub subgroup_sizes: (u32, u32),
    /// A processor plays the adapter: loads are dear, barriers dearer.
    pub software: bool,
    /// Timestamps can be taken at pass boundaries.
    pub timestamps: bool,
    /// Largest storage binding, bytes.
    pub max_binding_bytes: u64,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Invocations in a workgroup.
    pub workgroup_invocations: u32,
}

impl Gpu {
    /// Opens the chosen adapter with its own limits and the optional features that only make things faster.
    ///
    /// # Errors
    /// [`Kind::NoDevice`] if there is no such adapter or it cannot be opened; the hint says what to install.
    pub fn open(choice: &DeviceChoice) -> Result<Gpu> {
        let (adapter, summary) = adapter::select(choice)?;
        let wanted = wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY;
        let features = adapter.features() & wanted;
        let limits = adapter::wanted_limits(&adapter.limits());
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("netdissect"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        }))
        .map_err(|error| Error::new(Kind::NoDevice, format!("cannot be opened: {error}")).at(&summary.name))?;

        let failure = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error| note(&slot, from_wgpu(&error))));
        let slot = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(&slot, lost(&message));
            }
        });
        let budget = memory::default_budget(summary.software);
        Ok(Gpu {
            shared: Arc::new(Shared {
                device,
                queue,
                summary,
                limits,
                features,
                failure,
                budget: AtomicU64::new(budget),
                allocated: Arc::default(),
                peak: AtomicU64::new(0),
            }),
            kernels: Arc::default(),
            mutation: None,
            trusted: false,
        })
    }

    /// Name, backend, driver and kind of the adapter.
    pub fn summary(&self) -> &AdapterSummary {
        &self.shared.summary
    }

    /// What kernels may ask of this adapter.
    pub fn traits(&self) -> Traits {
        let shared = &self.shared;
        Traits {
            subgroups: shared.features.contains(wgpu::Features::SUBGROUP),
            subgroup_sizes: shared.summary.subgroup_sizes,
            software: shared.summary.software,
            timestamps: shared.features.contains(wgpu::Features::TIMESTAMP_QUERY),
            max_binding_bytes: shared.limits.max_storage_buffer_binding_size.min(shared.limits.max_buffer_size),
            workgroup_bytes: shared.limits.max_compute_workgroup_storage_size,
            workgroup_invocations: shared.limits.max_compute_invocations_per_workgroup,
        }
    }

    /// Bytes that buffers may take in all.
    pub fn budget(&self) -> u64 {
        self.shared.budget.load(Ordering::Relaxed)
    }

    /// Sets the bytes that buffers may take in all.
    pub fn set_budget(&self, bytes: u64) {
        self.shared.budget.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that buffers may still take.
    pub fn free_bytes(&self) -> u64 {
        self.budget().saturating_sub(self.shared.allocated.load(Ordering::Relaxed))
    }

    /// Most bytes that buffers have taken at one time.
    pub fn peak_bytes(&self) -> u64 {
        self.shared.peak.load(Ordering::Relaxed)
    }

    /// The same device without naga's run-time checks in the shaders: what a kernel reads and writes is then bounded by nothing but
    /// its own arithmetic.
    ///
    /// # Safety
    /// Whatever is dispatched on it has run before with the checks on, on the same inputs, and given the right numbers.
    /// [`Recording::dispatch`] sees to it that buffers hold what a kernel's shapes ask for; it does not see indices that lie in a
    /// buffer's content, such as the entries of `threshold_iou` and the owners of `label_argmax`.
    #[must_use]
    #[expect(unsafe_code, reason = "whoever asks for it makes the promise above")]
    pub unsafe fn trusted(&self) -> Gpu {
        Gpu { kernels: Arc::default(), trusted: true, ..self.clone() }
    }

    /// The same device with a text replaced in the kernel `stem`, for tests that must see the difference noticed.
    #[must_use]
    pub fn mutated(&self, stem: &'static str, from: &str, to: &str) -> Gpu {
        let mutation = Some(Mutation { stem, from: from.to_owned(), to: to.to_owned() });
        // What is promised of a trusted device is promised of its own kernels' texts.
        Gpu { kernels: Arc::default(), mutation, trusted: false, ..self.clone() }
    }

    /// The compiled kernel of a shader, made once.
    ///
    /// # Errors
    /// [`Kind::Internal`] with naga's message if the text is not valid for this adapter.
    pub fn kernel(&self, shader: &Shader) -> Result<Arc<Kernel>> {
        if let Some(kernel) = lock(&self.kernels).get(shader) {
            return Ok(Arc::clone(kernel));
        }
        let mut text = shader.text.to_string();
        if let Some(mutation) = self.mutation.as_ref().filter(|mutation| mutation.stem == shader.stem) {
            text = text.replace(&mutation.from, &mutation.to);
        }
        let kernel = Arc::new(Kernel::compile(self, shader, &text)?);
        lock(&self.kernels).insert(shader.clone(), Arc::clone(&kernel));
        Ok(kernel)
    }

    /// The first error the device has reported, if any. That it had no memory left is told once: it can go on with less.
    ///
    /// # Errors
    /// [`Kind::DeviceLost`], [`Kind::OutOfMemory`] or [`Kind::Internal`], as reported.
    pub fn check(&self) -> Result<()> {
        let mut failure = lock(&self.shared.failure);
        let Some(error) = failure.clone() else { return Ok(()) };
        if error.kind() == Kind::OutOfMemory {
            *failure = None;
        }
        Err(error)
    }

    /// Waits until everything submitted so far is done.
    ///
    /// # Errors
    /// [`Kind::DeviceLost`] if the device does not answer in time, else as [`Gpu::check`].
    pub fn wait(&self) -> Result<()> {
        self.poll(None)
    }

    fn poll(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: Some(SUBMISSION_TIMEOUT) };
        let polled = self.shared.device.poll(wait);
        self.check()?;
        polled.map(drop).map_err(|error| lost(&error.to_string()))
    }

    fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    fn limits(&self) -> &wgpu::Limits {
        &self.shared.limits
    }
}

/// Locks even if another thread panicked while holding the lock: the data behind our locks is always whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the first failure: later ones are its echoes.
fn note(slot: &Mutex<Option<Error>>, error: Error) {
    lock(slot).get_or_insert(error);
}

fn lost(message: &str) -> Error {
    Error::new(Kind::DeviceLost, format!("the device was lost: {message}"))
        .hint("run the same command again: finished work is kept; a smaller `--batch` makes each submission shorter")
}

fn from_wgpu(error: &wgpu::Error) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::new(Kind::OutOfMemory, "the device has no memory left"),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            Error::internal(description.clone()).at("wgpu")
        }
    }
}
