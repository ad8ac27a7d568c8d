//! The rules of the house: floors, names, sizes of files, no panics on the way.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use netdissect::kernels;

/// Modules by floor; one imports only from floors below its own, or from itself.
const FLOORS: [&[&str]; 12] = [
    &["error", "hash"],
    &["files", "geometry", "npy", "preprocess", "progress", "tensor"],
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
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>())
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
        .filter(|name| floor(name).is_some())
        .collect()
}

fn strays(module: &str, text: &str) -> Vec<String> {
    let own = floor(module).unwrap_or(FLOORS.len());
    imports(text)
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
}

#[test]
fn every_kernel_has_its_shader_and_its_file_and_no_shader_is_left_over() {
    let stems: BTreeSet<String> = kernels::ALL.iter().map(|entry| entry.stem.to_owned()).collect();
    let shaders = fs::read_dir(root().join("shaders")).unwrap().map(|entry| entry.unwrap().path());
    let shaders =
        shaders.filter(|path| path.is_file()).map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(shaders.collect::<BTreeSet<_>>(), stems);
    for stem in &stems {
        assert!(root().join(format!("src/kernels/{stem}.rs")).exists(), "{stem}");
        let head = fs::read_to_string(root().join(format!("shaders/{stem}.wgsl"))).unwrap();
        assert!(head.starts_with(&format!("// {stem}: ")), "{stem}.wgsl does not open with its contract");
        for part in ["// Shapes ", "// Grid ", "// Ensures ", "// Twin "] {
            assert!(head.contains(part), "{stem}.wgsl: no `{part}`");
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
