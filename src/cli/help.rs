//! The sections of the help: what a command cannot do without comes first, what all commands share last.

use std::collections::BTreeSet;

use clap::{ArgGroup, Command};

/// What a command cannot do without: what is required, and the images.
const NEEDED: &str = "Needed";
/// Which network, and what it is given.
const INPUT: &str = "Input";
/// Where label maps come from.
const CONCEPTS: &str = "Concepts";
/// What belongs to one command alone.
const OPTIONS: &str = "Options";
/// What is done about what is there already, and whether anything is left.
const RESULTS: &str = "Results";
/// What changes time and memory, and no result.
const COMPUTING: &str = "Computing";
/// What every command takes.
const GLOBAL: &str = "Global";

/// All sections in their order.
const SECTIONS: [&str; 7] = [NEEDED, INPUT, CONCEPTS, OPTIONS, RESULTS, COMPUTING, GLOBAL];

/// Sections of arguments that several commands share, by their own name or by that of the struct that holds them; all others are a
/// command's own.
const SHARED: [(&str, &[&str]); 6] = [
    (NEEDED, &["images"]),
    (INPUT, &["WeightArgs", "LatentArgs", "GeometryArgs", "as_is", "limit", "order", "exif", "max_pixels", "pre_relu"]),
    (CONCEPTS, &["ConceptArgs"]),
    (RESULTS, &["restart", "dry_run", "save_labels"]),
    (COMPUTING, &["device", "memory", "batch", "no_cache"]),
    (GLOBAL, &["GlobalArgs"]),
];

/// The same command, and those below it, with arguments in sections.
pub(super) fn in_sections(command: Command) -> Command {
    let needed = needed(&command);
    let section = |name: &str| if needed.contains(name) { NEEDED } else { shared(&command, name).unwrap_or(OPTIONS) };
    let mut arguments: Vec<(&str, String)> = Vec::new();
    for wanted in SECTIONS {
        let names = command.get_arguments().map(|argument| argument.get_id().as_str());
        arguments.extend(names.filter(|name| section(name) == wanted).map(|name| (wanted, name.to_owned())));
    }
    let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    // What is changed moves to the end, so that sections come in the order in which they are gone through.
    let arranged = arguments.into_iter().enumerate().fold(command, |command, (place, (section, name))| {
        command.mut_arg(name, |argument| argument.help_heading(section).display_order(place))
    });
    below.into_iter().fold(arranged, |command, name| command.mut_subcommand(name, in_sections))
}

/// The section of an argument that several commands share.
fn shared(command: &Command, argument: &str) -> Option<&'static str> {
    // To clap a struct of arguments is a group.
    let holds = |group: &&ArgGroup| group.get_args().any(|held| held.as_str() == argument);
    let structs = command.get_groups().filter(holds).map(|group| group.get_id().as_str());
    let mut names = std::iter::once(argument).chain(structs);
    names.find_map(|name| SHARED.into_iter().find(|(_, known)| known.contains(&name))).map(|(section, _)| section)
}

/// Names of arguments that are required, and of those of which one is.
fn needed(command: &Command) -> BTreeSet<String> {
    let required = command.get_arguments().filter(|argument| argument.is_required_set());
    let groups = command.get_groups().filter(|group| group.is_required_set());
    let of_groups = groups.flat_map(|group| group.get_args().map(ToString::to_string));
    required.map(|argument| argument.get_id().to_string()).chain(of_groups).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// Columns that an example may take.
    const WIDTH: usize = 120;

    /// The command of these names.
    fn command(names: &[&str]) -> Command {
        let mut command = in_sections(Cli::command());
        command.build();
        names.iter().fold(command, |command, name| command.find_subcommand(name).unwrap().clone())
    }

    /// Sections of a command's help and the options in each, as they are printed.
    fn printed(names: &[&str]) -> Vec<(String, String)> {
        let help = command(names).render_help().to_string();
        let mut sections: Vec<(String, String)> = Vec::new();
        for line in help.lines().skip_while(|line| !line.starts_with("Usage")) {
            match (line.strip_suffix(':').filter(|name| SECTIONS.contains(name)), sections.last_mut()) {
                (Some(name), _) => sections.push((name.to_owned(), String::new())),
                (None, Some((_, lines))) => *lines += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        sections
    }

    #[test]
    fn sections_come_in_order_and_hold_what_they_say() {
        let sections = printed(&["dissect"]);
        let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, SECTIONS);
        for (section, option) in [
            (NEEDED, "[IMAGES]"),
            (NEEDED, "--model"),
            (NEEDED, "--labels"),
            (NEEDED, "--output"),
            (INPUT, "--latents"),
            (CONCEPTS, "--categories"),
            (OPTIONS, "--quantile"),
            (RESULTS, "--restart"),
            (COMPUTING, "--batch"),
            (COMPUTING, "--device"),
            (GLOBAL, "--json"),
            (GLOBAL, "--help"),
        ] {
            let (_, lines) = sections.iter().find(|(name, _)| *name == section).unwrap();
            assert!(lines.contains(option), "{option} is not among {section}");
        }
        // Who reads a run needs neither a network nor concepts.
        let (_, needed) = printed(&["remove"]).remove(0);
        assert!(needed.contains("<RUN>") && !needed.contains("--weights") && !needed.contains("--concepts "));
    }

    #[test]
    fn every_command_shows_examples_that_begin_with_its_name() {
        let mut all = vec![(Vec::new(), command(&[]))];
        while let Some((names, command)) = all.pop() {
            for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
                all.push(([&names[..], &[below.get_name().to_owned()]].concat(), below.clone()));
            }
            let start = format!("\n  netdissect {}", names.join(" "));
            for help in [command.clone().term_width(0).render_help(), command.clone().term_width(0).render_long_help()]
            {
                let help = help.to_string();
                assert!(help.contains(start.trim_end()) && help.contains("Examples:"), "{names:?} shows no example");
                let longest = help.lines().filter(|line| line.starts_with("  netdissect ")).map(str::len).max();
                assert!(longest <= Some(WIDTH), "an example of {names:?} is too long for a line");
            }
        }
    }
}
