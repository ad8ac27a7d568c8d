//! Checking every kernel against its reference on an adapter, as a job.

use std::path::PathBuf;

use serde::Serialize;

use super::Host;
use crate::error::Result;
use crate::files;
use crate::gpu::{AdapterSummary, Gpu};
use crate::progress::check_stop;
use crate::reference::{KERNELS, KernelRow, Size};

/// What to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoctorJob {
    /// Also check real layers, which takes longer.
    pub full: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    /// The adapter that was checked.
    pub adapter: AdapterSummary,
    /// Bytes that buffers on it may take.
    pub memory_budget_bytes: u64,
    /// Where what is kept between runs goes; nowhere if the home folder is not known.
    pub cache: Option<PathBuf>,
    /// Whether it can be written.
    pub cache_writable: bool,
    /// Each kernel.
    pub kernels: Vec<KernelFinding>,
}

/// What became of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelFinding {
    /// Its name.
    pub kernel: &'static str,
    /// Whether the adapter can run it at all.
    pub runs_here: bool,
    /// Checks that were made.
    pub cases: usize,
    /// What went wrong.
    pub failures: Vec<String>,
}

impl Findings {
    /// Kernels that disagree with their reference.
    pub fn failed(&self) -> usize {
        self.kernels.iter().filter(|finding| !finding.failures.is_empty()).count()
    }
}

impl DoctorJob {
    /// Checks all kernels, and whether results of the tuner can be kept.
    ///
    /// # Errors
    /// [`crate::error::Kind::NoDevice`] if there is no adapter. A kernel that disagrees is a finding, not an error.
    #[expect(unsafe_code, reason = "kernels are checked as they will run")]
    pub fn perform(&self, host: &Host<'_>) -> Result<Findings> {
        let gpu = host.open_gpu()?;
        host.progress.stage("checking kernels", KERNELS.len() as u64);
        // SAFETY: each case runs on it right after it has passed with the checks on.
        let trusted = unsafe { gpu.trusted() };
        let mut findings = Vec::new();
        for row in KERNELS {
            check_stop(host.stop)?;
            findings.push(self.check(row, &gpu, &trusted));
            host.progress.advance(1);
        }
        let cache = files::cache_dir();
        Ok(Findings {
            adapter: gpu.summary().clone(),
            memory_budget_bytes: gpu.budget(),
            cache_writable: cache.as_ref().is_some_and(|folder| is_writable(folder)),
            cache,
            kernels: findings,
        })
    }

    fn check(&self, row: &KernelRow, gpu: &Gpu, trusted: &Gpu) -> KernelFinding {
        let runs_here = (row.entry.runs_on)(&gpu.traits());
        let mut finding = KernelFinding { kernel: row.entry.stem, runs_here, cases: 0, failures: Vec::new() };
        let cases = if runs_here { (row.cases)() } else { Vec::new() };
        let wanted = |size: Size| size != Size::Timed && (self.full || size != Size::Real);
        for case in cases.iter().filter(|case| wanted(case.size)) {
            // What failed with the checks on is not run without them.
            let failed = [("checked", gpu), ("trusted", trusted)].into_iter().find_map(|(mode, gpu)| {
                finding.cases += 1;
                case.check(gpu).err().map(|error| format!("{mode}: {error}"))
            });
            finding.failures.extend(failed);
        }
        finding
    }
}

fn is_writable(folder: &std::path::Path) -> bool {
    let probe = folder.join("doctor");
    files::make_folder(folder).and_then(|()| files::write_atomic(&probe, b"")).is_ok() && files::remove(&probe).is_ok()
}
