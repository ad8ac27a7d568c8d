//! One segmentation network on a device: images in, the best channel at each position out.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Pixels, not_finite};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu, Programs, Recording};
use crate::graph::{Graph, Wanted};
use crate::kernels::adaptive_average_pool::adaptive_average_pool;
use crate::kernels::label_argmax::{Labels, NOT_FINITE, label_argmax, words};
use crate::kernels::tune::Tuner;
use crate::models::segmenter::{self, Segmenter};
use crate::session::{MOST_AT_ONCE, Session, Weights, fitting_batch};
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
        /// Their names.
        names: Vec<&'a str>,
        /// Rows and columns.
        size: (u32, u32),
    },
    /// On the device, `[n, 3, h, w]` from -1 to 1.
    Device {
        /// Where they lie.
        buffer: &'a Buffer,
        /// Their names.
        names: Vec<&'a str>,
        /// Their shape.
        shape: Shape,
    },
}

impl Images<'_> {
    /// Their names.
    fn names(&self) -> &[&str] {
        match self {
            Images::Host { names, .. } | Images::Device { names, .. } => names,
        }
    }

    /// How many, and of what shape.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Images::Host { pixels, size: (h, w), .. } => Shape::new(pixels.len() as u32, 3, *h, *w),
            Images::Device { shape, .. } => *shape,
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
    file: Arc<WeightFile>,
    graph: Graph,
    heads: Vec<Head>,
    side: u32,
    /// Images at once for which it was loaded.
    asked: u32,
    loaded: Option<OnDevice>,
}

struct OnDevice {
    session: Session,
    blocks: Vec<Buffer>,
    /// Images on the device of another size than the network's.
    staging: Option<Buffer>,
    /// What brings them to the network's size, by their shape.
    resizing: Programs<Shape>,
    /// Labels of each head.
    labels: Vec<Buffer>,
    /// What makes them of the scores, by number of images and grid.
    labelling: Programs<(u32, (u32, u32))>,
}

impl Network {
    pub(super) fn new(segmenter: Segmenter, file: WeightFile, side: u32, heads: Vec<Head>) -> Result<Network> {
        let whole = segmenter::build(segmenter, &file.shapes(), side, (side, side))
            .map_err(|error| error.at(file.path().display()))?;
        let graph = whole.graph.head(&heads.iter().map(|head| head.node).collect::<Vec<_>>())?;
        Ok(Network { file: Arc::new(file), graph, heads, side, asked: 0, loaded: None })
    }

    /// Whether it is on the device, and was loaded for so many images at once or found no room for them.
    pub(super) fn serves(&self, images: u32) -> bool {
        self.loaded.is_some() && self.asked >= images.min(MOST_AT_ONCE)
    }

    /// Notes for how many images at once it was loaded, whatever there was room for.
    pub(super) fn asked(&mut self, images: u32) {
        self.asked = images;
    }

    /// How many of `images` at once are worth it and fit.
    pub(super) fn fitting_batch(&self, gpu: &Gpu, images: u32) -> u32 {
        fitting_batch(gpu, &self.graph, images as usize)
    }

    /// Gives its memory on the device back.
    pub(super) fn unload(&mut self) {
        self.loaded = None;
    }

    /// Puts its weights on the device, with room for so many images at once.
    ///
    /// # Errors
    /// As [`Session::new`], with the path of the weights.
    pub(super) fn load(&mut self, gpu: &Gpu, batch: u32) -> Result<()> {
        let loaded = OnDevice::new(gpu, &self.file, &self.graph, &self.heads, batch);
        self.loaded = Some(loaded.map_err(|error| error.at(self.file.path().display()))?);
        Ok(())
    }

    /// The labels of images of one size on a grid of `(rows, columns)`, for each head. It must be loaded.
    ///
    /// # Errors
    /// What the device reports.
    pub(super) fn labels(&mut self, gpu: &Gpu, images: &Images<'_>, grid: (u32, u32)) -> Result<Vec<HeadLabels>> {
        let loaded = self.loaded.as_mut().ok_or_else(|| Error::internal("the network is not loaded"))?;
        let mut all: Vec<HeadLabels> = self.heads.iter().map(|head| (head.node, Vec::new())).collect();
        let shape = images.shape();
        let batch = loaded.fit(gpu, images, self.side, grid)? as usize;
        for first in (0..shape.n as usize).step_by(batch) {
            let range = first..(first + batch).min(shape.n as usize);
            let n = range.len();
            loaded.submit(&self.heads, (images, self.side), grid, range)?;
            let positions = (grid.0 * grid.1) as usize;
            for ((_, maps), buffer) in all.iter_mut().zip(&loaded.labels) {
                let labels: Vec<u16> = gpu.download(buffer, positions * n)?;
                if let Some(place) = labels.iter().position(|&label| label == NOT_FINITE) {
                    return Err(not_finite(images.names()[first + place / positions], "scores"));
                }
                maps.extend(labels.chunks_exact(positions).map(<[u16]>::to_vec));
            }
        }
        Ok(all)
    }
}

impl OnDevice {
    fn new(gpu: &Gpu, file: &Arc<WeightFile>, graph: &Graph, heads: &[Head], batch: u32) -> Result<OnDevice> {
        let nodes: Vec<&str> = heads.iter().map(|head| head.node).collect();
        let weights = Weights::new(gpu, Arc::clone(file) as _);
        let session = Session::new(&weights, graph, batch, Wanted::kept(&nodes), &mut Tuner::cached())?;
        let blocks = heads.iter().map(|head| gpu.buffer_of("blocks", &head.blocks.concat())).collect::<Result<_>>()?;
        let (resizing, labelling) = (Programs::new(gpu), Programs::new(gpu));
        Ok(OnDevice { session, blocks, staging: None, resizing, labels: Vec::new(), labelling })
    }

    /// Makes room for images and for labels of a grid; how many go at once.
    fn fit(&mut self, gpu: &Gpu, images: &Images<'_>, side: u32, grid: (u32, u32)) -> Result<u32> {
        let shape = images.shape();
        let mut batch = self.session.batch().min(shape.n.max(1));
        if let (Images::Device { .. }, false) = (images, (shape.h, shape.w) == (side, side)) {
            let each = shape.with_batch(1).bytes();
            let held = self.staging.as_ref().map_or(0, Buffer::bytes);
            // As many as half of the room takes, and at least one.
            let room = gpu.traits().max_binding_bytes.min((gpu.free_bytes() + held) / 2);
            batch = batch.min(u32::try_from(room / each).unwrap_or(batch)).max(1);
            if held < each * u64::from(batch) {
                // The programs hold it too.
                self.resizing.clear();
                self.staging = None;
                self.staging = Some(gpu.buffer("images", each * u64::from(batch))?);
            }
        }
        let bytes = u64::from(words(batch * grid.0 * grid.1)) * 4;
        if self.labels.iter().any(|labels| labels.bytes() < bytes) || self.labels.is_empty() {
            self.labelling.clear();
            self.labels = self.blocks.iter().map(|_| gpu.buffer("labels", bytes)).collect::<Result<_>>()?;
        }
        Ok(batch)
    }

    /// Runs from images to labels.
    fn submit(
        &self,
        heads: &[Head],
        (images, side): (&Images<'_>, u32),
        grid: (u32, u32),
        range: Range<usize>,
    ) -> Result<()> {
        let (session, n) = (&self.session, range.len() as u32);
        match images {
            Images::Host { pixels, size, .. } => {
                let mut planes = Vec::with_capacity(range.len() * 3 * (side * side) as usize);
                for &pixels in &pixels[range] {
                    match *size == (side, side) {
                        true => pixels.append_signed(&mut planes),
                        false => planes.extend(pooled(pixels, *size, side)),
                    }
                }
                session.gpu().upload(self.input(n)?, 0, &planes)?;
            }
            Images::Device { buffer, shape, .. } => self.resize(buffer, *shape, side, range)?,
        }
        session.submit(n)?;
        self.labelling.submit((n, grid), |recording| {
            for (position, head) in heads.iter().enumerate() {
                recording.label(head.node);
                let labels = Labels { grid, offset: head.owned.into(), y: &self.labels[position] };
                let owner = head.owned.then_some(&self.labels[0]);
                let (maps, shape) = session.value(head.node, n)?;
                label_argmax(session.gpu(), recording, shape, maps, &self.blocks[position], owner, &labels)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Brings some of the images that lie on the device to the network's input.
    fn resize(&self, images: &Buffer, shape: Shape, side: u32, range: Range<usize>) -> Result<()> {
        let (gpu, shape) = (self.session.gpu(), shape.with_batch(range.len() as u32));
        let input = self.input(shape.n)?;
        let staging = self.staging.as_ref().filter(|_| (shape.h, shape.w) != (side, side));
        // Where the images lie may be new each time, so that they are copied apart from what is kept.
        let mut recording = Recording::new();
        recording.label("resize");
        let from = range.start as u64 * shape.with_batch(1).bytes();
        recording.copy(images, from, staging.unwrap_or(input), 0, shape.bytes())?;
        gpu.submit(&gpu.program(recording)?)?;
        if let Some(staging) = staging {
            self.resizing.submit(shape, |recording| {
                recording.label("resize");
                adaptive_average_pool(gpu, recording, shape, (side, side), staging, input)
            })?;
        }
        Ok(())
    }

    /// The network's input, of `n` images.
    fn input(&self, n: u32) -> Result<&Buffer> {
        let graph = self.session.graph();
        Ok(self.session.value(&graph.node(graph.input()).name, n)?.0)
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
