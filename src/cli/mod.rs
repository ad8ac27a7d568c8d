//! The command line: one file a subcommand; words to a job, and what comes of it to words.

mod ablate;
mod activations;
mod bench;
mod cache;
mod classify;
mod concepts;
mod context;
mod demo;
mod detect;
mod devices;
mod dissect;
mod doctor;
mod experiment;
mod generate;
mod help;
mod insert;
mod interrupt;
mod latents;
mod network;
mod output;
mod progress;
mod remove;
mod scenes;
mod segment;
mod terminal;
mod weights;
mod words;
mod written;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::context::{Context, GlobalArgs};
use self::output::{Output, writing};
use self::terminal::{printable, printable_lines};
use self::written::Written;
use crate::data::budget::allow_pixels;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::progress::Progress;
use crate::work::Host;

/// Shows what every single unit of a vision network has learned.
#[derive(Debug, Parser)]
#[command(
    name = "netdissect",
    version,
    propagate_version = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
#[command(after_help = "Examples:
  netdissect demo --dry-run
  netdissect scenes --count 60 -o drawn
  netdissect dissect drawn/images --labels drawn/labels --model demo-classifier -l conv5_3 -o run
  netdissect doctor

`netdissect help dissect` says more of a subcommand.")]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Dissect(dissect::DissectArgs),
    Classify(classify::ClassifyArgs),
    Activations(activations::ActivationsArgs),
    Generate(generate::GenerateArgs),
    Remove(remove::RemoveArgs),
    Insert(insert::InsertArgs),
    Detect(detect::DetectArgs),
    Ablate(ablate::AblateArgs),
    Segment(segment::SegmentArgs),
    Scenes(scenes::ScenesArgs),
    Weights(weights::WeightsArgs),
    Devices(devices::DevicesArgs),
    Doctor(doctor::DoctorArgs),
    Bench(bench::BenchArgs),
    Cache(cache::CacheArgs),
    /// Print completions for a shell.
    #[command(after_help = "Examples:\n  netdissect completions bash\n  netdissect completions zsh > _netdissect")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    Man(ManArgs),
}

/// Print the manual page, or write those of all subcommands to a folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect man
  netdissect man pages/")]
struct ManArgs {
    /// Folder for the pages.
    #[arg(value_parser = Written::Folder.path())]
    folder: Option<PathBuf>,
}

/// The command line, with its help in sections.
fn definition() -> clap::Command {
    let command = help::in_sections(Cli::command());
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_long_help(format!("{examples}\n\n{}", exit_codes()))
}

/// What the exit codes mean, a line each.
fn exit_codes() -> String {
    let line = |kind: Kind| format!("\n  {:<4} {}", kind.exit_code(), kind.meaning());
    format!("Exit codes:\n  0    done{}", Kind::ALL.map(line).concat())
}

/// Runs the program as it was called and says how it ended.
pub fn main() -> ExitCode {
    let parsed = definition().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing to be done if even the message cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut out = Output::new(std::io::stdout().lock());
    match run(&cli, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        // Only that the results could not be told is nobody's loss.
        Err(error) if error.kind() == Kind::Output && out.is_closed() => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error, cli.global.color);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(cli: &Cli, out: &mut dyn Write) -> Result<()> {
    allow_pixels(cli.global.max_pixels);
    let stop = interrupt::listen()?;
    let progress = progress::ProgressShown::new(cli.global.quiet, cli.global.no_progress);
    if let Some(folder) = cache_that_is_none() {
        progress.note(&format!("NETDISSECT_CACHE_DIR names {}, which is no folder: nothing is kept", folder.display()));
    }
    perform(&cli.command, &mut Context { host: &cli.global.host(&progress, stop), json: cli.global.json, out })?;
    out.flush().map_err(|error| writing(&error))
}

/// The folder for what is kept between runs, if the environment names one that cannot be made.
fn cache_that_is_none() -> Option<PathBuf> {
    let named = PathBuf::from(std::env::var_os("NETDISSECT_CACHE_DIR")?);
    let is_wrong = named.ancestors().find(|above| files::exists(above)).is_some_and(|above| !files::is_folder(above));
    is_wrong.then_some(named)
}

/// Runs a command as if it were typed and writes its results to `out`; `words` are those after the program's name.
///
/// # Errors
/// [`Kind::Internal`] if the words make no sense: no person typed them; else the command's.
pub fn type_in<S: AsRef<str>>(words: &[S], host: &Host<'_>, out: &mut dyn Write) -> Result<()> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let cli = Cli::try_parse_from([&["netdissect"], &words[..]].concat())
        .map_err(|error| Error::internal(error.to_string()).at(words.join(" ")))?;
    perform(&cli.command, &mut Context { host, json: cli.global.json, out })
}

fn perform(command: &Command, context: &mut Context<'_>) -> Result<()> {
    match command {
        Command::Demo(args) => demo::run(args, context),
        Command::Dissect(args) => dissect::run(args, context),
        Command::Classify(args) => classify::run(args, context),
        Command::Activations(args) => activations::run(args, context),
        Command::Generate(args) => generate::run(args, context),
        Command::Remove(args) => experiment::run(args, context),
        Command::Insert(args) => experiment::run(args, context),
        Command::Detect(args) => experiment::run(args, context),
        Command::Ablate(args) => experiment::run(args, context),
        Command::Segment(args) => segment::run(args, context),
        Command::Scenes(args) => scenes::run(args, context),
        Command::Weights(args) => weights::run(args, context),
        Command::Devices(args) => devices::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Bench(args) => bench::run(args, context),
        Command::Cache(args) => cache::run(args, context),
        Command::Completions { shell } => {
            // Written by hand: the crate's own way of writing panics where nobody reads.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut definition(), "netdissect", &mut script);
            context.out.write_all(&script).map_err(|error| writing(&error))
        }
        Command::Man(args) => manual(args, context),
    }
}

fn manual(args: &ManArgs, context: &mut Context<'_>) -> Result<()> {
    let Some(folder) = &args.folder else {
        return clap_mangen::Man::new(definition()).render(context.out).map_err(|error| writing(&error));
    };
    files::make_folder(folder)?;
    let mut command = definition().disable_help_subcommand(true);
    command.build();
    write_pages(command, folder)
}

/// Writes the pages of a command and of those below it, each whole or not at all.
fn write_pages(command: clap::Command, folder: &Path) -> Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_pages(below.clone(), folder)?;
    }
    let page = clap_mangen::Man::new(command);
    files::write_atomic_with(&folder.join(page.get_filename()), |out| page.render(out))
}

/// Prints an error and its hint on standard error.
fn complain(error: &Error, color: clap::ColorChoice) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let coloured = match color {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        clap::ColorChoice::Auto => !plain && std::io::stderr().is_terminal(),
    };
    let (red, bold, end) = if coloured { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    let word = if error.kind() == Kind::Interrupted { "stopped" } else { "error" };
    let places: String = error.places().map(|place| printable(place) + ": ").collect();
    let mut message = format!("{red}{word}:{end} {places}{}\n", printable_lines(error.message()));
    if let Some(hint) = error.advice() {
        message += &format!("\n{bold}hint:{end} {}\n", printable_lines(hint));
    }
    // Nobody is left to tell if standard error is gone.
    let _ = std::io::stderr().write_all(message.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_experiment_of_the_page_is_a_command() {
        for experiment in crate::report::experiments::ALL {
            assert!(Cli::command().find_subcommand(experiment.name).is_some(), "{}", experiment.name);
        }
    }
}
