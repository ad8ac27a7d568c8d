//! One segmentation network on a device: images in, the best channel at each position out.

use std::ops::Range;

use rayon::prelude::*;

use super::Pixels;
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu, Recording};
use crate::graph::Graph;
use crate::kernels::adaptive_average_pool::adaptive_average_pool;
use crate::kernels::label_argmax::{Labels, label_argmax, words};
use crate::kernels::tune::Tuner;
use crate::models::segmenter::{self, Segmenter};
use crate::progress::Progress;
use crate::session::{Session, fitting};
use crate::tensor::Shape;
use crate::weights::WeightFile;

/// Scores that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Node of the scores.
    pub(super) node: &'static str,
    /// First channel and end of each choice: one, or, if owned, one for each channel of the head before.
    pub(super) blocks: Vec<[u32; 2]>,
    /// Whether the first head's label says which block is meant. Labels are then the channel plus 1, and 0 where the block is empty.
    pub(super) owned: bool,
}

/// Images of one size.
pub(super) enum Images<'a> {
    /// In host memory.
    Host {
        /// Their pixels.
        pixels: Vec<Pixels<'a>>,
        /// Rows and columns.
        size: (u32, u32),
    },
    /// On the device, `[n, 3, h, w]` from -1 to 1.
    Device {
        /// Where they lie.
        buffer: &'a Buffer,
        /// Their shape.
        shape: Shape,
    },
}

impl Images<'_> {
    /// How many, and of what shape.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Images::Host { pixels, size: (h, w) } => Shape::new(pixels.len() as u32, 3, *h, *w),
            Images::Device { shape, .. } => *shape,
        }
    }

    /// Puts those of a range at the front of a buffer: uploads them, or appends copies.
    fn put(&self, range: Range<usize>, gpu: &Gpu, to: &Buffer, recording: &mut Recording) -> Result<()> {
        match self {
            Images::Host { pixels, .. } => {
                let mut planes = Vec::new();
                pixels[range].iter().for_each(|pixels| pixels.append_signed(&mut planes));
                gpu.upload(to, 0, &planes)
            }
            Images::Device { buffer, shape } => {
                let bytes = shape.with_batch(1).bytes();
                recording.copy(buffer, range.start as u64 * bytes, to, 0, range.len() as u64 * bytes)
            }
        }
    }
}

/// An image brought to `side` rows and columns on the host, as the kernel `adaptive_average_pool` does on the device: planes from
/// -1 to 1.
pub(super) fn pooled(pixels: Pixels<'_>, (h, w): (u32, u32), side: u32) -> Vec<f32> {
    let window = |at: u32, size: u32| {
        let (at, size, side) = (u64::from(at), u64::from(size), u64::from(side));
        (at * size / side) as usize..((at + 1) * size).div_ceil(side) as usize
    };
    let (area, w) = (h as usize * w as usize, w as usize);
    let row = |place: u32| {
        let (c, rows) = ((place / side) as usize, window(place % side, h));
        (0..side).map(move |s| {
            let columns = window(s, w as u32);
            let count = (rows.len() * columns.len()) as f64;
            let places = rows.clone().flat_map(|i| columns.clone().map(move |j| i * w + j));
            let mean = match pixels {
                Pixels::Rgb(bytes) => {
                    let sum: u64 = places.map(|place| u64::from(bytes[place * 3 + c])).sum();
                    sum as f64 / count / 127.5 - 1.0
                }
                Pixels::Signed(planes) => places.map(|place| f64::from(planes[c * area + place])).sum::<f64>() / count,
            };
            mean as f32
        })
    };
    (0..3 * side).into_par_iter().flat_map_iter(row).collect()
}

/// Labels of a head: its node, and for each image `[h, w]`.
pub(super) type HeadLabels = (&'static str, Vec<Vec<u16>>);

/// A segmentation network; its weights go to the device when it is first asked.
pub(super) struct Network {
    file: WeightFile,
    graph: Graph,
    heads: Vec<Head>,
    side: u32,
    loaded: Option<Loaded>,
}

struct Loaded {
    session: Session,
    blocks: Vec<Buffer>,
    /// Images of another size than the network's.
    staging: Option<Buffer>,
    /// Labels of each head.
    labels: Vec<Buffer>,
}

impl Network {
    pub(super) fn new(segmenter: Segmenter, file: WeightFile, side: u32, heads: Vec<Head>) -> Result<Network> {
        let whole = segmenter::build(segmenter, &file.shapes(), side, (side, side))
            .map_err(|error| error.at(file.path().display()))?;
        let graph = whole.graph.head(&heads.iter().map(|head| head.node).collect::<Vec<_>>())?;
        Ok(Network { file, graph, heads, side, loaded: None })
    }

    /// The labels of `shape.n` images of one size on a grid of `(rows, columns)`, for each head.
    ///
    /// # Errors
    /// As [`Session::new`] and the device's own.
    pub(super) fn labels(
        &mut self,
        gpu: &Gpu,
        images: &Images<'_>,
        grid: (u32, u32),
        progress: &dyn Progress,
    ) -> Result<Vec<HeadLabels>> {
        // What does not fit a binding is brought to the network's size before it goes to the device.
        let shape = images.shape();
        if let (Images::Host { pixels, size }, true) =
            (images, shape.with_batch(1).bytes() > gpu.traits().max_binding_bytes)
        {
            let small: Vec<Vec<f32>> = pixels.iter().map(|&pixels| pooled(pixels, *size, self.side)).collect();
            let pixels = small.iter().map(|planes| Pixels::Signed(planes)).collect();
            return self.labels(gpu, &Images::Host { pixels, size: (self.side, self.side) }, grid, progress);
        }
        let loaded = match &mut self.loaded {
            Some(loaded) => loaded,
            none => none.insert(Loaded::new(gpu, &self.file, &self.graph, &self.heads, progress)?),
        };
        let mut all: Vec<HeadLabels> = self.heads.iter().map(|head| (head.node, Vec::new())).collect();
        let batch = loaded.fit(gpu, shape, self.side, grid)? as usize;
        for first in (0..shape.n as usize).step_by(batch) {
            let range = first..(first + batch).min(shape.n as usize);
            let n = range.len();
            let program = gpu.program(loaded.record(gpu, &self.heads, (images, self.side), grid, range)?)?;
            gpu.submit(&program)?;
            let positions = (grid.0 * grid.1) as usize;
            for ((_, maps), buffer) in all.iter_mut().zip(&loaded.labels) {
                let labels: Vec<u16> = gpu.download(buffer, positions * n)?;
                maps.extend(labels.chunks_exact(positions).map(<[u16]>::to_vec));
            }
        }
        Ok(all)
    }
}

impl Loaded {
    fn new(gpu: &Gpu, file: &WeightFile, graph: &Graph, heads: &[Head], progress: &dyn Progress) -> Result<Loaded> {
        let here = |error: Error| error.at(file.path().display());
        let nodes: Vec<&str> = heads.iter().map(|head| head.node).collect();
        let mut tuner = Tuner::cached();
        let session = fitting(gpu, graph, file, (&nodes, usize::MAX), None, &mut tuner, progress).map_err(here)?;
        let blocks = heads.iter().map(|head| gpu.buffer_of("blocks", &head.blocks.concat())).collect::<Result<_>>()?;
        Ok(Loaded { session, blocks, staging: None, labels: Vec::new() })
    }

    /// Makes room for images of a shape and labels of a grid; how many go at once.
    fn fit(&mut self, gpu: &Gpu, shape: Shape, side: u32, grid: (u32, u32)) -> Result<u32> {
        let mut batch = self.session.batch().min(shape.n.max(1));
        if (shape.h, shape.w) != (side, side) {
            let each = shape.with_batch(1).bytes();
            let most = gpu.traits().max_binding_bytes / each;
            batch = batch.min(u32::try_from(most).unwrap_or(batch)).max(1);
            let bytes = each * u64::from(batch);
            if self.staging.as_ref().is_none_or(|staging| staging.bytes() < bytes) {
                self.staging = None;
                self.staging = Some(gpu.buffer("images", bytes)?);
            }
        }
        let bytes = u64::from(words(batch * grid.0 * grid.1)) * 4;
        if self.labels.iter().any(|labels| labels.bytes() < bytes) || self.labels.is_empty() {
            self.labels = self.blocks.iter().map(|_| gpu.buffer("labels", bytes)).collect::<Result<_>>()?;
        }
        Ok(batch)
    }

    /// The steps from images to labels.
    fn record(
        &self,
        gpu: &Gpu,
        heads: &[Head],
        (images, side): (&Images<'_>, u32),
        grid: (u32, u32),
        range: Range<usize>,
    ) -> Result<Recording> {
        let shape = images.shape().with_batch(range.len() as u32);
        let session = &self.session;
        let graph = session.graph();
        let (input, _) = session.value(&graph.node(graph.input()).name, shape.n)?;
        let mut recording = Recording::new();
        recording.label("resize");
        match &self.staging {
            Some(staging) if (shape.h, shape.w) != (side, side) => {
                images.put(range, gpu, staging, &mut recording)?;
                adaptive_average_pool(gpu, &mut recording, shape, (side, side), staging, input)?;
            }
            _ => images.put(range, gpu, input, &mut recording)?,
        }
        recording.append(session.record(shape.n)?);
        for (position, head) in heads.iter().enumerate() {
            recording.label(head.node);
            let labels = Labels { grid, offset: head.owned.into(), y: &self.labels[position] };
            let owner = head.owned.then_some(&self.labels[0]);
            label_argmax(
                gpu,
                &mut recording,
                session.value(head.node, shape.n)?,
                &self.blocks[position],
                owner,
                &labels,
            )?;
        }
        Ok(recording)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::adaptive_average_pool::adaptive_average_pool;
    use crate::reference::{Maps, rng};
    use crate::tensor::HostTensor;

    #[test]
    fn images_are_pooled_on_the_host_as_on_the_device() {
        for (h, w, side) in [(13, 29, 8), (5, 3, 7), (1, 1, 4)] {
            let bytes: Vec<u8> =
                rng::floats((h * w * 3) as usize, 1).iter().map(|v| (v * 127.0 + 128.0) as u8).collect();
            let mut planes = Vec::new();
            Pixels::Rgb(&bytes).append_signed(&mut planes);
            let maps = HostTensor::new(Shape::new(1, 3, h, w), planes.clone()).unwrap();
            let want = adaptive_average_pool(&Maps::from(&maps), side, side);
            for pixels in [Pixels::Rgb(&bytes), Pixels::Signed(&planes)] {
                let got = pooled(pixels, (h, w), side);
                assert!(got.iter().zip(&want.data).all(|(&got, want)| (f64::from(got) - want).abs() < 1e-6));
            }
        }
    }
}
