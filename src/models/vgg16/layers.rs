//! The layers of VGG-16 as it was published, and the names that other programs give them.

/// Convolutions of the five groups; a pooling follows each.
pub(super) const GROUPS: [usize; 5] = [2, 2, 3, 3, 3];

/// Rows and columns of the image for each of the last map: five poolings halve it.
pub const REDUCTION: u32 = 32;

/// Convolutions in all.
pub(super) const COUNT: usize = 13;

/// The fully connected layers in order. A head of one layer is the last; one of two has no `fc7`.
pub const LINEAR: [&str; 3] = ["fc6", "fc7", "fc8a"];

/// What other programs call the fully connected layers and their ReLUs.
pub(super) const LINEAR_ALIASES: [(&str, &str); 8] = [
    ("fc6", "relu6"),
    ("fc6", "classifier.0"),
    ("fc6", "classifier.1"),
    ("fc7", "relu7"),
    ("fc7", "classifier.3"),
    ("fc7", "classifier.4"),
    ("fc8a", "fc8"),
    ("fc8a", "classifier.6"),
];

/// Outputs of the published layers: 64 to 512 channels by group; two hidden layers and the 365 scenes of Places.
pub(super) const PUBLISHED_CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
/// As [`PUBLISHED_CHANNELS`], of the fully connected layers.
pub(super) const PUBLISHED_OUTPUTS: [usize; 3] = [4096, 4096, 365];

/// Where a convolution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its group, from one.
    pub(super) group: usize,
    /// Its place in the group, from one.
    pub(super) place: usize,
    /// Its place among all, from zero.
    pub(super) index: usize,
}

impl Place {
    /// All thirteen in order.
    pub(super) fn all() -> impl Iterator<Item = Place> {
        let groups = (1..).zip(GROUPS).flat_map(|(group, count)| (1..=count).map(move |place| (group, place)));
        groups.enumerate().map(|(index, (group, place))| Place { group, place, index })
    }

    /// Whether a pooling follows.
    pub(super) fn is_pooled(self) -> bool {
        self.place == GROUPS[self.group - 1]
    }

    /// Short name: `conv1_1` ... `conv5_3`.
    pub(super) fn name(self) -> String {
        format!("conv{}_{}", self.group, self.place)
    }

    /// What users of torchvision and Keras call it, and its ReLU, behind which it is read.
    pub(super) fn aliases(self) -> Vec<String> {
        let position = self.position(2);
        let (convolution, relu) = (format!("features.{position}"), format!("features.{}", position + 1));
        let keras = format!("block{}_conv{}", self.group, self.place);
        vec![format!("relu{}_{}", self.group, self.place), convolution, relu, keras]
    }

    /// Position in a chain of modules where each convolution takes `modules` (itself, its ReLU, perhaps a normalisation)
    /// and each pooling one, as in torchvision's `features`.
    pub(super) fn position(self, modules: usize) -> usize {
        modules * self.index + (self.group - 1)
    }
}

/// The names of the convolutions behind a common prefix, by the programs that give them.
pub(super) const NAMINGS: [fn(Place) -> String; 8] = [
    // The authors of Network Dissection, and Caffe.
    Place::name,
    // torchvision, without and with batch normalisation.
    |place| place.position(2).to_string(),
    |place| place.position(3).to_string(),
    // Keras.
    |place| format!("block{}_conv{}", place.group, place.place),
    // Losses that compare features: torchvision's positions, cut into slices.
    |place| format!("slice{}.{}", place.group, place.position(2)),
    |place| format!("conv_{}_{}", place.group, place.place),
    |place| format!("conv{}{}", place.group, place.place),
    |place| format!("block{}.conv{}", place.group, place.place),
];

/// The names of the fully connected layers behind a common prefix, by the programs that give them.
pub(super) const HEADS: [&[&str]; 16] = [
    &["fc6", "fc7", "fc8a"],
    // Caffe's, and VGG-Face's.
    &["fc6", "fc7", "fc8"],
    &["fc6", "fc8a"],
    &["fc6", "fc8"],
    // torchvision's.
    &["classifier.0", "classifier.3", "classifier.6"],
    // Networks converted from Caffe, where dropout comes first.
    &["classifier.1", "classifier.4", "classifier.6"],
    // timm's.
    &["pre_logits.fc1", "pre_logits.fc2", "head.fc"],
    // Keras's.
    &["fc1", "fc2", "predictions"],
    &["fc1", "fc2", "fc3"],
    &["fc1", "fc2"],
    &["fc1", "predictions"],
    // The last layer alone, or one by the name of the first.
    &["fc8a"],
    &["fc8"],
    &["predictions"],
    &["head.fc"],
    &["fc1"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_torchvision() {
        let plain: Vec<usize> = Place::all().map(|place| place.position(2)).collect();
        assert_eq!(plain, [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]);
        let normalised: Vec<usize> = Place::all().map(|place| place.position(3)).collect();
        assert_eq!(normalised, [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]);
        let pooled: Vec<String> = Place::all().filter(|place| place.is_pooled()).map(Place::name).collect();
        assert_eq!(pooled, ["conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"]);
    }
}
