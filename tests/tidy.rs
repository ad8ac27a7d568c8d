//! The rules of the house: floors, names, sizes of files, no panics on the way.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use netdissect::kernels::Agreement;
use netdissect::reference::KERNELS;

/// Modules by floor; one imports only from floors below its own, or from itself.
const FLOORS: [&[&str]; 13] = [
    &["error", "hash"],
    &["files", "npy", "preprocess", "progress", "tensor"],
    &["geometry", "state"],
    &["data", "gpu", "weights"],
    &["graph", "kernels"],
    &["reference"],
    &["models", "session"],
    &["concepts"],
    &["dissect", "scenes"],
    &["roles"],
    &["report"],
    &["work"],
    &["cli"],
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The module a source file belongs to: the first name below `src`.
fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Modules of the crate that a text imports, tests left out.
fn imports(module: &str, text: &str) -> BTreeSet<String> {
    let named = paths(&[module], text).into_iter();
    named.filter_map(|path| path.into_iter().next()).filter(|name| floor(name).is_some()).collect()
}

fn strays(module: &str, text: &str) -> Vec<String> {
    let own = floor(module).unwrap_or(FLOORS.len());
    imports(module, text)
        .into_iter()
        .filter(|other| other != module && floor(other).is_some_and(|floor| floor >= own))
        .collect()
}

#[test]
fn modules_import_only_from_floors_below_their_own() {
    for path in files("src", "rs") {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        assert!(floor(&module).is_some(), "{} is on no floor", path.display());
        assert_eq!(strays(&module, &fs::read_to_string(&path).unwrap()), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn an_import_from_above_is_noticed() {
    assert_eq!(strays("gpu", "use crate::error::Error;\nuse crate::dissect::tally::Tally;"), ["dissect"]);
    assert_eq!(strays("graph", "fn f() -> crate::kernels::Entry {}"), ["kernels"]);
    assert_eq!(strays("gpu", "use crate::{cli, error::Error, report::{html, svg}};"), ["cli", "report"]);
}

/// Who may import the scenes: they are one world among all that could be dissected, so nothing below may know of them.
const SCENE_VISITORS: [&str; 3] = ["scenes", "work", "cli"];

/// What the scenes may import besides themselves. Of the concepts only the names of colours, which are part of the label format.
const SCENE_NEEDS: [&str; 6] = ["scenes", "error", "files", "progress", "tensor", "concepts::colors"];

/// Imports that make the scenes less than a room of their own.
fn open_walls(here: &[&str], text: &str) -> Vec<String> {
    let named: Vec<String> = paths(here, text).iter().map(|path| path.join("::")).collect();
    let within = |path: &str, room: &str| path == room || path.starts_with(&format!("{room}::"));
    let strays = named.into_iter().filter(|path| match here[0] {
        "scenes" => !SCENE_NEEDS.iter().any(|room| within(path, room)),
        _ => within(path, "scenes") && !SCENE_VISITORS.contains(&here[0]),
    });
    strays.collect()
}

#[test]
fn scenes_are_a_room_of_their_own() {
    assert_eq!(open_walls(&["report", "story"], "use crate::scenes::classes;"), ["scenes::classes"]);
    assert_eq!(open_walls(&["scenes", "set"], "use crate::{concepts::Vocabulary, files};"), ["concepts::Vocabulary"]);
    for path in files("src", "rs").iter().filter(|path| module_of(path) != "lib") {
        let name = name_of(path);
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(open_walls(&here(&name), &text), Vec::<String>::new(), "{}", path.display());
    }
}

/// Module paths that a text names by `crate` or `super`, `use` trees written out, tests left out; `here` is its own module.
fn paths(here: &[&str], text: &str) -> BTreeSet<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for word in ["crate::", "super::"] {
        for (at, _) in code.match_indices(word) {
            // `super::super` begins at its first word.
            if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                tree(&code[at..], here.iter().map(|&part| part.to_owned()).collect(), &mut found);
            }
        }
    }
    found
}

/// Reads one path or `{` list of paths `}` below `prefix`; what is left of the text.
fn tree<'a>(text: &'a str, mut prefix: Vec<String>, found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let mut text = text.trim_start();
    if let Some(list) = text.strip_prefix('{') {
        text = list;
        while !text.is_empty() && !text.starts_with('}') {
            text = tree(text, prefix.clone(), found).trim_start();
            text = text.strip_prefix(',').unwrap_or(text).trim_start();
        }
        return text.strip_prefix('}').unwrap_or(text);
    }
    let (word, rest) = text.split_at(text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()));
    match word {
        "crate" => prefix.clear(),
        "super" => drop(prefix.pop()),
        "self" => {}
        _ => prefix.push(word.to_owned()),
    }
    match rest.strip_prefix("::") {
        Some(rest) => tree(rest, prefix, found),
        None => {
            found.insert(prefix);
            // A glob or anything else that is no name ends the list.
            if word.is_empty() { rest.get(1..).unwrap_or_default() } else { rest }
        }
    }
}

/// The path of a source file below `src`, without its ending.
fn name_of(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).unwrap().with_extension("");
    below.to_str().unwrap().replace('\\', "/")
}

/// The module that a file of this name is.
fn here(name: &str) -> Vec<&str> {
    name.split('/').filter(|part| *part != "mod").collect()
}

/// Arrows between files, by their paths below `src` without ending. A `mod.rs` is the door of its folder: whoever goes in or out passes
/// it, so it is on no circle.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let names: BTreeSet<String> = files("src", "rs").iter().map(|path| name_of(path)).collect();
    let plain = names.iter().filter(|name| !name.ends_with("mod") && *name != "lib" && *name != "main");
    let target = |path: Vec<String>| {
        (1..=path.len()).rev().map(|length| path[..length].join("/")).find(|name| names.contains(name))
    };
    let of = |own: &String| {
        let text = fs::read_to_string(root().join("src").join(own).with_extension("rs")).unwrap();
        (own.clone(), paths(&here(own), &text).into_iter().filter_map(target).filter(|other| other != own).collect())
    };
    plain.map(of).collect()
}

/// Files from which a way along the arrows leads back.
fn on_circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<&String> {
    let leads_back = |start: &&String| {
        let (mut open, mut seen) = (vec![*start], BTreeSet::new());
        while let Some(file) = open.pop() {
            for next in arrows.get(file).into_iter().flatten() {
                if next == *start {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    };
    arrows.keys().filter(leads_back).collect()
}

#[test]
fn files_import_each_other_in_no_circle() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let house = [("a", set(&["b"])), ("b", set(&["c"])), ("c", set(&["b", "d"])), ("d", set(&[]))];
    let house: BTreeMap<_, _> = house.map(|(name, next)| (name.to_owned(), next)).into();
    assert_eq!(on_circles(&house), ["b", "c"]);
    let found =
        paths(&["gpu", "buffer"], "use super::{Gpu, kernel::{Access, Field}};\nfn f() -> crate::error::Error {}");
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["error::Error", "gpu::Gpu", "gpu::kernel::Access", "gpu::kernel::Field"]);
    assert_eq!(on_circles(&arrows()), Vec::<&String>::new());
}

#[test]
fn every_kernel_has_its_shader_and_its_file_and_no_shader_is_left_over() {
    let stems: BTreeSet<String> = KERNELS.iter().map(|row| row.entry.stem.to_owned()).collect();
    let shaders = fs::read_dir(root().join("shaders")).unwrap().map(|entry| entry.unwrap().path());
    let shaders =
        shaders.filter(|path| path.is_file()).map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(shaders.collect::<BTreeSet<_>>(), stems);
    for stem in &stems {
        for room in ["kernels", "reference"] {
            assert!(root().join(format!("src/{room}/{stem}.rs")).exists(), "{room}/{stem}.rs");
        }
        let head = fs::read_to_string(root().join(format!("shaders/{stem}.wgsl"))).unwrap();
        assert!(head.starts_with(&format!("// {stem}: ")), "{stem}.wgsl does not open with its contract");
        for part in ["// Shapes ", "// Grid ", "// Ensures ", "// Twin "] {
            assert!(head.contains(part), "{stem}.wgsl: no `{part}`");
        }
    }
}

/// What a head says of a kernel's bits beside the portable kernel's.
fn promise(agreement: Agreement) -> Option<&'static str> {
    match agreement {
        Agreement::Portable => None,
        Agreement::SameBits => Some("with the same order of summation and so the same bits"),
        Agreement::Bounded => Some("other sums than"),
    }
}

#[test]
fn every_head_says_whether_its_kernel_gives_the_bits_of_the_portable_one() {
    for entry in KERNELS.iter().map(|row| row.entry) {
        let text = fs::read_to_string(root().join(format!("shaders/{}.wgsl", entry.stem))).unwrap();
        for other in [Agreement::SameBits, Agreement::Bounded] {
            let said = promise(other).is_some_and(|words| text.contains(words));
            assert_eq!(said, other == entry.agreement, "{}.wgsl: {other:?}", entry.stem);
        }
    }
}

#[test]
fn source_files_stay_under_five_hundred_lines() {
    for path in files("src", "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
}

/// Lines outside tests that may panic.
fn panics(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let may_panic =
        |line: &&str| [".unwrap()", ".expect(", "panic!(", "unreachable!("].iter().any(|word| line.contains(word));
    code.lines().filter(|line| !line.trim_start().starts_with("//")).filter(may_panic).collect()
}

#[test]
fn nothing_outside_tests_panics_but_the_rendering_of_our_own_templates() {
    assert_eq!(panics("fn f() { x.expect(\"y\"); }\n#[cfg(test)]\nmod tests { fn g() { z.unwrap(); } }").len(), 1);
    for path in
        files("src", "rs").iter().filter(|path| !path.ends_with("tests.rs") && !path.ends_with("kernels/template.rs"))
    {
        assert_eq!(panics(&fs::read_to_string(path).unwrap()), Vec::<&str>::new(), "{}", path.display());
    }
}
