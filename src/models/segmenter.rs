//! The segmenters of the reference: UPerNet (Xiao et al. 2018) for objects, parts and materials, and a pyramid-pooling network
//! (Zhao et al. 2017) for colours.

use std::collections::HashMap;

use super::resnet::{self, rectified};
use super::{Layer, Model, convolution, convolution_named};
use crate::error::{Error, Result};
use crate::geometry::{Border, Window};
use crate::graph::{GraphBuilder, NodeId, Operator};
use crate::tensor::Shape;

/// Bins along a side of the pooled maps.
const PYRAMID: [u32; 4] = [1, 2, 3, 6];

/// Which segmenter a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Segmenter {
    /// Objects, parts and materials.
    Upernet,
    /// Colours.
    Colors,
}

impl Segmenter {
    /// Both.
    pub const ALL: [Segmenter; 2] = [Segmenter::Upernet, Segmenter::Colors];

    /// The word users type and files store.
    pub const fn name(self) -> &'static str {
        match self {
            Segmenter::Upernet => "upernet",
            Segmenter::Colors => "color-segmenter",
        }
    }

    /// The segmenter of this name.
    pub fn named(name: &str) -> Option<Segmenter> {
        Segmenter::ALL.into_iter().find(|segmenter| segmenter.name() == name)
    }

    /// The nodes whose values are scores.
    pub const fn heads(self) -> &'static [&'static str] {
        match self {
            Segmenter::Upernet => &[OBJECT, PART, MATERIAL],
            Segmenter::Colors => &[COLOR],
        }
    }
}

/// What a segmenter's pixels are: `(p - mean) / deviation`, p from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// Whether channels go in as blue, green, red.
    pub bgr: bool,
    /// In the order in which channels go in.
    pub mean: [f64; 3],
    /// In the same order.
    pub deviation: [f64; 3],
}

impl Normalisation {
    /// UPerNet's: of 0 to 255 the mean is taken, and no more.
    pub const UPERNET: Normalisation = Normalisation {
        bgr: true,
        mean: [102.9801 / 255.0, 115.9465 / 255.0, 122.7717 / 255.0],
        deviation: [1.0 / 255.0; 3],
    };
}

/// Nodes whose values are scores over classes.
pub const OBJECT: &str = "object";
/// As [`OBJECT`]: all parts of all objects, one object behind another.
pub const PART: &str = "part";
/// As [`OBJECT`].
pub const MATERIAL: &str = "material";
/// As [`OBJECT`].
pub const COLOR: &str = "color";

/// Builds a segmenter for images of `h` by `w` pixels from the tensors at hand: `normalise.weight`, `encoder.conv1.weight` ...,
/// `decoder.object_head.1.bias`, as `segmenter_weights` leaves them.
///
/// The input is `[1, 3, h, w]`, red, green and blue from -1 to 1; images of another size than the square of `side` pixels that the
/// network sees are brought to it by means over windows that cover them. Scores come out at the finest stage's size, a quarter of
/// the side for UPerNet and an eighth for colours, in the nodes [`OBJECT`], [`PART`], [`MATERIAL`], or [`COLOR`].
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor that is missing or does not fit.
pub fn build(
    segmenter: Segmenter,
    shapes: &HashMap<String, Vec<usize>>,
    side: u32,
    (h, w): (u32, u32),
) -> Result<Model> {
    let mut builder = GraphBuilder::new();
    let mut x = builder.input("input", Shape::new(1, 3, h, w))?;
    if (h, w) != (side, side) {
        x = builder.add("resize", Operator::AdaptiveAveragePool { h: side, w: side }, &[x])?;
    }
    x = convolution(&mut builder, shapes, "normalise", Window::square(1, 1, 0), x)?;
    let stages = resnet::encoder(&mut builder, shapes, x, segmenter == Segmenter::Colors)?;
    let decoder = &mut Decoder { builder: &mut builder, shapes };
    match segmenter {
        Segmenter::Upernet => decoder.upernet(stages)?,
        Segmenter::Colors => decoder.colors(stages[3])?,
    }
    let graph = builder.build();
    let stage = |(number, &id): (usize, &NodeId)| {
        let node = &graph.node(id).name;
        Layer {
            name: format!("layer{}", number + 1),
            aliases: Vec::new(),
            node: node.clone(),
            before_relu: format!("{node}.sum"),
        }
    };
    let head = |&name: &&str| Layer {
        name: name.to_owned(),
        aliases: Vec::new(),
        node: name.to_owned(),
        before_relu: name.to_owned(),
    };
    let layers = stages.iter().enumerate().map(stage).chain(segmenter.heads().iter().map(head)).collect();
    Ok(Model { name: segmenter.name().to_owned(), graph, layers, logits: None })
}

/// Adds what stands behind the encoder.
struct Decoder<'a> {
    builder: &'a mut GraphBuilder,
    shapes: &'a HashMap<String, Vec<usize>>,
}

impl Decoder<'_> {
    fn upernet(&mut self, stages: [NodeId; 4]) -> Result<()> {
        let [.., coarsest] = stages;
        let shape = self.builder.shape(coarsest);
        let mut pooled = vec![coarsest];
        for (scale, bins) in PYRAMID.into_iter().enumerate() {
            let x = self.builder.add(&format!("pool{bins}"), Operator::PreciseRoiPool { bins }, &[coarsest])?;
            let x = self.resized(&format!("pool{bins}.resized"), x, shape)?;
            pooled.push(self.rectified(&format!("ppm_conv.{scale}.0"), 1, x)?);
        }
        let all = self.builder.add("pyramid", Operator::Concat, &pooled)?;
        let mut x = self.rectified("ppm_last_conv.0", 3, all)?;
        let mut levels = vec![x];
        for level in (0..3).rev() {
            let lateral = self.rectified(&format!("fpn_in.{level}.0"), 1, stages[level])?;
            let shape = self.builder.shape(lateral);
            let above = self.resized(&format!("level{level}.above"), x, shape)?;
            x = self.builder.add(&format!("level{level}"), Operator::Add, &[lateral, above])?;
            levels.insert(0, self.rectified(&format!("fpn_out.{level}.0.0"), 3, x)?);
        }
        let finest = levels[0];
        let shape = self.builder.shape(finest);
        for (level, x) in levels.iter_mut().enumerate().skip(1) {
            *x = self.resized(&format!("level{level}.resized"), *x, shape)?;
        }
        let all = self.builder.add("levels", Operator::Concat, &levels)?;
        let fused = self.rectified("conv_fusion.0", 3, all)?;
        self.head(OBJECT, fused)?;
        self.head(PART, fused)?;
        self.head(MATERIAL, finest)
    }

    fn colors(&mut self, coarsest: NodeId) -> Result<()> {
        let shape = self.builder.shape(coarsest);
        let mut pooled = vec![coarsest];
        for (scale, bins) in PYRAMID.into_iter().enumerate() {
            let pool = Operator::AdaptiveAveragePool { h: bins, w: bins };
            let x = self.builder.add(&format!("pool{bins}"), pool, &[coarsest])?;
            let x = self.rectified(&format!("ppm.{scale}.1"), 1, x)?;
            pooled.push(self.resized(&format!("pool{bins}.resized"), x, shape)?);
        }
        let all = self.builder.add("pyramid", Operator::Concat, &pooled)?;
        let x = self.rectified("conv_last.0", 3, all)?;
        self.scores(COLOR, "conv_last.4", x)
    }

    /// Scores of a category, behind a convolution of their own.
    fn head(&mut self, category: &str, x: NodeId) -> Result<()> {
        let x = self.rectified(&format!("{category}_head.0.0"), 3, x)?;
        self.scores(category, &format!("{category}_head.1"), x)
    }

    fn scores(&mut self, node: &str, stem: &str, x: NodeId) -> Result<()> {
        let stem = format!("decoder.{stem}");
        convolution_named(self.builder, self.shapes, node, &stem, Window::square(1, 1, 0), x).map(drop)
    }

    fn rectified(&mut self, stem: &str, kernel: u32, x: NodeId) -> Result<NodeId> {
        let window = Window::square(kernel, 1, kernel / 2);
        rectified(self.builder, self.shapes, &format!("decoder.{stem}"), window, x)
    }

    /// Brought to the size of `shape`; as it is where it has that size.
    fn resized(&mut self, name: &str, x: NodeId, Shape { h, w, .. }: Shape) -> Result<NodeId> {
        let own = self.builder.shape(x);
        if (own.h, own.w) == (h, w) {
            return Ok(x);
        }
        self.builder.add(name, Operator::Upsample { h, w, border: Border::Edge }, &[x])
    }
}

/// Classes that each kind of score has, by node, for the tensors at hand.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor that is missing.
pub fn classes(shapes: &HashMap<String, Vec<usize>>, node: &str) -> Result<usize> {
    let stem = if node == COLOR { "decoder.conv_last.4".to_owned() } else { format!("decoder.{node}_head.1") };
    let name = format!("{stem}.bias");
    shapes.get(&name).and_then(|dims| dims.first()).copied().ok_or_else(|| Error::input("tensor is missing").at(name))
}
