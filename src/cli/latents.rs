//! Words for latents.

use std::path::PathBuf;

use clap::Args;

use super::network::InputArgs;
use crate::data::latents::parse_indices;
use crate::error::{Error, Kind, Result};
use crate::work::generator::{LatentChoice, LatentOrigin};
use crate::work::subject::Inputs;

/// Which latents.
#[derive(Debug, Clone, Args)]
pub(super) struct LatentArgs {
    /// Latents of a generator by number, ends included: `0-63`, `489,726,920-926` [default: all rows of `--z`].
    #[arg(long, value_name = "LIST", value_parser = parse_list)]
    latents: Option<Indices>,

    /// Seed of the stream that latents are numbered in; the same numbers as numpy's `RandomState(seed).standard_normal`
    /// [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u32>,

    /// Take latents from the rows of a numpy array instead: f32 or f64, [n, z] or [n, z, 1, 1].
    #[arg(long, value_name = "FILE.npy", conflicts_with = "seed")]
    z: Option<PathBuf>,
}

/// Numbers of latents. A type of its own: to the command line a vector would be several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indices(pub(super) Vec<u32>);

pub(super) fn parse_list(words: &str) -> Result<Indices, String> {
    parse_indices(words).map(Indices)
}

impl LatentArgs {
    /// Whether latents are asked for.
    fn is_given(&self) -> bool {
        self.latents.is_some() || self.z.is_some()
    }

    fn origin(&self) -> Option<LatentOrigin> {
        match (&self.z, self.seed) {
            (Some(file), _) => Some(LatentOrigin::File(file.clone())),
            (None, seed) => seed.map(LatentOrigin::Seed),
        }
    }

    /// The latents that the words mean.
    pub(super) fn choice(&self) -> LatentChoice {
        let indices = self.latents.as_ref().map(|Indices(indices)| indices.clone());
        LatentChoice { indices, origin: self.origin(), limit: None }
    }

    /// These latents if there are any, else the images.
    ///
    /// # Errors
    /// [`Kind::Usage`] if both are named.
    pub(super) fn or_images(&self, input: &InputArgs) -> Result<Inputs> {
        if !self.is_given() {
            return Ok(Inputs::Images(input.choice()));
        }
        if !input.images.is_empty() {
            let error = Error::new(Kind::Usage, "both images and latents are named; needed one of them");
            return Err(error.hint("a generator is given latents, every other network images"));
        }
        Ok(Inputs::Latents(self.choice()))
    }
}
