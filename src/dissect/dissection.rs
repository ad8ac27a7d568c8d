//! What a dissection is given, and what every pass of it begins with.

use super::held::{Held, LayerMaps};
use super::layers::{Layer, Layers};
use super::not_finite::NotFinite;
use super::quantile::{FOUR_PASSES, Quantile, THREE_PASSES, TWO_PASSES};
use super::topk::TopK;
use crate::concepts::{ConceptSource, LabelMaps};
use crate::data::{ImageBatch, ImageSource};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::histogram::Digit;
use crate::session::Parts;

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

/// Hears of the label maps of each image, by its name.
pub type LabelListener<'a> = dyn Fn(&str, &LabelMaps) -> Result<()> + Sync + 'a;

/// Everything a run needs at hand.
pub struct Dissection<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The network; the nodes of the settings' layers are kept, and one that makes images is split behind the last of them.
    pub parts: &'a Parts,
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
    /// Nothing is known of any layer.
    pub(super) fn nothing(&self) -> Result<Layers> {
        let Settings { layers, tail, top, shown, thumbnail, .. } = self.settings;
        let units = |(_, node): &(String, String)| Ok(self.parts.session().value(node, 1)?.1.c);
        let units = layers.iter().map(units).collect::<Result<Vec<_>>>()?;
        let digits = digits(self.gpu, &units);
        let layer = |&units: &u32| {
            let units = units as usize;
            Ok(Layer {
                labels: self.concepts.vocabulary().len(),
                quantile: Quantile::new(units, *tail, digits)?,
                topk: TopK::new(units, *top.max(shown)),
                not_finite: NotFinite::new(units),
                tally: None,
                masks: vec![0; units * shown * (thumbnail * thumbnail) as usize],
            })
        };
        Ok(Layers::new(units.iter().map(layer).collect::<Result<_>>()?))
    }

    /// Runs a batch up to the layers, unless it is held: where the layers' maps are.
    pub(super) fn maps(&self, batch: &ImageBatch, held: &Held) -> Result<Vec<LayerMaps>> {
        if let Some(maps) = held.of(batch) {
            return Ok(maps);
        }
        let (session, n) = (self.parts.session(), batch.indices.len() as u32);
        session.upload(&batch.input, n)?;
        session.submit_part(n, self.parts.head())?;
        let maps = |(_, node): &(String, String)| {
            let (buffer, shape) = session.value(node, n)?;
            Ok(LayerMaps { buffer: buffer.clone(), shape })
        };
        self.settings.layers.iter().map(maps).collect()
    }
}

/// The digits to resolve the quantiles of layers of so many units by: in as few passes as all tables fit half of the room that is
/// left, and a quarter of the budget, and each fits a binding.
pub(super) fn digits(gpu: &Gpu, units: &[u32]) -> &'static [Digit] {
    let fits = |digits: &&[Digit]| {
        let table = |units: &u32| u64::from(*units) << digits[0].bits << 2;
        units.iter().map(table).sum::<u64>() <= (gpu.budget() / 4).min(gpu.free_bytes() / 2)
            && units.iter().all(|units| table(units) <= gpu.traits().max_binding_bytes)
    };
    let coarser: [&'static [Digit]; 2] = [&TWO_PASSES, &THREE_PASSES];
    coarser.into_iter().find(fits).unwrap_or(&FOUR_PASSES)
}
