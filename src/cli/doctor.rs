//! `netdissect doctor`: each kernel against its reference on this adapter.

use clap::Args;

use super::context::Context;
use super::words::size_in_words;
use crate::error::{Error, Kind, Result};
use crate::work::doctor::{DoctorJob, Findings};

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

/// Runs `netdissect doctor`.
///
/// # Errors
/// [`Kind::SelfTest`] if a kernel disagrees with its reference; else as [`DoctorJob::perform`].
pub(super) fn run(args: &DoctorArgs, context: &mut Context<'_>) -> Result<()> {
    let findings = DoctorJob { full: args.full }.perform(context.host)?;
    context.tell(&findings, || in_words(&findings))?;
    match findings.failed() {
        0 => Ok(()),
        failed => Err(Error::new(Kind::SelfTest, format!("{failed} kernels disagree with their reference on {}", findings.adapter.name))
            .hint("update the graphics driver, or choose another adapter with `--device`; please report what is printed above")),
    }
}

fn in_words(findings: &Findings) -> Vec<String> {
    let adapter = &findings.adapter;
    let mut lines = vec![format!("{} ({}, {} {})", adapter.name, adapter.backend, adapter.driver, adapter.driver_info)];
    for finding in &findings.kernels {
        let word = match (finding.runs_here, finding.failures.is_empty()) {
            (false, _) => "n/a ",
            (true, true) => "PASS",
            (true, false) => "FAIL",
        };
        lines.push(format!("{word}  {:<24} {} checks", finding.kernel, finding.cases));
        lines.extend(finding.failures.iter().map(|failure| format!("        {failure}")));
    }
    lines.push(format!("memory budget {}", size_in_words(findings.memory_budget_bytes)));
    let cache = findings.cache.as_ref().map_or_else(|| "none".to_owned(), |folder| folder.display().to_string());
    let advice = match findings.cache_writable {
        true => "",
        false => "  (not writable: tuning is repeated in every run; set NETDISSECT_CACHE_DIR)",
    };
    lines.push(format!("cache {cache}{advice}"));
    lines
}
