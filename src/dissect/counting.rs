//! The pass that counts where units fire and on which labels; masks and small pictures of the shown images on the way.

use super::dissection::{Dissection, Settings};
use super::flight::{self, Flight};
use super::held::{Held, LayerMaps};
use super::layers::Layers;
use super::pictures::{draw_masks, is_shown, rgb_of, thumbnail};
use super::stage::{CountStage, LabelStage, PackedLabels, positions};
use crate::concepts::{ConceptInput, LabelMaps, MadeImages};
use crate::data::ImageBatch;
use crate::data::pass::{Pass, Steps};
use crate::error::{Error, Result};
use crate::gpu::{Download, Programs};
use crate::tensor::{HostTensor, Shape};

/// Counts by the levels.
pub(super) struct CountPass<'a> {
    run: &'a Dissection<'a>,
    held: &'a Held,
    /// Of each layer.
    counts: Vec<CountStage>,
    labels: LabelStage,
    /// By the maps that they read, as in the passes for the levels.
    programs: Programs<Vec<LayerMaps>>,
    flight: Flight<Shown>,
}

/// Maps of a batch with shown images on their way to the host.
struct Shown {
    images: Vec<u32>,
    /// Of each layer that shows some of them, its position.
    maps: Vec<(usize, Download, Shape)>,
}

impl<'a> CountPass<'a> {
    /// Counts for the layers, whose tallies are open.
    pub(super) fn new(run: &'a Dissection<'a>, held: &'a Held, known: &Layers) -> Result<CountPass<'a>> {
        let tallies = known.layers.iter().filter_map(|layer| layer.tally.as_ref());
        Ok(CountPass {
            run,
            held,
            counts: tallies.map(|tally| CountStage::new(run.gpu, tally)).collect::<Result<_>>()?,
            labels: LabelStage::new(run.gpu, run.settings.grid)?,
            programs: Programs::new(run.gpu),
            flight: Flight::new(),
        })
    }

    /// Draws masks of batches until at most `leave` are under way.
    fn land(&mut self, leave: usize, found: &mut Layers) -> Result<()> {
        while let Some(shown) = self.flight.next(self.run.gpu, leave)? {
            for (layer, download, shape) in shown.maps {
                let maps = HostTensor::new(shape, download.finish(self.run.gpu, shape.len())?)?;
                draw_masks(&mut found.layers[layer], self.run.settings, &shown.images, &maps);
            }
        }
        Ok(())
    }

    /// Has a generator make the images of a batch from the layers' maps: where they are held, from the copy.
    fn make_images(&self, batch: &ImageBatch, maps: &[LayerMaps]) -> Result<()> {
        let (Some(split), n) = (self.run.parts.split(), batch.indices.len() as u32) else { return Ok(()) };
        if self.held.of(batch).is_some() {
            let place = self.run.settings.layers.iter().position(|(_, node)| node == split.cut());
            let maps = place.map(|place| &maps[place]).ok_or_else(|| Error::internal("is not read").at(split.cut()))?;
            split.resume(&maps.buffer, n)?;
        }
        split.images(n, None)
    }

    fn label_maps(&self, batch: &ImageBatch) -> Result<Vec<LabelMaps>> {
        let Dissection { gpu, concepts, settings, .. } = *self.run;
        let maps = match self.run.parts.split() {
            None => concepts.label_maps(&ConceptInput::of(&batch.names, &batch.images), settings.grid)?,
            Some(split) => {
                let made = MadeImages::by(split, &batch.names, &batch.origins)?;
                concepts.label_maps_on_device(gpu, &made, settings.grid)?
            }
        };
        if let Some(labelled) = self.run.labelled {
            batch.names.iter().zip(&maps).try_for_each(|(name, maps)| labelled(name, maps))?;
        }
        Ok(maps)
    }

    /// Starts reading the maps of the layers that show some of a batch's images.
    fn shown(&self, batch: &ImageBatch, maps: &[LayerMaps], found: &Layers) -> Result<Shown> {
        let shows = |topk| batch.indices.iter().any(|&image| is_shown(topk, self.run.settings.shown, image));
        let layers = found.layers.iter().zip(maps).enumerate().filter(|(_, (layer, _))| shows(&layer.topk));
        let read = |(at, (_, maps)): (usize, (_, &LayerMaps))| {
            Ok((at, self.run.gpu.start_download(&maps.buffer, maps.shape.bytes())?, maps.shape))
        };
        Ok(Shown { images: batch.indices.clone(), maps: layers.map(read).collect::<Result<_>>()? })
    }

    /// Keeps small pictures of those of a batch's images that some unit shows.
    fn keep_thumbnails(&self, batch: &ImageBatch, found: &mut Layers) -> Result<()> {
        let Settings { shown, thumbnail: side, compat_strips, .. } = *self.run.settings;
        let shows = |image: u32| found.layers.iter().any(|layer| is_shown(&layer.topk, shown, image));
        let wanted: Vec<usize> =
            (0..batch.indices.len()).filter(|&place| shown > 0 && shows(batch.indices[place])).collect();
        let made = match self.run.parts.split() {
            Some(split) if !wanted.is_empty() => Some(split.read(batch.indices.len() as u32)?),
            _ => None,
        };
        for place in wanted {
            let small = match &made {
                None => {
                    let image = &batch.images[place];
                    thumbnail(&image.rgb, (image.h, image.w), side)
                }
                Some(made) => {
                    let image = &made.data[made.index(place as u32, 0, 0, 0)..][..made.shape.with_batch(1).len()];
                    thumbnail(&rgb_of(image, compat_strips), (made.shape.h, made.shape.w), side)
                }
            };
            found.thumbnails.insert(batch.indices[place], small);
        }
        Ok(())
    }
}

impl Pass for CountPass<'_> {
    type State = Layers;

    fn stage(&self) -> String {
        "counting".to_owned()
    }

    fn look(&mut self, batch: &ImageBatch, found: &mut Layers, _: &Steps<'_>) -> Result<()> {
        let (gpu, grid, n) = (self.run.gpu, self.run.settings.grid, batch.indices.len() as u32);
        let maps = self.run.maps(batch, self.held)?;
        self.make_images(batch, &maps)?;
        let packed = PackedLabels::new(&self.label_maps(batch)?, grid, self.run.concepts.vocabulary().len())?;
        if self.labels.upload(gpu, &packed)? {
            self.programs.clear();
        }
        let tallies = found.layers.iter_mut().filter_map(|layer| layer.tally.as_mut());
        for (stage, tally) in self.counts.iter_mut().zip(tallies) {
            stage.make_room(gpu, positions(n, grid), tally)?;
            packed.add_areas(&mut tally.concept_area);
            tally.positions += positions(n, grid);
        }
        let submission = self.programs.submit(maps.clone(), |recording| {
            let mut counts = self.counts.iter().zip(&maps);
            counts.try_for_each(|(stage, maps)| stage.record(gpu, recording, maps, &self.labels))
        })?;
        let shown = self.shown(batch, &maps, found)?;
        self.keep_thumbnails(batch, found)?;
        self.flight.push(submission, shown);
        found.images += u64::from(n);
        self.land(flight::MOST, found)
    }

    fn settle(&mut self, found: &mut Layers) -> Result<()> {
        self.land(0, found)?;
        let tallies = found.layers.iter_mut().filter_map(|layer| layer.tally.as_mut());
        self.counts.iter_mut().zip(tallies).try_for_each(|(stage, tally)| stage.flush(self.run.gpu, tally))
    }
}
