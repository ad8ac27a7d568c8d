//! Dissects a layer of a network that comes with the program, on places that are drawn with exact label maps, and prints what its units
//! see: `cargo run --release --example dissect -- FOLDER`.

#![allow(clippy::print_stdout, reason = "an example says what it has found")]

use std::path::{Path, PathBuf};

use netdissect::error::Result;
use netdissect::report::schema::Report;
use netdissect::weights::shipped;
use netdissect::work::Host;
use netdissect::work::concepts::Labelling;
use netdissect::work::dissect::DissectJob;
use netdissect::work::network::{ImageChoice, LayerChoice, NetworkChoice};
use netdissect::work::scenes::ScenesJob;
use netdissect::work::subject::Inputs;

/// Draws so many places and dissects a layer on them; pictures and results go below `folder`.
///
/// # Errors
/// As [`ScenesJob::perform`] and [`DissectJob::perform`].
pub(crate) fn dissect(folder: &Path, pictures: u64, layer: &str) -> Result<Report> {
    let (host, scenes) = (Host::default(), folder.join("scenes"));
    ScenesJob { count: pictures, output: scenes.clone(), ..ScenesJob::default() }.perform(&host)?;
    // For photographs of your own and the segmenter that comes with the program: `paths` is their folder, and `concepts`
    // is `Labelling::Segmenters(Segmenters::default())`.
    let job = DissectJob {
        network: NetworkChoice::shipped(shipped::CLASSIFIER),
        inputs: Inputs::Images(ImageChoice { paths: vec![scenes.join("images")], ..ImageChoice::default() }),
        layers: LayerChoice { layers: vec![layer.to_owned()], pre_relu: false },
        concepts: Labelling::Folder(scenes.join("labels").into()),
        output: folder.join("run"),
        ..DissectJob::default()
    };
    job.perform(&host)
}

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("dissected"), PathBuf::from);
    let report = dissect(&folder, 600, "conv5_3")?;
    for unit in report.layers.iter().flat_map(|layer| &layer.units) {
        if let Some(label) = unit.label.as_ref().filter(|_| unit.matched) {
            println!("unit {} sees {} ({}), IoU {:.3}", unit.unit, label.name, label.category, label.iou);
        }
    }
    println!("{}", folder.join("run/report.html").display());
    Ok(())
}
