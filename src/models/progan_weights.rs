//! The tensors of Progressive GAN's generator, in the three layouts they are published in.

use super::lookalike;
use super::progan::{BLOCKS_MAX, output_name, side, weight_scale};
use crate::error::{Error, Result};
use crate::weights::import::{Assignment, Layout, TensorSpec, plain_name};
use crate::weights::{Archive, Tensor};

/// How a file names and orders its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// `layer1.conv.weight`, `layer1.wscale.b`, `output_256x256.conv.weight`.
    Layers,
    /// `features.0.conv.weight`, `features.0.wscale.b`, `output.conv.weight`.
    Features,
    /// The originals: `4x4/Dense/weight`, `8x8/Conv0_up/weight`, `ToRGB_lod0/weight`, axes in TensorFlow's order.
    TensorFlow,
}

/// One convolution in the file's layout.
struct ConvTensors {
    /// Stem of the canonical names.
    stem: String,
    weight: String,
    bias: String,
    /// Side of the window.
    kernel: usize,
    gain: f64,
    kind: Arrangement,
}

/// How the axes of a weight lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    /// `[out, in, h, w]`.
    Plain,
    /// `[in, out h w]`, spatial axes turned around.
    Dense,
    /// `[h, w, in, out]`.
    Convolution,
    /// `[h, w, out, in]`, spatial axes turned around: a transposed convolution.
    Transposed,
}

/// Matches the tensors of a weight file to a generator, of any resolution and widths, and brings them to one form:
/// `layerN.weight` `[out, in, h, w]` with the constant scale of [`weight_scale`] multiplied in, `layerN.bias`,
/// `output_RxR.weight`, `output_RxR.bias`.
///
/// The number of layers follows from the highest that is there, or from the output's name.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the path, listing all tensors that are missing, extra or of wrong sizes.
pub fn assign(archive: &Archive) -> Result<Assignment> {
    let tensors = archive.tensors();
    assign_tensors(tensors).map_err(|error| {
        let explained = lookalike::explain(error, tensors, "progan").at(archive.path().display());
        explained.hint("`netdissect weights inspect FILE` lists what the file holds")
    })
}

/// A tensor that every generator has, in each layout: what stands before it stands before all.
const ANCHORS: [&str; 3] = ["4x4/Dense/weight", "layer1.conv.weight", "features.0.conv.weight"];

/// The tensors of the generator with plain names, without the scope they share; and the names of those outside of it.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the file holds several generators.
fn unscoped(found: &[Tensor]) -> Result<(Vec<Tensor>, Vec<String>)> {
    let plain: Vec<String> = found.iter().map(|tensor| plain_name(tensor.name())).collect();
    let scope_of = |name: &'_ String| {
        let scope = ANCHORS.iter().find_map(|anchor| name.strip_suffix(anchor))?;
        (scope.is_empty() || scope.ends_with(['/', '.'])).then(|| scope.to_owned())
    };
    let mut scopes: Vec<String> = plain.iter().filter_map(scope_of).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.len() > 1 {
        let message = format!("the file holds {} generators: `{}`; needed one", scopes.len(), scopes.join("`, `"));
        return Err(
            Error::input(message).hint("save one alone; `Gs`, the average over training, is the one its authors show")
        );
    }
    let scope = scopes.pop().unwrap_or_default();
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (tensor, plain) in found.iter().zip(&plain) {
        match plain.strip_prefix(&scope) {
            Some(name) => inside.push(tensor.clone().renamed(name)),
            None => outside.push(tensor.name().to_owned()),
        }
    }
    Ok((inside, outside))
}

/// Rows and columns of the images and numbers of a latent, for messages.
pub fn describe(assignment: &Assignment) -> String {
    let first = assignment.tensors.first().and_then(|tensor| tensor.dims().get(1)).copied().unwrap_or(0);
    let output = assignment.tensors.last().map_or("", Tensor::name);
    let side = output.strip_prefix("output_").and_then(|name| name.split('.').next()).unwrap_or("?");
    format!("progan, {side} pixels from latents of {first}")
}

fn assign_tensors(found: &[Tensor]) -> Result<Assignment> {
    let (inside, outside) = unscoped(found)?;
    let found = inside.as_slice();
    let naming = naming(found);
    let places = places(found, naming)?;
    let mut assigned = layout(found, naming, &places).assign(found)?;
    assigned.dropped.extend(outside);
    check_unconditional(naming, &assigned.tensors)?;
    let mut tensors = Vec::new();
    for (place, pair) in places.iter().zip(assigned.tensors.chunks_exact(2)) {
        tensors.push(converted(place, &pair[0])?);
        tensors.push(pair[1].clone().renamed(format!("{}.bias", place.stem)));
    }
    assigned.tensors = tensors;
    Ok(assigned)
}

/// Refuses a first layer of the originals that takes more numbers than it makes channels: theirs take as many, and labels besides.
fn check_unconditional(naming: Naming, tensors: &[Tensor]) -> Result<()> {
    let [weight, bias, ..] = tensors else { return Ok(()) };
    match (weight.dims().first(), bias.dims().first()) {
        (Some(&inputs), Some(&channels)) if naming == Naming::TensorFlow && inputs > channels => {
            let labels = inputs - channels;
            let message = format!(
                "takes {inputs} numbers to make {channels} channels: {labels} of them are labels beside the latent"
            );
            Err(Error::input(message)
                .at(weight.name())
                .hint("a generator that is told a class cannot be dissected; needed one of latents alone"))
        }
        _ => Ok(()),
    }
}

fn naming(found: &[Tensor]) -> Naming {
    let any = |test: &dyn Fn(&str) -> bool| found.iter().any(|tensor| test(&plain_name(tensor.name())));
    if any(&|name| name.starts_with("ToRGB_lod") || name.ends_with("/Dense/weight") || name.ends_with("/Conv1/weight"))
    {
        Naming::TensorFlow
    } else if any(&|name| name.starts_with("features.")) {
        Naming::Features
    } else {
        Naming::Layers
    }
}

/// Every convolution in order, the output last.
fn places(found: &[Tensor], naming: Naming) -> Result<Vec<ConvTensors>> {
    let blocks = found.iter().filter_map(|tensor| blocks_of(&plain_name(tensor.name()), naming)).max();
    let blocks = blocks.map(|blocks| blocks.next_multiple_of(2)).filter(|&blocks| blocks <= BLOCKS_MAX);
    let Some(blocks) = blocks else {
        return Err(Error::input(
            "no tensor is called as in a Progressive GAN generator, such as `layer1.conv.weight`",
        ));
    };
    let gain = 2f64.sqrt();
    let mut places: Vec<ConvTensors> = (1..=blocks)
        .map(|block| {
            let kernel = if block == 1 { 4 } else { 3 };
            let place = |weight: String, bias: String, kind: Arrangement| ConvTensors {
                stem: format!("layer{block}"),
                weight,
                bias,
                kernel,
                gain,
                kind,
            };
            let torch =
                |stem: String| place(format!("{stem}.conv.weight"), format!("{stem}.wscale.b"), Arrangement::Plain);
            match naming {
                Naming::Layers => torch(format!("layer{block}")),
                Naming::Features => torch(format!("features.{}", block - 1)),
                Naming::TensorFlow => {
                    let r = side(block.next_multiple_of(2));
                    // Doubling and convolution are one operator or two, as the authors' `fused_scale` says.
                    let apart = format!("{r}x{r}/Conv0/weight");
                    let (part, kind) = match block {
                        1 => ("Dense", Arrangement::Dense),
                        2 => ("Conv", Arrangement::Convolution),
                        _ if block % 2 == 1 && found.iter().any(|tensor| tensor.name() == apart) => {
                            ("Conv0", Arrangement::Convolution)
                        }
                        _ if block % 2 == 1 => ("Conv0_up", Arrangement::Transposed),
                        _ => ("Conv1", Arrangement::Convolution),
                    };
                    place(format!("{r}x{r}/{part}/weight"), format!("{r}x{r}/{part}/bias"), kind)
                }
            }
        })
        .collect();
    let stem = output_name(side(blocks));
    let (weight, bias, kind) = match naming {
        Naming::Layers => (format!("{stem}.conv.weight"), format!("{stem}.wscale.b"), Arrangement::Plain),
        Naming::Features => ("output.conv.weight".to_owned(), "output.wscale.b".to_owned(), Arrangement::Plain),
        Naming::TensorFlow => ("ToRGB_lod0/weight".to_owned(), "ToRGB_lod0/bias".to_owned(), Arrangement::Convolution),
    };
    places.push(ConvTensors { stem, weight, bias, kernel: 1, gain: 1.0, kind });
    Ok(places)
}

/// The number of blocks that a tensor's name speaks of at least.
fn blocks_of(name: &str, naming: Naming) -> Option<u32> {
    let number = |text: &str| text.parse::<u32>().ok();
    let of_side = |text: &str| {
        let side = number(text.split('x').next()?)?;
        (side >= 4 && side.is_power_of_two()).then(|| 2 * (side.ilog2() - 1))
    };
    match naming {
        Naming::Layers => match name.strip_prefix("layer") {
            Some(rest) => number(rest.split('.').next()?).filter(|&block| block > 0),
            None => of_side(name.strip_prefix("output_")?),
        },
        Naming::Features => number(name.strip_prefix("features.")?.split('.').next()?)?.checked_add(1),
        Naming::TensorFlow => of_side(name.split_once('/')?.0),
    }
    .filter(|&block| block <= BLOCKS_MAX)
}

/// The tensors of the file's own layout, sizes read off the file: each bias says the channels that come out.
fn layout(found: &[Tensor], naming: Naming, places: &[ConvTensors]) -> Layout {
    let dims = |name: &str| found.iter().find(|tensor| plain_name(tensor.name()) == name).map(Tensor::dims);
    let mut inputs = places.first().and_then(|place| place.inputs(dims(&place.weight)?)).unwrap_or(512);
    let mut tensors = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let next = places.get(index + 1).and_then(|next| next.inputs(dims(&next.weight)?));
        let bias = dims(&place.bias).and_then(|dims| dims.first().copied());
        let last = index + 1 == places.len();
        let outputs = if last { 3 } else { bias.or(next).unwrap_or(inputs) };
        let sizes = place.sizes(inputs, outputs);
        tensors.push(TensorSpec { name: place.weight.clone(), dims: sizes, aliases: Vec::new() });
        tensors.push(TensorSpec { name: place.bias.clone(), dims: vec![outputs], aliases: Vec::new() });
        inputs = outputs;
    }
    // TensorFlow's originals keep what grew the network: coarser outputs, and how far it had grown.
    let grew = |name: &str| naming == Naming::TensorFlow && (name.starts_with("ToRGB_lod") || name.starts_with("lod"));
    let optional = found.iter().filter(|tensor| grew(tensor.name()) || !tensor.dtype().is_float());
    let dropped = optional.map(|tensor| tensor.name().to_owned()).collect();
    Layout { model: "a Progressive GAN generator".to_owned(), tensors, dropped }
}

impl ConvTensors {
    /// Sizes of the weight in the file.
    fn sizes(&self, inputs: usize, outputs: usize) -> Vec<usize> {
        let kernel = self.kernel;
        match self.kind {
            Arrangement::Plain => vec![outputs, inputs, kernel, kernel],
            Arrangement::Dense => vec![inputs, outputs.saturating_mul(kernel * kernel)],
            Arrangement::Convolution => vec![kernel, kernel, inputs, outputs],
            Arrangement::Transposed => vec![kernel, kernel, outputs, inputs],
        }
    }

    /// The channels that come in, of a weight of these sizes.
    fn inputs(&self, dims: &[usize]) -> Option<usize> {
        let axis = match self.kind {
            Arrangement::Plain => 1,
            Arrangement::Dense => 0,
            Arrangement::Convolution => 2,
            Arrangement::Transposed => 3,
        };
        dims.get(axis).copied().filter(|&size| size > 0)
    }
}

/// A weight as `[out, in, h, w]`, its scale multiplied in.
fn converted(place: &ConvTensors, tensor: &Tensor) -> Result<Tensor> {
    let (tensor, flipped) = match place.kind {
        Arrangement::Plain => (tensor.clone(), false),
        Arrangement::Convolution => (tensor.clone().permuted(&[3, 2, 0, 1])?, false),
        Arrangement::Transposed => (tensor.clone().permuted(&[2, 3, 0, 1])?, true),
        // A row holds all outputs of one input, [out, h, w]: with the rows last this is [out h w, in].
        Arrangement::Dense => (tensor.clone().permuted(&[1, 0])?, true),
    };
    let mut values = tensor.to_f32()?;
    let mut dims = tensor.dims().to_vec();
    let window = place.kernel * place.kernel;
    if place.kind == Arrangement::Dense {
        let (outputs, inputs) = (dims[0] / window, dims[1]);
        dims = vec![outputs, inputs, place.kernel, place.kernel];
        values = (0..outputs * inputs * window)
            .map(|at| values[(at / (inputs * window) * window + at % window) * inputs + at / window % inputs])
            .collect();
    }
    if flipped {
        // Both axes turned around are the whole window backwards.
        values.chunks_exact_mut(window).for_each(<[f32]>::reverse);
    }
    let scale = weight_scale(place.gain, place.kernel, dims[1]);
    #[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
    values.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
    Tensor::from_values(format!("{}.weight", place.stem), dims, &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tensor whose elements tell their place.
    fn tensor(name: &str, dims: &[usize]) -> Tensor {
        let values: Vec<f32> = (0..dims.iter().product()).map(|i: usize| i as f32).collect();
        Tensor::from_values(name, dims.to_vec(), &values).unwrap()
    }

    fn current(widths: &[usize]) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        let mut inputs = widths[0];
        for (index, &width) in widths[1..].iter().enumerate() {
            let kernel = if index == 0 { 4 } else { 3 };
            tensors.push(tensor(&format!("layer{}.conv.weight", index + 1), &[width, inputs, kernel, kernel]));
            tensors.push(tensor(&format!("layer{}.wscale.b", index + 1), &[width]));
            inputs = width;
        }
        let output = output_name(side(widths.len() as u32 - 1));
        tensors.push(tensor(&format!("{output}.conv.weight"), &[3, inputs, 1, 1]));
        tensors.push(tensor(&format!("{output}.wscale.b"), &[3]));
        tensors
    }

    #[test]
    fn a_file_is_brought_to_canonical_names_with_scaled_weights_and_plain_biases() {
        let assigned = assign_tensors(&current(&[2, 8, 8, 4, 4])).unwrap();
        let names: Vec<&str> = assigned.tensors.iter().map(Tensor::name).collect();
        assert_eq!(names.len(), 10);
        assert_eq!([names[0], names[1], names[9]], ["layer1.weight", "layer1.bias", "output_8x8.bias"]);
        // sqrt(2) / 4 / sqrt(2) = 1/4 exactly.
        let [weight, bias] = [0, 1].map(|index: usize| assigned.tensors[index].to_f32().unwrap());
        assert_eq!((weight[5], bias[5]), (1.25, 5.0));
        assert_eq!(describe(&assigned), "progan, 8x8 pixels from latents of 2");
    }

    #[test]
    fn missing_layers_are_named_wherever_they_are() {
        for gone in [
            "layer1.conv.weight",
            "layer2.wscale.b",
            "layer3.conv.weight",
            "layer4.conv.weight",
            "output_8x8.conv.weight",
        ] {
            let mut tensors = current(&[5, 8, 8, 4, 4]);
            tensors.retain(|tensor| tensor.name() != gone);
            let error = assign_tensors(&tensors).unwrap_err().to_string();
            assert!(
                error.starts_with("1 tensors do not fit") && error.contains(&format!("missing `{gone}`")),
                "{error}"
            );
        }
        let mut tensors = current(&[5, 8, 8, 4, 4]);
        tensors.retain(|tensor| !tensor.name().starts_with("layer4."));
        let error = assign_tensors(&tensors).unwrap_err().to_string();
        assert!(
            error.contains("missing `layer4.conv.weight` [4, 4, 3, 3]") && error.contains("`layer4.wscale.b` [4]"),
            "{error}"
        );
        assert!(
            assign_tensors(&[tensor("fc.weight", &[2, 2])]).unwrap_err().to_string().contains("layer1.conv.weight")
        );
        assert!(assign_tensors(&[tensor("layer4294967295.conv.weight", &[2])]).is_err());
    }

    /// The originals, of 8x8 pixels; doubling apart from the convolution if `apart`.
    fn original(scope: &str, latent: usize, apart: bool) -> Vec<Tensor> {
        let conv0 = if apart { "Conv0" } else { "Conv0_up" };
        let sizes: [(&str, &[usize]); 10] = [
            ("4x4/Dense/weight", &[latent, 64]),
            ("4x4/Dense/bias", &[4]),
            ("4x4/Conv/weight", &[3, 3, 4, 4]),
            ("4x4/Conv/bias", &[4]),
            ("8x8/X/weight", if apart { &[3, 3, 4, 2] } else { &[3, 3, 2, 4] }),
            ("8x8/X/bias", &[2]),
            ("8x8/Conv1/weight", &[3, 3, 2, 2]),
            ("8x8/Conv1/bias", &[2]),
            ("ToRGB_lod0/weight", &[1, 1, 2, 3]),
            ("ToRGB_lod0/bias", &[3]),
        ];
        sizes.map(|(name, dims)| tensor(&format!("{scope}{}", name.replace('X', conv0)), dims)).to_vec()
    }

    #[test]
    fn scopes_are_taken_off_and_what_is_outside_is_left_out() {
        let mut tensors = original("Gs/", 4, false);
        tensors = tensors
            .into_iter()
            .map(|tensor| {
                let name = format!("{}:0", tensor.name());
                tensor.renamed(name)
            })
            .collect();
        tensors.push(tensor("D/8x8/Conv0/weight:0", &[3, 3, 2, 2]));
        let assigned = assign_tensors(&tensors).unwrap();
        assert_eq!(assigned.dropped, ["D/8x8/Conv0/weight:0"]);
        let bare = assign_tensors(&original("", 4, false)).unwrap();
        for (scoped, bare) in assigned.tensors.iter().zip(&bare.tensors) {
            assert_eq!((scoped.name(), scoped.to_f32().unwrap()), (bare.name(), bare.to_f32().unwrap()));
        }
        let both = [original("Gs/", 4, false), original("G/", 4, false)].concat();
        let error = assign_tensors(&both).unwrap_err().to_string();
        assert_eq!(error, "the file holds 2 generators: `G/`, `Gs/`; needed one");
        let torch: Vec<Tensor> = current(&[2, 8, 8, 4, 4])
            .into_iter()
            .map(|tensor| {
                let name = format!("generator.{}", tensor.name());
                tensor.renamed(name)
            })
            .collect();
        assert_eq!(assign_tensors(&torch).unwrap().tensors.len(), 10);
    }

    #[test]
    fn a_convolution_apart_from_its_doubling_is_not_turned_around() {
        let [apart, fused] = [true, false].map(|apart| assign_tensors(&original("", 4, apart)).unwrap());
        assert_eq!(apart.tensors[4].name(), "layer3.weight");
        assert_eq!((apart.tensors[4].dims(), fused.tensors[4].dims()), (&[2, 4, 3, 3][..], &[2, 4, 3, 3][..]));
        let scale = weight_scale(2f64.sqrt(), 3, 4);
        // [h, w, in, out]: element (i, j, k, o) is 8 (3 i + j) + 2 k + o.
        let wanted = |at: usize| (scale * (8 * at) as f64) as f32;
        assert_eq!(apart.tensors[4].to_f32().unwrap()[..3], [wanted(0), wanted(1), wanted(2)]);
    }

    #[test]
    fn a_generator_that_is_told_a_class_is_refused() {
        let error = assign_tensors(&original("", 9, false)).unwrap_err().to_string();
        assert!(error.contains("takes 9 numbers to make 4 channels: 5 of them are labels"), "{error}");
    }

    #[test]
    fn weights_of_tensorflow_change_their_axes_and_two_kinds_are_turned_around() {
        let place = |kind, kernel| ConvTensors {
            stem: "x".into(),
            weight: String::new(),
            bias: String::new(),
            kernel,
            gain: kernel as f64, // with one channel in the scale is 1
            kind,
        };
        // [h, w, out, in] = [3, 3, 2, 1]: element (i, j, k) is 2 (3 i + j) + k.
        let transposed = converted(&place(Arrangement::Transposed, 3), &tensor("t", &[3, 3, 2, 1])).unwrap();
        assert_eq!(transposed.dims(), [2, 1, 3, 3]);
        assert_eq!(transposed.to_f32().unwrap()[..3], [16.0, 14.0, 12.0]);
        // [h, w, in, out] = [3, 3, 1, 2]: the same numbers, not turned.
        let plain = converted(&place(Arrangement::Convolution, 3), &tensor("t", &[3, 3, 1, 2])).unwrap();
        assert_eq!(plain.to_f32().unwrap()[9..12], [1.0, 3.0, 5.0]);
        // [in, out h w] = [1, 32]: output 1 starts at 16.
        let dense = converted(&place(Arrangement::Dense, 4), &tensor("t", &[1, 32])).unwrap();
        assert_eq!((dense.dims(), &dense.to_f32().unwrap()[16..18]), (&[2, 1, 4, 4][..], &[31.0, 30.0][..]));
    }
}
