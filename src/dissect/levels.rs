//! The passes for the levels: each resolves one digit of every layer's quantile, and the first gathers the top images.

use super::dissection::Dissection;
use super::flight::{self, Flight};
use super::held::{Held, LayerMaps};
use super::layers::{Layer, Layers};
use super::stage::{HistogramStage, PeakStage};
use crate::data::ImageBatch;
use crate::data::pass::{Pass, Steps};
use crate::error::Result;
use crate::gpu::{Download, Programs};

/// One digit.
pub(super) struct LevelPass<'a> {
    run: &'a Dissection<'a>,
    held: &'a mut Held,
    stage: String,
    histograms: Vec<HistogramStage>,
    /// None after the first pass.
    peaks: Vec<PeakStage>,
    /// By the maps that they read: those that the session makes of so many images, and those of a batch that is held.
    programs: Programs<Vec<LayerMaps>>,
    flight: Flight<Peaks>,
}

/// Peaks of a batch on their way to the host, of each layer.
struct Peaks {
    images: Vec<u32>,
    downloads: Vec<Download>,
}

impl<'a> LevelPass<'a> {
    /// The pass that comes next.
    pub(super) fn new(run: &'a Dissection<'a>, held: &'a mut Held, known: &Layers) -> Result<LevelPass<'a>> {
        let histogram = |layer: &Layer| HistogramStage::new(run.gpu, &layer.quantile, run.settings.grid);
        let first = known.finished == 0;
        let units = known.layers.iter().filter(|_| first).map(|layer| layer.topk.units as u32);
        Ok(LevelPass {
            run,
            held,
            stage: format!("levels, pass {} of {}", known.finished + 1, known.level_passes()),
            histograms: known.layers.iter().map(histogram).collect::<Result<_>>()?,
            peaks: units
                .map(|units| PeakStage::new(run.gpu, units, run.parts.session().batch()))
                .collect::<Result<_>>()?,
            programs: Programs::new(run.gpu),
            flight: Flight::new(),
        })
    }

    /// Takes in the peaks of batches until at most `leave` are under way.
    fn land(&mut self, leave: usize, found: &mut Layers) -> Result<()> {
        while let Some(Peaks { images, downloads }) = self.flight.next(self.run.gpu, leave)? {
            for (layer, download) in found.layers.iter_mut().zip(downloads) {
                let units = layer.topk.units;
                let peaks: Vec<f32> = download.finish(self.run.gpu, units * images.len())?;
                images.iter().zip(peaks.chunks_exact(units)).for_each(|(&image, peaks)| layer.take_peaks(image, peaks));
            }
        }
        Ok(())
    }
}

impl Pass for LevelPass<'_> {
    type State = Layers;

    fn stage(&self) -> String {
        self.stage.clone()
    }

    fn look(&mut self, batch: &ImageBatch, found: &mut Layers, _: &Steps<'_>) -> Result<()> {
        let (gpu, n) = (self.run.gpu, batch.indices.len() as u32);
        let maps = self.run.maps(batch, self.held)?;
        if !self.peaks.is_empty() {
            self.held.hold(gpu, batch, &maps)?;
        }
        for (stage, layer) in self.histograms.iter_mut().zip(&mut found.layers) {
            stage.make_room(gpu, n, &mut layer.quantile)?;
        }
        let submission = self.programs.submit(maps.clone(), |recording| {
            let mut histograms = self.histograms.iter().zip(&maps);
            histograms.try_for_each(|(stage, maps)| stage.record(gpu, recording, maps))?;
            self.peaks.iter().zip(&maps).try_for_each(|(stage, maps)| stage.record(gpu, recording, maps))
        })?;
        let downloads = self.peaks.iter().map(|stage| stage.start_download(gpu, n)).collect::<Result<_>>()?;
        self.flight.push(submission, Peaks { images: batch.indices.clone(), downloads });
        found.images += u64::from(n);
        self.land(flight::MOST, found)
    }

    fn settle(&mut self, found: &mut Layers) -> Result<()> {
        self.land(0, found)?;
        let mut stages = self.histograms.iter_mut().zip(&mut found.layers);
        stages.try_for_each(|(stage, layer)| stage.flush(self.run.gpu, &mut layer.quantile))
    }
}
