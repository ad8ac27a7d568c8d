//! `netdissect demo`: the whole story on networks that come with the program, told on one page.
//!
//! Every step is a command that users can type; the demo types it for them.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::words::time_in_words;
use super::written::Written;
use crate::error::Result;
use crate::report::story::{LayerFound, MatchAgreement, Story};
use crate::work::demo::{DemoJob, DemoStep};
use crate::work::timing::Stopwatch;

/// See what the units of a network have learned, in a minute or two, without any download.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect demo
  netdissect demo -o story --scenes 1200
  netdissect demo --dry-run

Draws places with exact label maps; dissects a classifier of places with them, and again with a segmenter; removes the units of each class; \
lets a generator make places up, dissects it, removes its trees and adds doors; and does the same to networks that have learned nothing. \
All of them come with the program. The folder then holds report.html, which tells the story, demo.json, and a folder for each run. The \
same command goes on where a stopped one left off. `--dry-run` prints the commands that it runs; each can be run by itself.")]
pub(super) struct DemoArgs {
    /// Folder for the results.
    #[arg(short, long, value_name = "DIR", default_value = "netdissect-demo", value_parser = Written::Folder.path())]
    output: PathBuf,

    /// Pictures to look at; units are removed from fewer.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(90..=100_000))]
    scenes: u32,

    /// Start over, whatever the folder holds.
    #[arg(long)]
    restart: bool,

    /// Only print the commands.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `netdissect demo`.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if the folder holds something else; [`crate::error::Kind::Interrupted`] if stopped, with what was done kept; else as the commands'.
pub(super) fn run(args: &DemoArgs, context: &mut Context<'_>) -> Result<()> {
    let job = DemoJob { output: args.output.clone(), scenes: args.scenes, restart: args.restart };
    let (steps, missing) = job.steps();
    if args.dry_run {
        return dry_run(args, context, &steps, &missing);
    }
    let clock = Stopwatch::start();
    let _taken = job.take()?;
    job.write_controls()?;
    for (place, step) in steps.iter().enumerate() {
        context.host.progress.note(&format!("[{} of {}] {}", place + 1, steps.len(), step.title));
        // What it says on standard output is told at the end, in one story.
        super::type_in(&step.words, context.host, &mut std::io::sink())?;
    }
    let story = job.write_story(&missing)?;
    let (page, seconds) = (args.output.join("report.html"), clock.seconds());
    let said = json!({ "folder": args.output, "report": page, "seconds": seconds, "story": story });
    context.tell(&said, || {
        let time = format!("told in {}; open this in a browser:", time_in_words(seconds));
        in_words(&story).into_iter().chain([time, page.display().to_string()]).collect()
    })
}

/// What was found, a line each.
fn in_words(story: &Story) -> Vec<String> {
    let found = [("classifier", story.classifier), ("rotated units", story.rotated), ("random weights", story.random)];
    let made = [("generator", story.generator), ("random generator", story.generator_random)];
    let matches = found.into_iter().chain(made).filter_map(|(name, found)| {
        let LayerFound { matched, units, concepts, things, .. } = found?;
        Some(format!(
            "{name}: {matched} of {units} units match {concepts} concepts, {things} of them objects and parts"
        ))
    });
    let agreement = story.agreement.map(|MatchAgreement { matched, same }| {
        format!("segmenter: {same} of {matched} matched units named as by the exact maps")
    });
    let removal = story.removal.as_ref().map(|lost| {
        let share = lost.lost.map_or_else(|| "none".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let most = lost.most_changed.as_deref().zip(lost.most_changed_by);
        let most = most.map_or_else(String::new, |(name, by)| format!(", {name} most by {:+.0} %", by * 100.0));
        let others = format!("other objects change by {:.0} % in all{most}", lost.others * 100.0);
        format!("{} lost with {} units removed: {share}; {others}", lost.concept, lost.units)
    });
    let insertion = story.insertion.as_ref().map(|added| {
        let pixels = |mean: Option<f64>| mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.2}"));
        let (house, sky) = (pixels(added.to_buildings), pixels(added.to_sky));
        format!("{} pixels added by one insertion: {house} amid buildings, {sky} amid the sky", added.concept)
    });
    matches.chain(agreement).chain(removal).chain(insertion).collect()
}

/// Prints the commands.
fn dry_run(args: &DemoArgs, context: &mut Context<'_>, steps: &[DemoStep], missing: &[&str]) -> Result<()> {
    let as_json = |step: &DemoStep| json!({ "title": step.title, "command": step.words });
    let commands: Vec<_> = steps.iter().map(as_json).collect();
    context.tell(&json!({ "folder": args.output, "steps": commands, "missing": missing }), || {
        let typed = |step: &DemoStep| [format!("# {}", step.title), format!("netdissect {}", step.words.join(" "))];
        let left_out = |name: &&str| format!("# without {name}, which does not come with this program");
        let last = format!("would write {}; nothing was written", args.output.display());
        steps.iter().flat_map(typed).chain(missing.iter().map(left_out)).chain([last]).collect()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_step_is_a_command_that_can_be_typed() {
        for restart in [false, true] {
            let job = DemoJob { output: "story".into(), scenes: 90, restart };
            let all = job.all_steps();
            assert!(all.len() >= 10);
            for step in all {
                let words = std::iter::once("netdissect").chain(step.words.iter().map(String::as_str));
                assert!(Cli::try_parse_from(words).is_ok(), "{:?}", step.words);
            }
        }
    }
}
