//! The device's part of a dissection: for one layer, the buffers and dispatches of each pass.

use super::held::LayerMaps;
use super::quantile::Quantile;
use super::tally::Tally;
use crate::concepts::LabelMaps;
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Download, Gpu, Recording};
use crate::kernels::histogram::{self, Digit, histogram};
use crate::kernels::peak::peak;
use crate::kernels::threshold_iou::{self, row_words, threshold_iou, words};

/// Counters are 32 bits on the device; a pass empties them to the host before they can overflow.
const MOST_COUNTED: u64 = u32::MAX as u64;

/// One pass of a layer's quantile.
pub(super) struct HistogramStage {
    digit: Digit,
    units: usize,
    grid: (u32, u32),
    prefix: Buffer,
    counts: Buffer,
    above: Buffer,
    counted: u64,
}

impl HistogramStage {
    /// Buffers for the quantile's next digit.
    pub(super) fn new(gpu: &Gpu, quantile: &Quantile, grid: (u32, u32)) -> Result<HistogramStage> {
        let digit = quantile.digit().ok_or_else(|| Error::internal("the quantile is known already"))?;
        let units = quantile.prefix().len();
        Ok(HistogramStage {
            digit,
            units,
            grid,
            prefix: gpu.buffer_of("histogram prefix", quantile.prefix())?,
            counts: gpu.buffer("histogram", (units as u64) << digit.bits << 2).map_err(too_many_units)?,
            above: gpu.buffer_of("histogram above", &vec![u32::MAX; units])?,
            counted: 0,
        })
    }

    /// Appends a batch.
    pub(super) fn record(&self, gpu: &Gpu, recording: &mut Recording, maps: &LayerMaps) -> Result<()> {
        let (maps, shape) = (&maps.buffer, maps.shape);
        let buffers = histogram::Buffers { maps, prefix: &self.prefix, counts: &self.counts, above: &self.above };
        histogram(gpu, recording, shape, self.grid, self.digit, &buffers)
    }

    /// Sees to it that the next batch, of `n` images, overflows no counter: before that, what is counted moves to the host.
    pub(super) fn make_room(&mut self, gpu: &Gpu, n: u32, quantile: &mut Quantile) -> Result<()> {
        let coming = positions(n, self.grid);
        if self.counted + coming > MOST_COUNTED {
            self.flush(gpu, quantile)?;
        }
        self.counted += coming;
        Ok(())
    }

    /// Moves everything counted so far to the host.
    pub(super) fn flush(&mut self, gpu: &Gpu, quantile: &mut Quantile) -> Result<()> {
        let counts: Vec<u32> = gpu.download(&self.counts, self.units << self.digit.bits)?;
        let above: Vec<u32> = gpu.download(&self.above, self.units)?;
        quantile.add(&counts, &above);
        let mut recording = Recording::new();
        recording.clear(&self.counts);
        gpu.submit(&gpu.program(recording)?)?;
        gpu.upload(&self.above, 0, &vec![u32::MAX; self.units])?;
        self.counted = 0;
        Ok(())
    }
}

/// Peaks of each map of a batch.
pub(super) struct PeakStage {
    units: u32,
    peaks: Buffer,
}

impl PeakStage {
    pub(super) fn new(gpu: &Gpu, units: u32, batch: u32) -> Result<PeakStage> {
        Ok(PeakStage { units, peaks: gpu.buffer("peaks", u64::from(units) * u64::from(batch) * 4)? })
    }

    /// Appends a batch.
    pub(super) fn record(&self, gpu: &Gpu, recording: &mut Recording, maps: &LayerMaps) -> Result<()> {
        peak(gpu, recording, maps.shape, &maps.buffer, &self.peaks)
    }

    /// Starts reading the peaks `[n, units]` of the batch just submitted.
    pub(super) fn start_download(&self, gpu: &Gpu, n: u32) -> Result<Download> {
        gpu.start_download(&self.peaks, u64::from(n * self.units) * 4)
    }
}

/// Label maps of a batch as the counting kernel reads them, on the device.
pub(super) struct LabelStage {
    grid: (u32, u32),
    index: Buffer,
    bits: Buffer,
}

/// Label maps of a batch as bitmaps: each image's labels, and where they are.
pub(super) struct PackedLabels {
    index: Vec<u32>,
    bits: Vec<u32>,
    /// Label of each entry and its positions.
    areas: Vec<(usize, u64)>,
}

impl PackedLabels {
    /// Packs the label maps of a batch. A label in two channels of one position counts once.
    pub(super) fn new(maps: &[LabelMaps], grid: (u32, u32), labels: usize) -> Result<PackedLabels> {
        let (words, row_words) = (words(grid) as usize, row_words(grid) as usize);
        let (positions, columns) = ((grid.0 * grid.1) as usize, grid.1 as usize);
        let (mut heads, mut numbers, mut bits): (Vec<u32>, Vec<u32>, Vec<u32>) = Default::default();
        for map in maps {
            if (map.h, map.w) != grid || map.labels.len() != positions * map.channels as usize {
                return Err(Error::internal(format!("label maps of {}x{} for a grid of {grid:?}", map.h, map.w)));
            }
            let mut present: Vec<u16> = map.labels.iter().copied().filter(|&label| label > 0).collect();
            present.sort_unstable();
            present.dedup();
            if let Some(&label) = present.last().filter(|&&label| usize::from(label) >= labels) {
                return Err(Error::input(format!("label {label} is not among the {labels} of the vocabulary")));
            }
            heads.extend([numbers.len() as u32, present.len() as u32]);
            let first = bits.len();
            bits.resize(first + present.len() * words, 0);
            for (place, &label) in map.labels.iter().enumerate().filter(|(_, label)| **label > 0) {
                // Present by construction.
                let entry = present.partition_point(|&other| other < label);
                let (row, column) = (place % positions / columns, place % columns);
                bits[first + entry * words + row * row_words + column / 32] |= 1 << (column % 32);
            }
            numbers.extend(present.into_iter().map(u32::from));
        }
        let area = |entry: usize| bits[entry * words..][..words].iter().map(|word| u64::from(word.count_ones())).sum();
        let areas = numbers.iter().enumerate().map(|(entry, &label)| (label as usize, area(entry))).collect();
        heads.extend(numbers);
        // A buffer is never empty.
        bits.resize(bits.len().max(1), 0);
        Ok(PackedLabels { index: heads, bits, areas })
    }

    /// Adds the areas of the labels.
    pub(super) fn add_areas(&self, concept_area: &mut [u64]) {
        self.areas.iter().for_each(|&(label, area)| concept_area[label] += area);
    }
}

impl LabelStage {
    pub(super) fn new(gpu: &Gpu, grid: (u32, u32)) -> Result<LabelStage> {
        Ok(LabelStage { grid, index: gpu.buffer("labels", 4096)?, bits: gpu.buffer("label maps", 1 << 20)? })
    }

    /// Uploads a batch, into larger buffers where it needs them. Whether it did: what binds the old ones is of no use then.
    pub(super) fn upload(&mut self, gpu: &Gpu, packed: &PackedLabels) -> Result<bool> {
        let fit = |label: &str, buffer: &mut Buffer, words: &[u32]| {
            let bytes = words.len() as u64 * 4;
            let grows = bytes > buffer.bytes();
            if grows {
                *buffer = gpu.buffer(label, bytes.next_power_of_two())?;
            }
            gpu.upload(buffer, 0, words)?;
            Ok::<bool, Error>(grows)
        };
        let grown = fit("labels", &mut self.index, &packed.index)?;
        Ok(fit("label maps", &mut self.bits, &packed.bits)? || grown)
    }
}

/// The count of a layer.
pub(super) struct CountStage {
    labels: u32,
    level: Buffer,
    area: Buffer,
    inter: Buffer,
    counted: u64,
}

impl CountStage {
    pub(super) fn new(gpu: &Gpu, tally: &Tally) -> Result<CountStage> {
        Ok(CountStage {
            labels: tally.labels as u32,
            level: gpu.buffer_of("levels", &tally.threshold)?,
            area: gpu.buffer("unit areas", tally.units as u64 * 4)?,
            inter: gpu.buffer("intersections", tally.intersection.len() as u64 * 4).map_err(too_many_units)?,
            counted: 0,
        })
    }

    /// Appends a batch whose labels are on the device.
    pub(super) fn record(
        &self,
        gpu: &Gpu,
        recording: &mut Recording,
        maps: &LayerMaps,
        labels: &LabelStage,
    ) -> Result<()> {
        let (maps, shape) = (&maps.buffer, maps.shape);
        let buffers = threshold_iou::Buffers {
            maps,
            level: &self.level,
            index: &labels.index,
            bits: &labels.bits,
            area: &self.area,
            inter: &self.inter,
        };
        threshold_iou(gpu, recording, shape, labels.grid, self.labels, &buffers)
    }

    /// As [`HistogramStage::make_room`], for a batch of so many positions.
    pub(super) fn make_room(&mut self, gpu: &Gpu, coming: u64, tally: &mut Tally) -> Result<()> {
        if self.counted + coming > MOST_COUNTED {
            self.flush(gpu, tally)?;
        }
        self.counted += coming;
        Ok(())
    }

    /// Moves everything counted so far to the host.
    pub(super) fn flush(&mut self, gpu: &Gpu, tally: &mut Tally) -> Result<()> {
        let area: Vec<u32> = gpu.download(&self.area, tally.units)?;
        let inter: Vec<u32> = gpu.download(&self.inter, tally.intersection.len())?;
        // What is above no level the device need not know.
        let has_level = |unit: &usize| !tally.threshold[*unit].is_nan();
        for unit in (0..tally.units).filter(has_level) {
            tally.unit_area[unit] += u64::from(area[unit]);
            let row = unit * tally.labels..(unit + 1) * tally.labels;
            tally.intersection[row.clone()]
                .iter_mut()
                .zip(&inter[row])
                .for_each(|(sum, &count)| *sum += u64::from(count));
        }
        let mut recording = Recording::new();
        recording.clear(&self.area);
        recording.clear(&self.inter);
        gpu.submit(&gpu.program(recording)?)?;
        self.counted = 0;
        Ok(())
    }
}

/// Tables are as large as the layer has units, whatever the batch.
fn too_many_units(error: Error) -> Error {
    error.hint("units times concepts are too many for this adapter: use fewer concepts, a layer of fewer units, or another adapter")
}

/// Positions of `n` images on a grid.
pub(super) fn positions(n: u32, grid: (u32, u32)) -> u64 {
    u64::from(n) * u64::from(grid.0) * u64::from(grid.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_in_two_channels_of_a_position_counts_once() {
        let maps = LabelMaps { channels: 2, h: 2, w: 3, labels: vec![1, 0, 5, 0, 0, 0, 1, 1, 0, 0, 0, 5] };
        let packed = PackedLabels::new(&[maps.clone(), maps], (2, 3), 6).unwrap();
        assert_eq!(packed.index, [0, 2, 2, 2, 1, 5, 1, 5]);
        assert_eq!(packed.bits, [0b011, 0b000, 0b100, 0b100, 0b011, 0b000, 0b100, 0b100]);
        assert_eq!(packed.areas, [(1, 2), (5, 2), (1, 2), (5, 2)]);
    }

    #[test]
    fn a_label_outside_the_vocabulary_is_an_error() {
        let maps = LabelMaps { channels: 1, h: 1, w: 1, labels: vec![7] };
        assert!(PackedLabels::new(&[maps], (1, 1), 7).is_err());
    }
}
