//! The whole dissection of some layers: passes over the images for the levels, then one that counts.

use std::collections::BTreeMap;

use super::counting::CountPass;
use super::held::{Held, LayerMaps};
use super::layers::{Layer, Layers};
use super::levels::{LevelPass, digits};
use super::quantile::Quantile;
use super::stage::positions;
use super::tally::Tally;
use super::topk::TopK;
use crate::concepts::{ConceptSource, LabelMaps};
use crate::data::{ImageBatch, ImageSource, Watch};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Recording};
use crate::session::Session;
use crate::state::{Part, Seen};

/// What to dissect, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Layers: the name users type, and the node that is read.
    pub layers: Vec<(String, String)>,
    /// Fraction of positions above a unit's level.
    pub tail: f64,
    /// Rows and columns of the grid that maps are brought to.
    pub grid: (u32, u32),
    /// Images kept for each unit.
    pub top: usize,
    /// Of those, how many are shown, with the unit's mask.
    pub shown: usize,
    /// Side of a shown image, pixels.
    pub thumbnail: u32,
    /// Show generated images as the reference's batch script does, which takes their values for ones in [0, 1].
    pub compat_strips: bool,
}

/// What came out for a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerOutcome {
    /// The name users type.
    pub name: String,
    /// Levels and counts.
    pub tally: Tally,
    /// The images that drive each unit highest.
    pub topk: TopK,
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

/// Hears of the label maps of each image, by its name.
pub type LabelListener<'a> = dyn Fn(&str, &LabelMaps) -> Result<()> + Sync + 'a;

/// Everything a run needs at hand.
pub struct Dissection<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The network, or a generator up to the last of the layers; the nodes of the settings' layers are kept.
    pub session: &'a Session,
    /// What makes a generator's images out of the layer where it is cut, one of the settings'.
    pub tail: Option<&'a Session>,
    /// The images.
    pub images: &'a dyn ImageSource,
    /// Their label maps.
    pub concepts: &'a dyn ConceptSource,
    /// Hears of the label maps as they are counted; again of some if the work was stopped and taken up.
    pub labelled: Option<&'a LabelListener<'a>>,
    /// What to dissect.
    pub settings: &'a Settings,
}

impl Dissection<'_> {
    /// Runs all passes, from where a checkpoint of the same job stands. The checkpoint stays: whoever runs this removes it once the
    /// results are written.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if no image can be read, an activation is not finite or a label map is broken; [`crate::error::Kind::Interrupted`] if
    /// stopped, after writing a checkpoint; else what the device reports.
    pub fn run(&self, watch: &Watch<'_>) -> Result<Outcome> {
        let (mut part, held) = self.all_levels(watch)?;
        part.found.open_tallies()?;
        let mut pass = CountPass::new(self, &held, &part.found)?;
        watch.pass(&mut pass, self.images, 0..self.images.count(), &mut part)?;
        watch.save(&part)?;
        let layers = part.found.layers.into_iter().zip(&self.settings.layers).map(|(layer, (name, _))| {
            let tally = layer.tally.ok_or_else(|| Error::internal("nothing was counted"))?;
            Ok(LayerOutcome { name: name.clone(), tally, topk: layer.topk, masks: layer.masks })
        });
        Ok(Outcome { layers: layers.collect::<Result<_>>()?, thumbnails: part.found.thumbnails })
    }

    /// Runs the passes for the levels alone: for each layer the level of each unit.
    ///
    /// # Errors
    /// As [`Dissection::run`].
    pub fn levels(&self, watch: &Watch<'_>) -> Result<Vec<Vec<f32>>> {
        let (part, _) = self.all_levels(watch)?;
        watch.save(&part)?;
        let known = |layer: &Layer| layer.quantile.thresholds().map(<[f32]>::to_vec);
        let levels: Option<Vec<_>> = part.found.layers.iter().map(known).collect();
        levels.ok_or_else(|| Error::internal("levels are not known yet"))
    }

    /// From nothing or a checkpoint to where all levels are known, with the activations that were held.
    fn all_levels(&self, watch: &Watch<'_>) -> Result<(Part<Layers>, Held)> {
        let mut part = Part::new(self.nothing()?);
        watch.resume(&mut part);
        // What was looked at before a stop is on the device no more.
        let mut held = Held::new(part.found.finished > 0 || part.seen != Seen::default());
        while part.found.finished < part.found.level_passes() {
            let images = held.spare(self.images);
            let mut pass = LevelPass::new(self, &mut held, &part.found)?;
            watch.pass(&mut pass, &images, 0..images.count(), &mut part)?;
            let names = self.settings.layers.iter().map(|(name, _)| name.as_str());
            part.found.finish_pass(positions(1, self.settings.grid), names)?;
            part.seen = Seen::default();
        }
        Ok((part, held))
    }

    /// Nothing is known of any layer.
    fn nothing(&self) -> Result<Layers> {
        let Settings { layers, tail, top, shown, thumbnail, .. } = self.settings;
        let units = |(_, node): &(String, String)| Ok(self.session.value(node, 1)?.1.c);
        let units = layers.iter().map(units).collect::<Result<Vec<_>>>()?;
        let digits = digits(self.gpu, &units);
        let layer = |&units: &u32| {
            let units = units as usize;
            Ok(Layer {
                labels: self.concepts.vocabulary().len(),
                quantile: Quantile::new(units, *tail, digits)?,
                topk: TopK::new(units, *top.max(shown)),
                tally: None,
                masks: vec![0; units * shown * (thumbnail * thumbnail) as usize],
            })
        };
        Ok(Layers::new(units.iter().map(layer).collect::<Result<_>>()?))
    }

    /// What computes the layers' maps of a batch, and where they will be: nothing if they are held.
    pub(super) fn maps(&self, batch: &ImageBatch, held: &Held) -> Result<(Recording, Vec<LayerMaps>)> {
        if let Some(maps) = held.of(batch) {
            return Ok((Recording::new(), maps));
        }
        let n = batch.indices.len() as u32;
        self.session.upload(&batch.input, n)?;
        let recording = self.session.record(n)?;
        let maps = |(_, node): &(String, String)| {
            let (buffer, shape) = self.session.value(node, n)?;
            Ok(LayerMaps { buffer: buffer.clone(), shape })
        };
        Ok((recording, self.settings.layers.iter().map(maps).collect::<Result<_>>()?))
    }
}
