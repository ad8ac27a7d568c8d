//! The tensors of the segmenters as they are published: an encoder's and a decoder's file, batch normalisation apart.

use std::collections::{HashMap, HashSet};

use super::resnet::STAGES;
use super::segmenter::{self, Normalisation, Segmenter};
use crate::error::{Error, Result};
use crate::weights::import::{Assignment, plain_name, refusal};
use crate::weights::{Archive, Tensor};

/// Added to a variance before its root is taken, as in the networks' training.
const EPSILON: f64 = 1e-5;

/// A convolution in a published file.
struct NormedConv {
    /// Its name there.
    stem: String,
    /// Name of the batch normalisation behind it; a convolution without has a bias.
    norm: Option<String>,
}

impl NormedConv {
    fn new(stem: impl Into<String>, norm: impl Into<String>) -> NormedConv {
        NormedConv { stem: stem.into(), norm: Some(norm.into()) }
    }

    fn biased(stem: &str) -> NormedConv {
        NormedConv { stem: stem.to_owned(), norm: None }
    }
}

/// A published file: its tensors by name, `module` components left out, and those that were wanted.
struct PublishedFile<'a> {
    /// What it is called in the names that are written.
    name: &'static str,
    tensors: HashMap<String, &'a Tensor>,
    wanted: HashSet<String>,
    complaints: Vec<String>,
}

/// Matches encoder and decoder to a segmenter and brings them to one form: `normalise.weight`, which turns red, green and blue from -1 to 1
/// into what the encoder wants, then `encoder.STEM.weight`, `encoder.STEM.bias`, `decoder.STEM.weight` ... by the published names,
/// batch normalisation folded in. Depth and widths are read from the files. What a segmenter does not need is left out: counters and
/// other buffers of the training, scene scores, auxiliary scores.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the path, listing all tensors of a file that are missing or of wrong sizes.
pub(crate) fn assign(
    segmenter: Segmenter,
    normalisation: &Normalisation,
    encoder: &Archive,
    decoder: &Archive,
) -> Result<Assignment> {
    let files = [("encoder", encoder), ("decoder", decoder)];
    let mut assignment = Assignment { tensors: input(normalisation)?, ..Assignment::default() };
    for (name, archive) in files {
        let by_name = archive.tensors().iter().map(|tensor| (plain_name(tensor.name()), tensor)).collect();
        let mut part = PublishedFile { name, tensors: by_name, wanted: HashSet::new(), complaints: Vec::new() };
        let places = if name == "encoder" { encoder_places(&part) } else { decoder_places(segmenter) };
        let folded = places.iter().map(|place| part.folded(place)).collect::<Result<Vec<_>>>();
        let folded = folded.map_err(|error| error.at(archive.path().display()))?;
        if !part.complaints.is_empty() {
            let error = refusal(&format!("the {name} of {}", segmenter.name()), &part.complaints);
            return Err(advise(error, name, &part).at(archive.path().display()));
        }
        assignment.tensors.extend(folded.into_iter().flatten().flatten());
        assignment.dropped.extend(part.left_over(archive));
    }
    segmenter::build(segmenter, &assignment.shapes(), 64, (64, 64)).map_err(|error| {
        let of = if error.to_string().starts_with("encoder.") { encoder } else { decoder };
        error.at(of.path().display()).hint("are encoder and decoder of one model, and the model the one that is named?")
    })?;
    Ok(assignment)
}

/// Classes, for messages.
pub(crate) fn describe(segmenter: Segmenter, assignment: &Assignment) -> String {
    let classes = |stem: &str| {
        let name = format!("decoder.{stem}.bias");
        assignment.tensors.iter().find(|tensor| tensor.name() == name).map_or(0, Tensor::count)
    };
    match segmenter {
        Segmenter::Upernet => {
            let [object, part, material] =
                ["object", "part", "material"].map(|head| classes(&format!("{head}_head.1")));
            format!("{}, {object} objects, {part} parts, {material} materials", segmenter.name())
        }
        Segmenter::Colors => format!("{}, {} colours", segmenter.name(), classes("conv_last.4")),
    }
}

/// The convolution of one position that turns red, green and blue from -1 to 1 into what the encoder was trained on.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
fn input(normalisation: &Normalisation) -> Result<Vec<Tensor>> {
    let (mut weight, mut bias) = ([0.0; 9], [0.0; 3]);
    for channel in 0..3 {
        let from = if normalisation.bgr { 2 - channel } else { channel };
        let (mean, deviation) = (normalisation.mean[channel], normalisation.deviation[channel]);
        weight[channel * 3 + from] = (0.5 / deviation) as f32;
        bias[channel] = ((0.5 - mean) / deviation) as f32;
    }
    let weight = Tensor::from_values("normalise.weight", vec![3, 3, 1, 1], &weight)?;
    Ok(vec![weight, Tensor::from_values("normalise.bias", vec![3], &bias)?])
}

/// The convolutions of a ResNet with a deep stem, as many as the file's names speak of.
fn encoder_places(part: &PublishedFile<'_>) -> Vec<NormedConv> {
    let mut places: Vec<NormedConv> = (1..=3).map(|n| NormedConv::new(format!("conv{n}"), format!("bn{n}"))).collect();
    let bottleneck = part.tensors.keys().any(|name| name.starts_with("layer") && name.ends_with(".conv3.weight"));
    let outputs = |stem: &str| part.tensors.get(&format!("{stem}.weight")).and_then(|t| t.dims().first().copied());
    for stage in 1..=STAGES {
        let number = |name: &String| {
            name.strip_prefix(&format!("layer{stage}."))?.split('.').next()?.parse::<u32>().ok().filter(|&n| n < 1000)
        };
        let last = part.tensors.keys().filter_map(number).max().unwrap_or(0);
        for block in 0..=last {
            let name = |part: &str| format!("layer{stage}.{block}.{part}");
            let convolutions = if bottleneck { 3 } else { 2 };
            places.extend(
                (1..=convolutions).map(|n| NormedConv::new(name(&format!("conv{n}")), name(&format!("bn{n}")))),
            );
            let widens = outputs(&name(&format!("conv{convolutions}"))) != outputs("conv3");
            if block == 0 && (stage > 1 || widens) {
                places.push(NormedConv::new(name("downsample.0"), name("downsample.1")));
            }
        }
    }
    places
}

fn decoder_places(segmenter: Segmenter) -> Vec<NormedConv> {
    let pair = |stem: &str| NormedConv::new(format!("{stem}.0"), format!("{stem}.1"));
    match segmenter {
        Segmenter::Upernet => {
            let mut places: Vec<NormedConv> = (0..4).map(|scale| pair(&format!("ppm_conv.{scale}"))).collect();
            places.push(pair("ppm_last_conv"));
            places.extend((0..3).map(|level| pair(&format!("fpn_in.{level}"))));
            places.extend((0..3).map(|level| pair(&format!("fpn_out.{level}.0"))));
            places.push(pair("conv_fusion"));
            for category in [segmenter::OBJECT, segmenter::PART, segmenter::MATERIAL] {
                places.push(pair(&format!("{category}_head.0")));
                places.push(NormedConv::biased(&format!("{category}_head.1")));
            }
            places
        }
        Segmenter::Colors => {
            let mut places: Vec<NormedConv> =
                (0..4).map(|scale| NormedConv::new(format!("ppm.{scale}.1"), format!("ppm.{scale}.2"))).collect();
            places.push(pair("conv_last"));
            places.push(NormedConv::biased("conv_last.4"));
            places
        }
    }
}

impl<'a> PublishedFile<'a> {
    /// A tensor of the file, noted as wanted; a complaint if it is missing or not of these sizes.
    fn take(&mut self, name: &str, fits: impl Fn(&[usize]) -> bool, needed: &str) -> Option<&'a Tensor> {
        self.wanted.insert(name.to_owned());
        let found = self.tensors.get(name).copied();
        match found {
            None => self.complaints.push(format!("missing `{name}` {needed}")),
            Some(tensor) if !fits(tensor.dims()) => {
                self.complaints.push(format!("`{name}` is {:?}; needed {needed}", tensor.dims()));
            }
            Some(tensor) => return Some(tensor),
        }
        None
    }

    /// Weight and bias of a convolution, with the batch normalisation behind it:
    /// `w' = w gain / sqrt(variance + 1e-5)`, `b' = shift - mean gain / sqrt(variance + 1e-5)`.
    fn folded(&mut self, place: &NormedConv) -> Result<Option<[Tensor; 2]>> {
        let square = |dims: &[usize]| dims.len() == 4 && dims[2] == dims[3] && !dims.contains(&0);
        let weight = self.take(&format!("{}.weight", place.stem), square, "[out, in, side, side]");
        let outputs = weight.map_or(0, |weight| weight.dims()[0]);
        let mut vector = |name: String| {
            let fits = |dims: &[usize]| dims.len() == 1 && (outputs == 0 || dims[0] == outputs);
            let needed = if outputs == 0 { "[out]".to_owned() } else { format!("[{outputs}]") };
            self.take(&name, fits, &needed)
        };
        let (gain_and_so_on, bias) = match &place.norm {
            Some(norm) => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                (Some(parts.map(|part| vector(format!("{norm}.{part}")))), None)
            }
            None => (None, vector(format!("{}.bias", place.stem))),
        };
        let Some(weight) = weight else { return Ok(None) };
        let stem = format!("{}.{}", self.name, place.stem);
        let named = |dims: &[usize], part: &str, values: &[f32]| {
            Tensor::from_values(format!("{stem}.{part}"), dims.to_vec(), values)
        };
        match (gain_and_so_on, bias) {
            (Some([Some(gain), Some(shift), Some(mean), Some(variance)]), _) => {
                let [gain, shift, mean, variance] =
                    [gain.values()?, shift.values()?, mean.values()?, variance.values()?];
                if let Some(at) = variance.iter().position(|&variance| variance < 0.0) {
                    let message = format!("variance {} of channel {at} is negative", variance[at]);
                    return Err(Error::input(message).at(place.norm.as_deref().unwrap_or_default()));
                }
                let scale = |k: usize| f64::from(gain[k]) / (f64::from(variance[k]) + EPSILON).sqrt();
                let mut values = weight.values()?.into_owned();
                let taps = values.len() / outputs;
                #[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
                for (k, channel) in values.chunks_exact_mut(taps).enumerate() {
                    channel.iter_mut().for_each(|value| *value = (f64::from(*value) * scale(k)) as f32);
                }
                #[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
                let bias: Vec<f32> =
                    (0..outputs).map(|k| (f64::from(shift[k]) - f64::from(mean[k]) * scale(k)) as f32).collect();
                Ok(Some([named(weight.dims(), "weight", &values)?, named(&[outputs], "bias", &bias)?]))
            }
            (None, Some(bias)) => Ok(Some([
                weight.clone().renamed(format!("{stem}.weight")),
                bias.clone().renamed(format!("{stem}.bias")),
            ])),
            _ => Ok(None),
        }
    }

    /// Names of the tensors that nobody wanted, in file order.
    fn left_over(&self, archive: &Archive) -> Vec<String> {
        let names = archive.tensors().iter().map(Tensor::name);
        names.filter(|name| !self.wanted.contains(&plain_name(name))).map(str::to_owned).collect()
    }
}

/// The most likely reason why a file does not fit.
fn advise(error: Error, name: &str, part: &PublishedFile<'_>) -> Error {
    let any = |prefix: &str| part.tensors.keys().any(|found| found.starts_with(prefix));
    if name == "encoder" && (any("ppm") || any("conv_last")) || name == "decoder" && any("layer1.") {
        error.hint("encoder and decoder look exchanged; the order is ENCODER DECODER labels.json")
    } else {
        error.hint("`netdissect weights inspect FILE` lists what the file holds")
    }
}
