//! One latent's image again and again with an edit at another position each time, computing only what the edit can reach.
//!
//! An edit of one cell reaches, through convolutions of three by three, a rectangle that grows by a position on each side with every
//! convolution and doubles with the map. Each convolution runs on a window of its input that holds the rectangle and a border,
//! cut from the map as it is and what has changed of it; of the result only what is reached is kept. So values are those of the
//! whole network, bit for bit, at a fraction of the arithmetic.

use crate::error::{Error, Result};
use crate::geometry::{Extent, Window};
use crate::gpu::{Buffer, Gpu, Programs, Recording};
use crate::graph::{EditNames, Graph, GraphBuilder, Node, NodeId, Operator, Wanted};
use crate::kernels::splice::{Buffers, Place, Shapes, splice};
use crate::kernels::tune::Tuner;
use crate::session::{Edit, Session, Split, Weights};
use crate::tensor::Shape;

/// Sides of windows are multiples of this: what the fast convolutions ask for.
const MULTIPLE: u32 = 4;

/// Edits of a window: each image's own, at one position.
const EXTENT: Extent = Extent { per_image: true, per_position: true };

/// Name of the input of a piece.
const WINDOW: &str = "window";

/// Positions from and up to, along rows and columns.
type Rectangle = [[u32; 2]; 2];

/// A piece of what follows a layer, up to and with a convolution.
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

/// What follows a layer in pieces on the device, for windows of several images at once.
pub struct Sweep {
    gpu: Gpu,
    stages: Vec<Stage>,
    /// The image as it is.
    base: Buffer,
    places: Buffer,
    batch: u32,
    /// Where images come to be.
    images: Buffer,
    shape: Shape,
    /// What cuts the windows of each piece, and behind the last puts the images together, by number of images and piece.
    splices: Programs<(u32, usize)>,
}

/// A piece on the device.
struct Stage {
    piece: Piece,
    session: Session,
    /// The map as it is that it reads.
    base: Buffer,
}

/// What follows a node in pieces. Windows hold all that an edit of one cell can reach.
fn pieces(graph: &Graph, cut: NodeId) -> Result<Vec<Piece>> {
    let nodes = graph.nodes();
    let strange =
        |node: &Node| Error::internal("an edit before it cannot be followed position by position").at(&node.name);
    let mut pieces = Vec::new();
    let (mut first, mut doubling) = (cut.0 + 1, 1);
    // Sides of the rectangle that an edit reaches, where no border cuts it.
    let mut reached = [1, 1];
    for (position, node) in nodes.iter().enumerate().skip(first) {
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
                let plain = convolution.window == Window::square(kernel, 1, padding);
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
            // Where the map is no multiple the whole must be run by other kernels, and a window as the whole is.
            if size.is_multiple_of(MULTIPLE) { needed.next_multiple_of(MULTIPLE).min(size) } else { size }
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

    /// Shape of its windows of `n` images.
    fn windows(&self, n: u32) -> Shape {
        Shape { n, h: self.window[0], w: self.window[1], ..self.map }
    }

    /// Its operators for windows; the first piece's can be edited.
    fn graph(&self, whole: &Graph, edited: bool) -> Result<Graph> {
        let mut builder = GraphBuilder::new();
        let mut x = builder.input(WINDOW, self.windows(1))?;
        for node in &whole.nodes()[self.nodes[0]..=self.nodes[1]] {
            x = builder.add(&node.name, node.operator.clone(), &[x])?;
        }
        let graph = builder.build();
        if edited { graph.edited(WINDOW, EXTENT) } else { Ok(graph) }
    }
}

/// Nodes behind the node `cut` whose values a sweep reads: they are to be kept by the session that makes the image as it is.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if they are not a chain of convolutions and what goes position by position.
pub fn kept(graph: &Graph, cut: &str) -> Result<Vec<String>> {
    Ok(pieces(graph, graph.find(cut)?)?.into_iter().map(|piece| piece.makes).collect())
}

impl Sweep {
    /// Puts in pieces on the device what follows the layer of a session that keeps what [`kept`] names, for `batch` images at
    /// once.
    ///
    /// # Errors
    /// As [`kept`] and [`Session::new`].
    pub fn new(weights: &Weights, split: &Split, batch: u32, tuner: &mut Tuner) -> Result<Sweep> {
        let (gpu, base) = (weights.gpu(), split.session());
        let graph = base.graph();
        let mut stages: Vec<Stage> = Vec::new();
        for mut piece in pieces(graph, graph.find(&EditNames::of(split.cut()).edited)?)? {
            if stages.is_empty() {
                // The sweep edits windows of the layer itself.
                piece.reads = split.cut().to_owned();
            }
            let own = piece.graph(graph, stages.is_empty())?;
            let session = Session::new(weights, &own, batch, Wanted::default(), tuner)?;
            let base = base.value(&piece.reads, 1)?.0.clone();
            stages.push(Stage { piece, session, base });
        }
        let (image, shape) = split.made(1)?;
        Ok(Sweep {
            gpu: gpu.clone(),
            base: image.clone(),
            places: gpu.buffer("places", u64::from(batch) * 32)?,
            batch,
            images: gpu.buffer("images", shape.with_batch(batch).bytes())?,
            shape,
            stages,
            splices: Programs::new(gpu),
        })
    }

    /// Images at once.
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// Makes the images of the latent whose image the split session has just made as it is, with these units set at one cell of the
    /// layer for each image. They stay on the device until the next call.
    ///
    /// # Errors
    /// What the device reports.
    pub fn images(&mut self, units: &[(u32, f32)], cells: &[u32]) -> Result<()> {
        let n = cells.len() as u32;
        let columns = self.stages.first().map_or(1, |stage| stage.piece.map.w);
        let cell = |cell: &u32| [[cell / columns, cell / columns + 1], [cell % columns, cell % columns + 1]];
        let mut reached: Vec<Rectangle> = cells.iter().map(cell).collect();
        // Where what was made so far begins in the map that is read next.
        let mut begins: Vec<[u32; 2]> = vec![[0, 0]; cells.len()];
        for (at, Stage { piece, session, .. }) in self.stages.iter().enumerate() {
            let place = |(reached, &begin): (&Rectangle, &[u32; 2])| {
                let first = [piece.first(0, reached[0]), piece.first(1, reached[1])];
                // Nothing has changed before the first piece.
                let changed = if at == 0 { [[0, 0]; 2] } else { *reached };
                Place { first, rows: changed[0], columns: changed[1], changed: begin }
            };
            let places: Vec<Place> = reached.iter().zip(&begins).map(place).collect();
            if at == 0 {
                session.edit(WINDOW, Some(&edit_of(piece.windows(n), units, &reached, &places)))?;
            }
            self.splice(at, &places)?;
            session.submit(n)?;
            for ((reached, begin), place) in reached.iter_mut().zip(&mut begins).zip(&places) {
                *reached = [piece.reached(0, reached[0]), piece.reached(1, reached[1])];
                *begin = place.first.map(|first| first * piece.doubling);
            }
        }
        let place = |(reached, &changed): (&Rectangle, &[u32; 2])| Place {
            first: [0, 0],
            rows: reached[0],
            columns: reached[1],
            changed,
        };
        self.splice(self.stages.len(), &reached.iter().zip(&begins).map(place).collect::<Vec<_>>())
    }

    /// Where the last `n` images are.
    pub fn made(&self, n: u32) -> (&Buffer, Shape) {
        (&self.images, self.shape.with_batch(n))
    }

    /// Cuts the windows of a stage at these places; behind the last, puts the images together.
    fn splice(&self, at: usize, places: &[Place]) -> Result<()> {
        let n = places.len() as u32;
        self.gpu.upload(&self.places, 0, &self.shapes(at, n).words(places)?)?;
        self.splices.submit((n, at), |recording| self.record(recording, at, n))?;
        Ok(())
    }

    /// What is spliced before a stage, and behind the last, for `n` images.
    fn shapes(&self, at: usize, n: u32) -> Shapes {
        let base = self.stages.get(at).map_or(self.shape, |stage| stage.piece.map).with_batch(1);
        let made = at.checked_sub(1).map(|before| &self.stages[before]);
        Shapes {
            base,
            // Nothing was made before the first: its rectangles are empty, and the base stands in.
            changed: made.map_or(base, |stage| stage.made().with_batch(n)),
            window: self.stages.get(at).map_or(self.shape, |stage| stage.piece.windows(n)).with_batch(n),
        }
    }

    /// Appends what cuts the windows of a stage, or behind the last puts the images together, for `n` images.
    fn record(&self, recording: &mut Recording, at: usize, n: u32) -> Result<()> {
        let stage = self.stages.get(at);
        recording.label(stage.map_or("images", |stage| &stage.piece.reads));
        let base = stage.map_or(&self.base, |stage| &stage.base);
        let changed = match at.checked_sub(1).map(|before| &self.stages[before]) {
            None => base,
            Some(Stage { piece, session, .. }) => session.value(&piece.makes, n)?.0,
        };
        let y = stage.map_or(Ok(&self.images), |stage| Ok(stage.session.value(WINDOW, n)?.0))?;
        splice(&self.gpu, recording, self.shapes(at, n), &Buffers { base, changed, places: &self.places, y })
    }
}

impl Stage {
    /// Shape of what it makes of one window.
    fn made(&self) -> Shape {
        let graph = self.session.graph();
        graph.node(graph.output()).shape
    }
}

/// The units set at the one cell of each image's window, as an edit of windows of this shape.
fn edit_of(shape: Shape, units: &[(u32, f32)], cells: &[Rectangle], places: &[Place]) -> Edit {
    let mut edit = Edit { extent: EXTENT, amount: vec![0.0; shape.len()], value: vec![0.0; shape.len()] };
    for (image, (cell, place)) in cells.iter().zip(places).enumerate() {
        let position = (cell[0][0] - place.first[0]) * shape.w + cell[1][0] - place.first[1];
        for &(unit, value) in units {
            let at = (image * shape.c as usize + unit as usize) * shape.positions() as usize + position as usize;
            (edit.amount[at], edit.value[at]) = (1.0, value);
        }
    }
    edit
}
