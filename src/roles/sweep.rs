//! One latent's image again and again with an edit at another position each time, computing only what the edit can reach.
//!
//! An edit of one cell reaches, through convolutions of three by three, a rectangle that grows by a position on each side with every
//! convolution and doubles with the map. Each convolution runs on a window of its input that holds the rectangle and a border,
//! cut from the map as it is and what has changed of it; of the result only what is reached is kept. So values are those of the
//! whole tail, bit for bit, at a fraction of the arithmetic.

use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu, Recording};
use crate::graph::{Graph, GraphBuilder, Node, Operator};
use crate::kernels::edit::Extent;
use crate::kernels::splice::{Buffers, Place, splice};
use crate::kernels::tune::Tuner;
use crate::session::{Edit, Session, TensorSource};
use crate::tensor::Shape;

/// Sides of windows are multiples of this where the map has room: what the fast convolutions ask for.
const MULTIPLE: u32 = 4;

/// Positions from and up to, along rows and columns.
type Rectangle = [[u32; 2]; 2];

/// A piece of the tail up to and with a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Node whose value it reads.
    reads: String,
    /// Node whose value it makes.
    makes: String,
    /// Positions of the first and the last of its nodes in the graph.
    nodes: [usize; 2],
    /// By how much it makes maps larger.
    doubling: u32,
    /// Positions to either side that a value depends on.
    reach: u32,
    /// Shape of the map that it reads.
    map: Shape,
    /// Rows and columns of its windows.
    window: [u32; 2],
}

/// The pieces of a tail on the device, for windows of several images at once.
pub struct Sweep {
    pieces: Vec<(Piece, Session)>,
    places: Buffer,
    batch: u32,
    /// Where images come to be.
    images: Buffer,
    shape: Shape,
}

/// The tail as pieces. Windows hold all that an edit of one cell can reach.
fn pieces(tail: &Graph) -> Result<Vec<Piece>> {
    let nodes = tail.nodes();
    let strange =
        |node: &Node| Error::internal("an edit before it cannot be followed position by position").at(&node.name);
    let mut pieces = Vec::new();
    let (mut first, mut doubling) = (1, 1);
    // Sides of the rectangle that an edit reaches, where no border cuts it.
    let mut reached = [1, 1];
    for (position, node) in nodes.iter().enumerate().skip(1) {
        if node.inputs.len() != 1 || node.inputs[0].0 + 1 != position {
            return Err(strange(node));
        }
        let reach = match &node.operator {
            Operator::PixelNorm | Operator::LeakyRelu { .. } | Operator::Relu => continue,
            Operator::UpsampleNearest => {
                doubling *= 2;
                continue;
            }
            Operator::Convolution { convolution, .. } => {
                let [kernel, padding] = [convolution.window.kernel[0], convolution.window.padding[0]];
                let plain = convolution.window == crate::geometry::Window::square(kernel, 1, padding);
                if !plain || kernel != 2 * padding + 1 {
                    return Err(strange(node));
                }
                padding
            }
            _ => return Err(strange(node)),
        };
        let last = match nodes.get(position + 1).map(|node| &node.operator) {
            Some(Operator::LeakyRelu { .. } | Operator::Relu) => position + 1,
            _ => position,
        };
        let map = nodes[first - 1].shape;
        let window = [map.h, map.w].into_iter().zip(reached).map(|(size, reached)| {
            let needed = reached + 2 * (2 * reach).div_ceil(doubling);
            needed.next_multiple_of(MULTIPLE).min(size)
        });
        let window: Vec<u32> = window.collect();
        pieces.push(Piece {
            reads: nodes[first - 1].name.clone(),
            makes: nodes[last].name.clone(),
            nodes: [first, last],
            doubling,
            reach,
            map,
            window: [window[0], window[1]],
        });
        reached = reached.map(|side| side * doubling + 2 * reach);
        (first, doubling) = (last + 1, 1);
    }
    match nodes.get(first) {
        Some(node) => Err(strange(node)),
        None => Ok(pieces),
    }
}

impl Piece {
    /// Where the window begins that holds what `reached` of the input can change, along an axis.
    fn first(&self, axis: usize, [from, _]: [u32; 2]) -> u32 {
        let size = [self.map.h, self.map.w][axis];
        let border = (2 * self.reach).div_ceil(self.doubling);
        from.saturating_sub(border).min(size - self.window[axis])
    }

    /// What of the result is changed by a change of `reached`, along an axis.
    fn reached(&self, axis: usize, [from, to]: [u32; 2]) -> [u32; 2] {
        let size = [self.map.h, self.map.w][axis] * self.doubling;
        [(from * self.doubling).saturating_sub(self.reach), (to * self.doubling + self.reach).min(size)]
    }

    /// Its operators for windows.
    fn graph(&self, tail: &Graph) -> Result<Graph> {
        let mut builder = GraphBuilder::new(Shape { n: 1, h: self.window[0], w: self.window[1], ..self.map });
        let mut x = builder.input();
        for node in &tail.nodes()[self.nodes[0]..=self.nodes[1]] {
            x = builder.add(&node.name, node.operator.clone(), &[x])?;
        }
        Ok(builder.build())
    }
}

/// Nodes of a tail whose values a sweep reads: they are to be kept by the session that makes the image as it is.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if the tail is not a chain of convolutions and what goes position by position.
pub fn kept(tail: &Graph) -> Result<Vec<String>> {
    Ok(pieces(tail)?.into_iter().map(|piece| piece.makes).collect())
}

impl Sweep {
    /// Puts the pieces of a tail on the device, for `batch` images at once.
    ///
    /// # Errors
    /// As [`kept`] and [`Session::new`].
    pub fn new(gpu: &Gpu, tail: &Graph, weights: &dyn TensorSource, batch: u32, tuner: &mut Tuner) -> Result<Sweep> {
        let place = |piece: Piece| {
            let session = Session::new(gpu, &piece.graph(tail)?, weights, batch, &[], tuner)?;
            Ok((piece, session))
        };
        let pieces: Vec<(Piece, Session)> = pieces(tail)?.into_iter().map(place).collect::<Result<_>>()?;
        let shape = tail.node(tail.output()).shape.with_batch(batch);
        Ok(Sweep {
            places: gpu.buffer("places", u64::from(batch) * 32 * (pieces.len() as u64 + 1))?,
            pieces,
            batch,
            images: gpu.buffer("images", shape.bytes())?,
            shape,
        })
    }

    /// Images at once.
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// Makes the images of the latent whose image `base` has just made, with these units set at one cell of the layer for each
    /// image. They stay on the device until the next call.
    ///
    /// # Errors
    /// What the device reports.
    pub fn images(&mut self, gpu: &Gpu, base: &Session, units: &[(u32, f32)], cells: &[u32]) -> Result<()> {
        let n = cells.len() as u32;
        let columns = self.pieces.first().map_or(1, |(piece, _)| piece.map.w);
        let cell = |cell: &u32| [[cell / columns, cell / columns + 1], [cell % columns, cell % columns + 1]];
        let mut reached: Vec<Rectangle> = cells.iter().map(cell).collect();
        // What was made so far: where it begins in the map that is read next, and the buffer. Nothing before the first piece.
        let mut begins: Vec<[u32; 2]> = vec![[0, 0]; cells.len()];
        let mut made: Option<(Buffer, Shape)> = None;
        for at in 0..self.pieces.len() {
            let (piece, session) = &mut self.pieces[at];
            let input = session.graph().node(session.graph().input()).shape.with_batch(n);
            let places: Vec<Place> = reached
                .iter()
                .zip(&begins)
                .map(|(reached, &begin)| {
                    let first = [piece.first(0, reached[0]), piece.first(1, reached[1])];
                    let changed = if made.is_some() { *reached } else { [[0, 0]; 2] };
                    Place { first, rows: changed[0], columns: changed[1], changed: begin }
                })
                .collect();
            if made.is_none() {
                session.edit("input", Some(&edit_of(input.with_batch(self.batch), units, &reached, &places)))?;
            }
            let mut recording = Recording::new();
            recording.label(&piece.reads);
            let (from, _) = base.value(&piece.reads, 1)?;
            let (to, _) = session.value("input", n)?;
            record(gpu, &mut recording, (from, piece.map), made.as_ref(), (to, input), (&places, &self.places))?;
            gpu.submit(&gpu.program(recording)?)?;
            gpu.submit(&gpu.program(session.record(n)?)?)?;
            let (value, shape) = session.value(&piece.makes, n)?;
            made = Some((value.clone(), shape));
            for ((reached, begin), place) in reached.iter_mut().zip(&mut begins).zip(&places) {
                *reached = [piece.reached(0, reached[0]), piece.reached(1, reached[1])];
                *begin = place.first.map(|first| first * piece.doubling);
            }
        }
        let whole = self.shape.with_batch(n);
        let place = |(reached, begin): (&Rectangle, &[u32; 2])| Place {
            first: [0, 0],
            rows: reached[0],
            columns: reached[1],
            changed: *begin,
        };
        let places: Vec<Place> = reached.iter().zip(&begins).map(place).collect();
        let mut recording = Recording::new();
        let output = &base.graph().node(base.graph().output()).name;
        let from = (base.value(output, 1)?.0, whole.with_batch(1));
        record(gpu, &mut recording, from, made.as_ref(), (&self.images, whole), (&places, &self.places))?;
        gpu.submit(&gpu.program(recording)?)?;
        Ok(())
    }

    /// Where the last `n` images are.
    pub fn made(&self, n: u32) -> (&Buffer, Shape) {
        (&self.images, self.shape.with_batch(n))
    }
}

/// Uploads the places and appends the windows of a map with what has changed of it.
fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    (base, map): (&Buffer, Shape),
    made: Option<&(Buffer, Shape)>,
    (to, window): (&Buffer, Shape),
    (places, words): (&[Place], &Buffer),
) -> Result<()> {
    let all: Vec<u32> = places.iter().flat_map(Place::words).collect();
    gpu.upload(words, 0, &all)?;
    // Where nothing was made yet, rectangles are empty and nothing is read.
    let (changed, shape) = made.map_or((base, map.with_batch(window.n)), |(buffer, shape)| (buffer, *shape));
    splice(gpu, recording, (map.with_batch(1), shape, window), places, &Buffers { base, changed, places: words, y: to })
}

/// The units set at the one cell of each image's window, as an edit of windows of this shape at the full batch.
fn edit_of(shape: Shape, units: &[(u32, f32)], cells: &[Rectangle], places: &[Place]) -> Edit {
    let extent = Extent { per_image: true, per_position: true };
    let mut edit = Edit { extent, amount: vec![0.0; shape.len()], value: vec![0.0; shape.len()] };
    for (image, (cell, place)) in cells.iter().zip(places).enumerate() {
        let position = (cell[0][0] - place.first[0]) * shape.w + cell[1][0] - place.first[1];
        for &(unit, value) in units {
            let at = (image * shape.c as usize + unit as usize) * shape.positions() as usize + position as usize;
            (edit.amount[at], edit.value[at]) = (1.0, value);
        }
    }
    edit
}
