//! A file's tensors, gathered into layers by their names.

use std::collections::HashMap;

use crate::weights::Tensor;
use crate::weights::import::plain_name;

/// What a tensor is to its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Weight,
    Bias,
    Mean,
    Variance,
}

/// The words for the parts, behind a dot, a slash or an underscore: PyTorch's, Keras's, TensorFlow's, and short ones.
const WORDS: [(&str, Part); 14] = [
    ("weight", Part::Weight),
    ("weights", Part::Weight),
    ("kernel", Part::Weight),
    ("gamma", Part::Weight),
    ("W", Part::Weight),
    ("bias", Part::Bias),
    ("biases", Part::Bias),
    ("beta", Part::Bias),
    ("b", Part::Bias),
    ("running_mean", Part::Mean),
    ("moving_mean", Part::Mean),
    ("running_var", Part::Variance),
    ("moving_var", Part::Variance),
    ("moving_variance", Part::Variance),
];

/// Tensors whose names differ in the last word only.
#[derive(Debug, Clone)]
pub(super) struct FoundLayer<'a> {
    /// What the names share, without what programs wrap around a network.
    pub(super) name: String,
    parts: HashMap<Part, &'a Tensor>,
}

impl<'a> FoundLayer<'a> {
    /// The tensor that is this part, if it is there.
    pub(super) fn part(&self, part: Part) -> Option<&'a Tensor> {
        self.parts.get(&part).copied()
    }

    /// Sizes of the weight; none if there is no weight.
    pub(super) fn sizes(&self) -> &'a [usize] {
        self.part(Part::Weight).map_or(&[], Tensor::dims)
    }

    /// The plain name of a part: as in the file, or as PyTorch would call it.
    pub(super) fn part_name(&self, part: Part) -> String {
        match self.part(part) {
            Some(tensor) => plain_name(tensor.name()),
            None => default_name(&self.name, part),
        }
    }

    /// Whether it is a batch normalisation.
    pub(super) fn is_norm(&self) -> bool {
        self.part(Part::Mean).is_some() && self.part(Part::Variance).is_some()
    }

    /// Whether it is a convolution of 3x3, `[out, in, 3, 3]`.
    pub(super) fn is_convolution(&self) -> bool {
        matches!(self.sizes(), [_, _, 3, 3])
    }

    /// Outputs and inputs if it sees all of a map at once: a matrix, or a convolution with a window as large as the map.
    pub(super) fn linear(&self) -> Option<(usize, usize)> {
        match *self.sizes() {
            [outputs, inputs] => Some((outputs, inputs)),
            [outputs, channels, h, w] if h == w && h != 3 => Some((outputs, channels * h * w)),
            _ => None,
        }
    }
}

/// What PyTorch would call a part of a layer.
pub(super) fn default_name(layer: &str, part: Part) -> String {
    let word = match part {
        Part::Weight => "weight",
        Part::Bias => "bias",
        Part::Mean => "running_mean",
        Part::Variance => "running_var",
    };
    format!("{layer}.{word}")
}

/// The layers of a file, in the order of their first tensors; tensors that are no part of any are left out.
pub(super) fn layers(tensors: &[Tensor]) -> Vec<FoundLayer<'_>> {
    let mut layers: Vec<FoundLayer<'_>> = Vec::new();
    let mut by_name: HashMap<String, usize> = HashMap::new();
    for tensor in tensors {
        let plain = plain_name(tensor.name());
        let Some((name, part)) = split(&plain) else { continue };
        let index = *by_name.entry(name.to_owned()).or_insert_with(|| {
            layers.push(FoundLayer { name: name.to_owned(), parts: HashMap::new() });
            layers.len() - 1
        });
        layers[index].parts.entry(part).or_insert(tensor);
    }
    layers
}

/// A name as that of its layer and its part in it.
fn split(name: &str) -> Option<(&str, Part)> {
    let split = |&(word, part): &(&str, Part)| {
        let rest = name.strip_suffix(word)?;
        match rest.char_indices().next_back() {
            None => Some((rest, part)),
            Some((at, '.' | '/' | '_')) => Some((&rest[..at], part)),
            Some(_) => None,
        }
    };
    WORDS.iter().find_map(split)
}

/// The key that puts names into the order in which people count: `conv2` before `conv10`.
pub(super) fn counting_order(name: &str) -> Vec<(String, u64)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, numbers) = rest.split_at(digits);
        let end = numbers.find(|c: char| !c.is_ascii_digit()).unwrap_or(numbers.len());
        let number = numbers[..end].parse().unwrap_or(if end == 0 { 0 } else { u64::MAX });
        key.push((text.to_owned(), number));
        rest = &numbers[end..];
    }
    key
}

/// A name with each number as `#`: layers of one kind share it.
pub(super) fn pattern(name: &str) -> String {
    let mut pattern = String::new();
    for c in name.chars() {
        match c.is_ascii_digit() {
            true if pattern.ends_with('#') => {}
            true => pattern.push('#'),
            false => pattern.push(c),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_their_last_word_whoever_wrote_them() {
        for (name, layer, part) in [
            ("features.0.weight", "features.0", Part::Weight),
            ("vgg_16/conv1/conv1_1/biases", "vgg_16/conv1/conv1_1", Part::Bias),
            ("conv1_1_W", "conv1_1", Part::Weight),
            ("vgg0_batchnorm0_running_mean", "vgg0_batchnorm0", Part::Mean),
            ("bn/moving_variance", "bn", Part::Variance),
            ("weight", "", Part::Weight),
        ] {
            assert_eq!(split(name), Some((layer, part)), "{name}");
        }
        assert_eq!(split("features.1.num_batches_tracked"), None);
        assert_eq!(split("topweight"), None, "a word stands by itself");
    }

    #[test]
    fn people_count_two_before_ten() {
        let mut names = ["features.10", "features.2", "features.0", "conv1_10", "conv1_9"];
        names.sort_by_key(|name| counting_order(name));
        assert_eq!(names, ["conv1_9", "conv1_10", "features.0", "features.2", "features.10"]);
        assert_eq!(pattern("vgg_16/conv12"), "vgg_#/conv#");
    }
}
