//! `netdissect doctor`: each kernel against its reference on this adapter.

use clap::Args;
use serde_json::json;

use super::context::{Context, size_in_words};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::progress::check_stop;
use crate::reference::{KERNELS, Size};

/// Check every kernel against its reference on this adapter.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect doctor
  netdissect doctor --full
  netdissect --device cpu doctor --json")]
pub(super) struct DoctorArgs {
    /// Also check real layers, which takes longer.
    #[arg(long)]
    full: bool,
}

/// What became of a kernel.
struct Finding {
    stem: &'static str,
    cases: usize,
    failures: Vec<String>,
    runs: bool,
}

/// Runs `netdissect doctor`.
///
/// # Errors
/// [`Kind::SelfTest`] if a kernel disagrees with its reference, [`Kind::NoDevice`] if there is no adapter.
pub(super) fn run(args: &DoctorArgs, context: &mut Context<'_>) -> Result<()> {
    let gpu = context.host.open_gpu()?;
    context.host.progress.stage("checking kernels", KERNELS.len() as u64);
    // SAFETY: each case runs on it right after it has passed with the checks on.
    let trusted = unsafe { gpu.trusted() };
    let mut findings = Vec::new();
    for row in KERNELS {
        let entry = row.entry;
        check_stop(context.host.stop)?;
        let mut finding =
            Finding { stem: entry.stem, cases: 0, failures: Vec::new(), runs: (entry.runs_on)(&gpu.traits()) };
        let cases = (row.cases)();
        let wanted = |size: Size| size != Size::Timed && (args.full || size != Size::Real);
        let cases = cases.iter().filter(|case| wanted(case.size)).take(if finding.runs { usize::MAX } else { 0 });
        for case in cases {
            // What failed with the checks on is not run without them.
            let failed = [("checked", &gpu), ("trusted", &trusted)].into_iter().find_map(|(mode, gpu)| {
                finding.cases += 1;
                case.check(gpu).err().map(|error| format!("{mode}: {error}"))
            });
            finding.failures.extend(failed);
        }
        context.host.progress.advance(1);
        findings.push(finding);
    }
    print(context, &gpu, &findings)?;
    let failed = findings.iter().filter(|finding| !finding.failures.is_empty()).count();
    if failed > 0 {
        return Err(Error::new(Kind::SelfTest, format!("{failed} kernels disagree with their reference on {}", gpu.summary().name))
            .hint("update the graphics driver, or choose another adapter with `--device`; please report what is printed above"));
    }
    Ok(())
}

fn print(context: &mut Context<'_>, gpu: &crate::gpu::Gpu, findings: &[Finding]) -> Result<()> {
    let summary = gpu.summary();
    let cache = files::cache_dir();
    let cache_works = cache.as_ref().is_some_and(|dir| {
        files::make_folder(dir).and_then(|()| files::write_atomic(&dir.join("doctor"), b"")).is_ok()
            && files::remove(&dir.join("doctor")).is_ok()
    });
    if context.json {
        let kernels: Vec<_> = findings
            .iter()
            .map(|f| json!({ "kernel": f.stem, "runs_here": f.runs, "cases": f.cases, "failures": f.failures }))
            .collect();
        return context.json(&json!({
            "adapter": summary, "memory_budget_bytes": gpu.budget(), "cache": cache, "cache_writable": cache_works, "kernels": kernels,
        }));
    }
    context.line(&format!("{} ({}, {} {})", summary.name, summary.backend, summary.driver, summary.driver_info))?;
    for finding in findings {
        let word = match (finding.runs, finding.failures.is_empty()) {
            (false, _) => "n/a ",
            (true, true) => "PASS",
            (true, false) => "FAIL",
        };
        context.line(&format!("{word}  {:<24} {} checks", finding.stem, finding.cases))?;
        for failure in &finding.failures {
            context.line(&format!("        {failure}"))?;
        }
    }
    context.line(&format!("memory budget {}", size_in_words(gpu.budget())))?;
    let cache = cache.map_or_else(|| "none".to_owned(), |dir| dir.display().to_string());
    let advice =
        if cache_works { "" } else { "  (not writable: tuning is repeated in every run; set NETDISSECT_CACHE_DIR)" };
    context.line(&format!("cache {cache}{advice}"))
}
