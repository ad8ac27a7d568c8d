//! The whole dissection of some layers: passes over the images for the levels, then one that counts.

use std::collections::BTreeMap;

use super::counting::CountPass;
use super::dissection::Dissection;
use super::held::Held;
use super::layers::{Layer, Layers};
use super::levels::LevelPass;
use super::not_finite::NotFinite;
use super::stage::positions;
use super::tally::Tally;
use super::topk::TopK;
use crate::data::{ImageSource, Watch};
use crate::error::{Error, Result};
use crate::state::{Part, Seen};

/// What came out for a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerOutcome {
    /// The name users type.
    pub name: String,
    /// Levels and counts.
    pub tally: Tally,
    /// Rows and columns of a unit's map.
    pub map: (u32, u32),
    /// The images that drive each unit highest.
    pub topk: TopK,
    /// The images on which units are NaN or infinite.
    pub not_finite: NotFinite,
    /// For each unit and shown image, where the unit fires: `[units, shown, thumbnail, thumbnail]`, 0 or 1.
    pub masks: Vec<u8>,
}

/// What came out for all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Each layer, in the order of the settings.
    pub layers: Vec<LayerOutcome>,
    /// Every shown image by its index, `[thumbnail, thumbnail, 3]`.
    pub thumbnails: BTreeMap<u32, Vec<u8>>,
}

impl Dissection<'_> {
    /// Runs all passes, from where a checkpoint of the same job stands. The checkpoint stays: whoever runs this removes it once the
    /// results are written.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if no image can be read or a label map is broken; [`crate::error::Kind::Interrupted`] if
    /// stopped, after writing a checkpoint; else what the device reports.
    pub fn run(&self, watch: &Watch<'_>) -> Result<Outcome> {
        let (mut part, held) = self.all_levels(watch, true)?;
        part.found.open_tallies()?;
        let mut pass = CountPass::new(self, &held, &part.found)?;
        watch.pass(&mut pass, self.images, 0..self.images.count(), &mut part)?;
        watch.save(&part)?;
        let layers = part.found.layers.into_iter().zip(&self.settings.layers).map(|(layer, (name, node))| {
            let shape = self.parts.session().value(node, 1)?.1;
            let tally = layer.tally.ok_or_else(|| Error::internal("nothing was counted"))?;
            let (topk, not_finite, masks) = (layer.topk, layer.not_finite, layer.masks);
            Ok(LayerOutcome { name: name.clone(), tally, map: (shape.h, shape.w), topk, not_finite, masks })
        });
        Ok(Outcome { layers: layers.collect::<Result<_>>()?, thumbnails: part.found.thumbnails })
    }

    /// Runs the passes for the levels alone: for each layer the level of each unit, NaN for one that is not finite on some image.
    ///
    /// # Errors
    /// As [`Dissection::run`].
    pub fn levels(&self, watch: &Watch<'_>) -> Result<Vec<Vec<f32>>> {
        let (part, _) = self.all_levels(watch, false)?;
        watch.save(&part)?;
        let levels: Option<Vec<_>> = part.found.layers.iter().map(Layer::levels).collect();
        levels.ok_or_else(|| Error::internal("levels are not known yet"))
    }

    /// From nothing or a checkpoint to where all levels are known, with the activations that were held; whether a pass that counts
    /// follows.
    fn all_levels(&self, watch: &Watch<'_>, counts: bool) -> Result<(Part<Layers>, Held)> {
        let mut part = Part::new(self.nothing()?);
        watch.resume(&mut part);
        // What was looked at before a stop is on the device no more.
        let mut held = Held::new(part.found.finished > 0 || part.seen != Seen::default());
        while part.found.finished < part.found.level_passes() {
            // The passes for the levels that follow, and the one that counts.
            let later = part.found.level_passes() - part.found.finished - usize::from(!counts);
            watch.progress.foresee(later as u64 * u64::from(self.images.count()));
            let images = held.spare(self.images);
            let mut pass = LevelPass::new(self, &mut held, &part.found)?;
            watch.pass(&mut pass, &images, 0..images.count(), &mut part)?;
            let names = self.settings.layers.iter().map(|(name, _)| name.as_str());
            part.found.finish_pass(positions(1, self.settings.grid), names)?;
            part.seen = Seen::default();
        }
        Ok((part, held))
    }
}
