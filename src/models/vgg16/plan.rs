//! Which layers of a file become which of VGG-16, and what sizes they must have.

use std::collections::HashMap;

use super::axes::channels_outermost;
use super::batch_norm::{self, BatchNorm};
use super::found::{FoundLayer, Part, default_name};
use super::head::{self, map_side};
use super::layers::{COUNT, PUBLISHED_CHANNELS, PUBLISHED_OUTPUTS, Place};
use super::naming;
use crate::error::{Error, Result};
use crate::weights::Tensor;
use crate::weights::import::TensorSpec;

/// Side of the map that the published network's first fully connected layer sees.
const PUBLISHED_SIDE: usize = 7;

/// All layers that are written, in order.
pub(super) struct Plan<'a> {
    layers: Vec<Planned<'a>>,
    /// What the user should know.
    pub(super) notes: Vec<String>,
    /// Side of the map that the file's head sees, be it written or not.
    pub(super) side: Option<usize>,
}

/// A layer that is written, and what it is made of.
struct Planned<'a> {
    /// Canonical name.
    name: String,
    /// Its name in the file.
    found_name: String,
    /// As in the file, if it is there.
    found: Option<&'a FoundLayer<'a>>,
    norm: Option<&'a FoundLayer<'a>>,
    /// Whether zeros stand in for a bias that the file does not have.
    bias_optional: bool,
}

impl<'a> Plan<'a> {
    /// Finds the layers; `ordered` says that the file keeps its tensors in the order of the network.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if that leaves no answer, or more than one.
    pub(super) fn of(layers: &'a [FoundLayer<'a>], body: bool, ordered: bool) -> Result<Plan<'a>> {
        let by_name: HashMap<&str, &FoundLayer<'_>> = layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
        let find = |name: &str| by_name.get(name).copied();
        let convolutions = naming::convolutions(layers, ordered)?;
        let mut notes: Vec<String> = convolutions.note.into_iter().collect();
        let norms = batch_norm::behind(layers, &convolutions.names)?;
        let no_bias =
            |names: &[String]| names.iter().filter_map(|name| find(name)).all(|layer| layer.part(Part::Bias).is_none());
        let biasless = no_bias(&convolutions.names);
        if biasless && norms.is_none() {
            notes.push("the convolutions have no biases: zeros are written".to_owned());
        }
        let planned = |(place, found_name): (Place, String)| Planned {
            name: format!("features.{}", place.name()),
            found: find(&found_name),
            norm: norms.as_ref().and_then(|names| find(&names[place.index])),
            bias_optional: biasless || norms.is_some(),
            found_name,
        };
        let mut plan = Plan { layers: Place::all().zip(convolutions.names).map(planned).collect(), notes, side: None };
        let channels = plan.channels(COUNT - 1);
        let head = head::head(layers, channels);
        let first = head.as_ref().ok().and_then(|head| find(head.names.first()?)).and_then(FoundLayer::linear);
        plan.side = first.and_then(|(_, inputs)| map_side(inputs, channels));
        if !body {
            let head = head?;
            let biasless = no_bias(&head.names) && head.names.iter().any(|name| find(name).is_some());
            let planned = |(name, found_name): (&&str, String)| {
                let norm = batch_norm::at_next_position(layers, &found_name).and_then(find);
                let (name, found) = (format!("classifier.{name}"), find(&found_name));
                Planned { name, found, norm, bias_optional: biasless || norm.is_some(), found_name }
            };
            plan.notes.extend(head.note);
            plan.layers.extend(head::canonical(head.names.len()).iter().zip(head.names).map(planned));
        }
        if let Some(norm) = plan.layers.iter().find_map(|layer| layer.norm) {
            let epsilon = batch_norm::epsilon_note(norm);
            plan.notes.push(format!("batch normalisation is folded into the layers before it ({epsilon})"));
        }
        Ok(plan)
    }

    /// Names of the convolutions in the file.
    pub(super) fn found_names(&self) -> impl Iterator<Item = &str> {
        self.layers[..COUNT].iter().map(|layer| layer.found_name.as_str())
    }

    /// Channels of a convolution, counted from zero.
    fn channels(&self, index: usize) -> usize {
        let next = self.layers[..COUNT].get(index + 1).and_then(|next| next.size(1));
        let group = Place::all().nth(index).map_or(1, |place| place.group);
        self.layers[index].outputs(next).unwrap_or(PUBLISHED_CHANNELS[group - 1])
    }

    /// The tensors that are needed, under the names of the file.
    pub(super) fn specs(&self) -> Vec<TensorSpec> {
        let mut specs = Vec::new();
        let mut inputs = 3;
        for index in 0..COUNT {
            let outputs = self.channels(index);
            specs.extend(self.layers[index].specs(vec![outputs, inputs, 3, 3]));
            inputs = outputs;
        }
        let head = &self.layers[COUNT..];
        let mut side = self.side.unwrap_or(PUBLISHED_SIDE);
        for (index, layer) in head.iter().enumerate() {
            let published = PUBLISHED_OUTPUTS[PUBLISHED_OUTPUTS.len() - head.len() + index];
            let outputs = layer.outputs(head.get(index + 1).and_then(Planned::inputs)).unwrap_or(published);
            let is_window = layer.found.is_some_and(|found| found.sizes().len() == 4);
            let matrix = vec![outputs, inputs.saturating_mul(side * side)];
            specs.extend(layer.specs(if is_window { vec![outputs, inputs, side, side] } else { matrix }));
            (inputs, side) = (outputs, 1);
        }
        specs
    }

    /// The tensors as they are written, once their sizes are checked: normalisations folded in, missing biases zeros, windows as
    /// large as their map as matrices. `channels_last` says that the file's matrices see maps position by position.
    ///
    /// # Errors
    /// As [`BatchNorm::fold`].
    pub(super) fn written(&self, channels_last: bool) -> Result<Vec<Tensor>> {
        let mut tensors = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let missing = || Error::internal("a layer that was checked is not there").at(&layer.name);
            let mut weight = layer.part(Part::Weight).ok_or_else(missing)?.clone();
            let was_matrix = weight.dims().len() == 2;
            if index >= COUNT {
                weight = weight.as_matrix()?;
            }
            if index == COUNT && channels_last && was_matrix && self.side > Some(1) {
                weight = channels_outermost(&weight, self.channels(COUNT - 1))?;
            }
            let bias = layer.part(Part::Bias);
            let folded = layer.norm.and_then(BatchNorm::of).map(|norm| norm.fold(&weight, bias)).transpose()?;
            let outputs = weight.dims().first().copied().unwrap_or(0);
            let (weight, bias) = match (folded, bias) {
                (Some((weight, bias)), _) => (weight, Tensor::from_values("", vec![outputs], &bias)?),
                (None, Some(bias)) => (weight, bias.clone()),
                (None, None) => (weight, Tensor::from_values("", vec![outputs], &vec![0.0; outputs])?),
            };
            tensors.push(weight.renamed(format!("{}.weight", layer.name)));
            tensors.push(bias.renamed(format!("{}.bias", layer.name)));
        }
        Ok(tensors)
    }
}

impl<'a> Planned<'a> {
    fn part(&self, part: Part) -> Option<&'a Tensor> {
        self.found.and_then(|layer| layer.part(part))
    }

    fn part_name(&self, part: Part) -> String {
        self.found.map_or_else(|| default_name(&self.found_name, part), |layer| layer.part_name(part))
    }

    /// One size of the weight.
    fn size(&self, axis: usize) -> Option<usize> {
        self.part(Part::Weight)?.dims().get(axis).copied().filter(|&size| size > 0)
    }

    /// Numbers that a fully connected layer sees.
    fn inputs(&self) -> Option<usize> {
        self.found.and_then(FoundLayer::linear).map(|(_, inputs)| inputs)
    }

    /// Outputs of the layer. Weight, bias and the next layer each tell them; where they disagree two outvote the third,
    /// so that one wrong tensor gives one complaint and not a chain of them.
    fn outputs(&self, inputs_of_next: Option<usize>) -> Option<usize> {
        let bias = self.part(Part::Bias).and_then(|bias| bias.dims().first().copied()).filter(|&size| size > 0);
        let votes: Vec<usize> = [bias, self.size(0), inputs_of_next].into_iter().flatten().collect();
        let elected = votes.iter().enumerate().find(|(index, vote)| votes[index + 1..].contains(vote));
        elected.map(|(_, vote)| vote).or(votes.first()).copied()
    }

    /// The layer's tensors, the weight of these sizes.
    fn specs(&self, dims: Vec<usize>) -> Vec<TensorSpec> {
        let outputs = dims[0];
        let mut specs = Vec::new();
        let mut add = |name: String, dims: Vec<usize>| specs.push(TensorSpec { name, dims, aliases: Vec::new() });
        add(self.part_name(Part::Weight), dims);
        if self.part(Part::Bias).is_some() || !self.bias_optional {
            add(self.part_name(Part::Bias), vec![outputs]);
        }
        for part in [Part::Weight, Part::Bias, Part::Mean, Part::Variance] {
            if let Some(norm) = self.norm.filter(|norm| norm.part(part).is_some()) {
                add(norm.part_name(part), vec![outputs]);
            }
        }
        specs
    }
}
