//! One segmentation network on a device: images in, the best channel at each position out.

use std::ops::Range;

use crate::error::{Error, Kind, Result};
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

/// Puts the images of a range, `[n, 3, h, w]` from -1 to 1, at the front of a buffer: uploads them, or appends copies.
pub(super) type Fill<'a> = dyn Fn(Range<usize>, &Gpu, &Buffer, &mut Recording) -> Result<()> + 'a;

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
    /// [`Kind::Input`] if an image is too large for the device; else as [`Session::new`] and the device's own.
    pub(super) fn labels(
        &mut self,
        gpu: &Gpu,
        shape: Shape,
        grid: (u32, u32),
        fill: &Fill<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<HeadLabels>> {
        let loaded = match &mut self.loaded {
            Some(loaded) => loaded,
            none => none.insert(Loaded::new(gpu, &self.file, &self.graph, &self.heads, progress)?),
        };
        let mut all: Vec<HeadLabels> = self.heads.iter().map(|head| (head.node, Vec::new())).collect();
        let batch = loaded.fit(gpu, shape, self.side, grid)? as usize;
        for first in (0..shape.n as usize).step_by(batch) {
            let range = first..(first + batch).min(shape.n as usize);
            let shape = shape.with_batch(range.len() as u32);
            let program = gpu.program(loaded.record(gpu, &self.heads, (shape, self.side), grid, range, fill)?)?;
            gpu.submit(&program)?;
            let positions = (grid.0 * grid.1) as usize;
            for ((_, maps), buffer) in all.iter_mut().zip(&loaded.labels) {
                let labels: Vec<u16> = gpu.download(buffer, positions * shape.n as usize)?;
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
            if most == 0 {
                let message = format!("an image of {}x{} is too large for the adapter as it is", shape.h, shape.w);
                let error = Error::new(Kind::OutOfMemory, message);
                return Err(error.hint("let images be resized first: leave `--as-is` out"));
            }
            batch = batch.min(u32::try_from(most).unwrap_or(batch));
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
        (shape, side): (Shape, u32),
        grid: (u32, u32),
        range: Range<usize>,
        fill: &Fill<'_>,
    ) -> Result<Recording> {
        let session = &self.session;
        let graph = session.graph();
        let (input, _) = session.value(&graph.node(graph.input()).name, shape.n)?;
        let mut recording = Recording::new();
        recording.label("resize");
        match &self.staging {
            Some(staging) if (shape.h, shape.w) != (side, side) => {
                fill(range, gpu, staging, &mut recording)?;
                adaptive_average_pool(gpu, &mut recording, shape, (side, side), staging, input)?;
            }
            _ => fill(range, gpu, input, &mut recording)?,
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
