//! What a job is given of the machine it runs on.

use std::sync::atomic::AtomicBool;

use crate::data::Watch;
use crate::error::Result;
use crate::gpu::{DeviceChoice, Gpu};
use crate::progress::{Progress, Silent};

/// The machine as a job sees it: which adapter, how much of its memory, who listens, and who may stop it.
#[derive(Clone)]
pub struct Host<'a> {
    /// Adapter to use.
    pub device: DeviceChoice,
    /// Bytes that buffers on the adapter may take; none for the adapter's own budget.
    pub memory: Option<u64>,
    /// Who listens to long work.
    pub progress: &'a dyn Progress,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
}

/// Of those whom nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for Host<'_> {
    /// The best adapter with its own budget; nobody listens, nobody stops.
    fn default() -> Self {
        Host { device: DeviceChoice::Auto, memory: None, progress: &Silent, stop: &NEVER }
    }
}

impl Host<'_> {
    /// For work that is only tried: nothing is kept or told of it.
    pub(crate) fn trial(&self) -> Watch<'_> {
        Watch { checkpoint: None, job: String::new(), progress: &Silent, stop: self.stop }
    }

    /// Opens the chosen adapter with the chosen budget.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_gpu(&self) -> Result<Gpu> {
        let gpu = Gpu::open(&self.device)?;
        if let Some(bytes) = self.memory {
            gpu.set_budget(bytes);
        }
        if gpu.summary().software {
            self.progress.note(&format!("running on {}, a software adapter", gpu.summary().name));
        }
        Ok(gpu)
    }
}
