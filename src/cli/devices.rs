//! `netdissect devices`: all adapters, and which one is taken.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::words::size_in_words;
use crate::error::Result;
use crate::gpu::AdapterSummary;
use crate::gpu::adapter;
use crate::gpu::drivers::no_adapter;

/// List all adapters: which is the default and why, features, limits.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect devices
  netdissect devices --json
  netdissect --device 1 doctor")]
pub(super) struct DevicesArgs {}

const WHY: &str =
    "discrete before integrated before virtual before software; `--device` or NETDISSECT_DEVICE chooses another";

/// Runs `netdissect devices`.
///
/// # Errors
/// [`crate::error::Kind::NoDevice`] if there is none; the hint says what to install.
pub(super) fn run(_: &DevicesArgs, context: &mut Context<'_>) -> Result<()> {
    let adapters = adapter::list();
    if adapters.is_empty() {
        return Err(no_adapter());
    }
    context.tell(&json!({ "default": 0, "why": WHY, "adapters": adapters }), || {
        adapters.iter().flat_map(in_words).chain([format!("order: {WHY}")]).collect()
    })
}

fn in_words(adapter: &AdapterSummary) -> Vec<String> {
    let mark = if adapter.index == 0 { "  (default)" } else { "" };
    let (least, most) = adapter.subgroup_sizes;
    let lanes = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    vec![
        format!("{}  {}{mark}", adapter.index, adapter.name),
        format!("   {} on {}, {} {}", adapter.kind, adapter.backend, adapter.driver, adapter.driver_info),
        format!("   features: {}; subgroups of {lanes}", adapter.features.join(", ")),
        format!(
            "   limits: {} a binding, {} a buffer, {} of workgroup memory, {} invocations a workgroup",
            size_in_words(adapter.max_binding_bytes),
            size_in_words(adapter.max_buffer_bytes),
            size_in_words(adapter.workgroup_bytes.into()),
            adapter.workgroup_invocations
        ),
    ]
}
