//! Makes images with the generator that comes with the program, as it is and with units of a layer switched off:
//! `cargo run --release --example generate -- FOLDER`.

#![allow(clippy::print_stdout, reason = "an example says what it has made")]

use std::path::{Path, PathBuf};

use netdissect::dissect::edits::Words;
use netdissect::error::{Error, Kind, Result};
use netdissect::weights::shipped;
use netdissect::work::Host;
use netdissect::work::generate::{GenerateJob, Generated};
use netdissect::work::generator::LatentChoice;
use netdissect::work::network::NetworkChoice;

/// Makes an image of each of the first so many latents, and one with the units of `without` switched off, such as `layer4:0-9`; one
/// PNG file a latent, in the folders `as-it-is` and `without`.
///
/// # Errors
/// [`Kind::Usage`] if `without` names no units; else as [`GenerateJob::perform`].
pub(crate) fn generate(folder: &Path, images: u32, without: &str) -> Result<[Generated; 2]> {
    let host = Host::default();
    let plain = GenerateJob {
        network: NetworkChoice::shipped(shipped::GENERATOR),
        latents: LatentChoice { indices: Some((0..images).collect()), ..LatentChoice::default() },
        output: Some(folder.join("as-it-is")),
        ..GenerateJob::default()
    };
    // A finished run's ranking would do as well: `RUN:tree:20` are the twenty units that match trees best.
    let change = Words::zero(without).map_err(|problem| Error::new(Kind::Usage, problem).at(without))?;
    let edited = GenerateJob { changes: vec![change], output: Some(folder.join("without")), ..plain.clone() };
    Ok([plain.perform(&host)?, edited.perform(&host)?])
}

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("generated"), PathBuf::from);
    for made in generate(&folder, 8, "layer4:0-31")?.iter().flat_map(|made| &made.written) {
        println!("{}  {} bytes", made.file.display(), made.bytes);
    }
    Ok(())
}
