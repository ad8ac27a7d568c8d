//! The examples, run on little.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

#[allow(dead_code, reason = "its own `main` is for people")]
#[path = "../examples/dissect.rs"]
mod dissect;
#[allow(dead_code, reason = "its own `main` is for people")]
#[path = "../examples/generate.rs"]
mod generate;
#[allow(dead_code, reason = "its own `main` is for people")]
#[path = "../examples/read_run.rs"]
mod read_run;

#[test]
fn a_dissection_by_the_example_is_read_again_by_the_other() {
    let Some(_) = common::gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let report = dissect::dissect(folder.path(), 24, "conv3_3").unwrap();
    let layer = &report.layers[0];
    assert_eq!((layer.layer.as_str(), layer.unit_count), ("conv3_3", layer.units.len() as u64));
    let seen = read_run::seen(&folder.path().join("run")).unwrap();
    assert_eq!(seen.iter().map(|seen| seen.units as u64).sum::<u64>(), layer.matched);
    assert_eq!(seen.len(), layer.concepts.len());
}

#[test]
fn the_generator_makes_other_images_without_units() {
    let Some(_) = common::gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [plain, edited] = generate::generate(folder.path(), 2, "layer4:0-15").unwrap();
    assert_eq!((plain.images, edited.images, plain.size), (2, 2, edited.size));
    let picture = |name: &str| std::fs::read(folder.path().join(name).join("1.png")).unwrap();
    assert_ne!(picture("as-it-is"), picture("without"));
    assert!(generate::generate(folder.path(), 2, "layer4").is_err());
}
