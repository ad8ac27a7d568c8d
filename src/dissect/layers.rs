//! What is known of the layers between and within passes.

use std::collections::BTreeMap;

use super::not_finite::NotFinite;
use super::quantile::Quantile;
use super::tally::Tally;
use super::topk::TopK;
use crate::error::{Error, Result};
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, State, add};

/// A layer's part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// Label numbers of the vocabulary, 0 included.
    pub(super) labels: usize,
    pub(super) quantile: Quantile,
    pub(super) topk: TopK,
    pub(super) not_finite: NotFinite,
    /// None before the levels are known.
    pub(super) tally: Option<Tally>,
    /// For each unit and shown image, where the unit fires: `[units, shown, thumbnail, thumbnail]`, 0 or 1.
    pub(super) masks: Vec<u8>,
}

/// Levels and counts of all layers, as far as the passes have come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layers {
    /// Passes finished.
    pub(super) finished: usize,
    /// Images counted in the current pass.
    pub(super) images: u64,
    /// In the order of the settings.
    pub(super) layers: Vec<Layer>,
    /// Shown images met so far, at the thumbnail's size.
    pub(super) thumbnails: BTreeMap<u32, Vec<u8>>,
}

impl Layers {
    /// Nothing counted yet.
    pub(super) fn new(layers: Vec<Layer>) -> Layers {
        Layers { finished: 0, images: 0, layers, thumbnails: BTreeMap::new() }
    }

    /// Passes that the levels take.
    pub(super) fn level_passes(&self) -> usize {
        self.layers.iter().map(|layer| layer.quantile.passes()).max().unwrap_or(0)
    }

    /// Whether counting has begun: levels that are wanted for themselves are kept without any count.
    fn counts(&self) -> bool {
        self.layers.iter().any(|layer| layer.tally.is_some())
    }

    /// Ends a pass for the levels over images of `positions` positions: fixes a digit of each layer, by its name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there was no image; else as [`Quantile::finish_pass`].
    pub(super) fn finish_pass<'a>(&mut self, positions: u64, names: impl Iterator<Item = &'a str>) -> Result<()> {
        if self.images == 0 {
            return Err(Error::input("no image could be read"));
        }
        for (layer, name) in self.layers.iter_mut().zip(names) {
            layer.quantile.finish_pass(positions * self.images).map_err(|error| error.at(name))?;
        }
        (self.finished, self.images) = (self.finished + 1, 0);
        Ok(())
    }

    /// Makes ready for counting by the levels, where that is not under way already.
    pub(super) fn open_tallies(&mut self) -> Result<()> {
        for layer in self.layers.iter_mut().filter(|layer| layer.tally.is_none()) {
            let levels = layer.levels().ok_or_else(|| Error::internal("levels are not known yet"))?;
            layer.tally = Some(Tally::new(levels, layer.labels));
        }
        Ok(())
    }
}

impl Layer {
    /// Takes in the peaks `[units]` of an image.
    pub(super) fn take_peaks(&mut self, image: u32, peaks: &[f32]) {
        self.topk.insert(image, peaks);
        self.not_finite.insert(image, peaks);
    }

    /// The level of each unit, once all digits are known; NaN for one that is not finite on some image.
    pub(super) fn levels(&self) -> Option<Vec<f32>> {
        self.quantile.thresholds().map(|levels| self.not_finite.levels(levels))
    }

    /// As [`Merge::merge`]; only the `first` pass gathers the top images, and later ones go by what it found.
    fn merge(&mut self, other: &Layer, first: bool) -> Result<()> {
        self.quantile.merge(&other.quantile)?;
        if first {
            self.topk.merge(&other.topk)?;
            self.not_finite.merge(&other.not_finite)?;
        } else if self.topk != other.topk || self.not_finite != other.not_finite {
            return Err(Error::input("parts went by different top images; needed those of one first pass"));
        }
        match (&mut self.tally, &other.tally) {
            (Some(tally), Some(other)) => tally.merge(other)?,
            (None, None) => {}
            _ => return Err(Error::input("one part counts and the other does not; needed parts of one pass")),
        }
        if self.masks.len() != other.masks.len() {
            return Err(Error::input("parts show images of different numbers or sizes"));
        }
        // An image's masks were drawn in one of the parts; in the other they are zeros.
        self.masks.iter_mut().zip(&other.masks).for_each(|(mask, other)| *mask |= other);
        Ok(())
    }

    fn tensors(&self, name: &str) -> Vec<StateTensor> {
        let mut tensors = self.quantile.tensors(name);
        tensors.extend(self.topk.tensors(name));
        tensors.extend(self.not_finite.tensors(name));
        tensors.extend(self.tally.iter().flat_map(|tally| tally.tensors(name)));
        tensors.push(StateTensor::new(format!("{name}.masks"), &self.masks));
        tensors
    }

    /// Takes up what [`Layer::tensors`] gave; there is a tally only where it was `counting`.
    fn restore(&mut self, saved: &Saved<'_>, name: &str, counting: bool) -> Result<()> {
        self.quantile.restore(saved, name)?;
        self.topk.restore(saved, name)?;
        self.not_finite.restore(saved, name)?;
        if let (true, Some(levels)) = (counting, self.levels()) {
            let mut tally = Tally::new(levels, self.labels);
            tally.restore(saved, name)?;
            self.tally = Some(tally);
        }
        saved.fill(&format!("{name}.masks"), &mut self.masks)
    }
}

impl Merge for Layers {
    fn merge(&mut self, other: &Layers) -> Result<()> {
        if (self.finished, self.layers.len()) != (other.finished, other.layers.len()) {
            return Err(Error::input("parts of different passes or layers do not add up"));
        }
        let first = self.finished == 0;
        self.layers.iter_mut().zip(&other.layers).try_for_each(|(layer, other)| layer.merge(other, first))?;
        add(std::slice::from_mut(&mut self.images), &[other.images])?;
        self.thumbnails.extend(other.thumbnails.iter().map(|(&image, pixels)| (image, pixels.clone())));
        Ok(())
    }
}

impl State for Layers {
    fn place(&self) -> Option<String> {
        Some(format!("in pass {}", self.finished + 1))
    }

    fn tensors(&self) -> Vec<StateTensor> {
        let shown: Vec<u32> = self.thumbnails.keys().copied().collect();
        let pixels: Vec<u8> = self.thumbnails.values().flatten().copied().collect();
        let mut tensors = vec![
            StateTensor::new("at", &[self.finished as u64, self.images, u64::from(self.counts())]),
            StateTensor::new("shown", &shown),
            StateTensor::new("thumbnails", &pixels),
        ];
        tensors.extend(self.layers.iter().zip(0..).flat_map(|(layer, at): (_, usize)| layer.tensors(&at.to_string())));
        tensors
    }

    fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
        let mut at = vec![0u64; 3];
        saved.fill("at", &mut at)?;
        (self.finished, self.images) = (usize::try_from(at[0]).unwrap_or(usize::MAX), at[1]);
        let mut layers = self.layers.iter_mut().enumerate();
        layers.try_for_each(|(place, layer)| layer.restore(saved, &place.to_string(), at[2] > 0))?;
        let (shown, pixels): (Vec<u32>, Vec<u8>) = (saved.values("shown")?, saved.values("thumbnails")?);
        let size = pixels.len() / shown.len().max(1);
        self.thumbnails = shown.into_iter().zip(pixels.chunks_exact(size.max(1)).map(<[u8]>::to_vec)).collect();
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::state::laws::Sample;

    /// Layers in the first pass for the levels.
    #[derive(Debug, Clone, PartialEq)]
    pub(in crate::dissect) struct Levelling(Layers);

    /// Layers while they are counted.
    #[derive(Debug, Clone, PartialEq)]
    pub(in crate::dissect) struct Counting(Layers);

    impl Merge for Levelling {
        fn merge(&mut self, other: &Levelling) -> Result<()> {
            self.0.merge(&other.0)
        }
    }

    impl Merge for Counting {
        fn merge(&mut self, other: &Counting) -> Result<()> {
            self.0.merge(&other.0)
        }
    }

    impl Sample for Levelling {
        fn on(images: &[u32]) -> Levelling {
            let (quantile, topk, not_finite) = (Quantile::on(images), TopK::on(images), NotFinite::on(images));
            let layer = Layer { labels: 3, quantile, topk, not_finite, tally: None, masks: vec![0; 4] };
            let images = images.len() as u64;
            Levelling(Layers { images, ..Layers::new(vec![layer.clone(), layer]) })
        }

        fn strangers(_: &[u32]) -> Vec<Levelling> {
            let mut other = Levelling::on(&[]);
            other.0.layers[1].masks.push(0);
            let Counting(counting) = Counting::on(&[]);
            vec![other, Levelling(Layers::new(Vec::new())), Levelling(counting)]
        }
    }

    impl Sample for Counting {
        fn on(images: &[u32]) -> Counting {
            // Two of the images are shown.
            let masks = [9, 4].map(|shown| u8::from(images.contains(&shown))).to_vec();
            let (quantile, topk, tally) = (Quantile::on(&[]), TopK::on(&[4, 9]), Some(Tally::on(images)));
            let layer = Layer { labels: 3, quantile, topk, not_finite: NotFinite::new(2), tally, masks };
            let shown = images.iter().filter(|image| [9, 4].contains(image));
            let thumbnails = shown.map(|&image| (image, vec![image as u8; 3])).collect();
            Counting(Layers { finished: 2, images: images.len() as u64, layers: vec![layer], thumbnails })
        }

        fn strangers(_: &[u32]) -> Vec<Counting> {
            let mut other = Counting::on(&[]);
            other.0.layers[0].topk = TopK::on(&[4, 8]);
            let mut none = Counting::on(&[]);
            none.0.layers[0].tally = None;
            vec![other, none, Counting(Levelling::on(&[]).0)]
        }
    }
}
