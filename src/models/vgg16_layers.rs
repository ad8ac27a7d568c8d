//! The layers of VGG-16 as it was published, and where torchvision puts them: what a weight file's tensors are matched to.

/// The thirteen convolutions in order: short name, channels of the published network, position in torchvision's
/// `features`.
pub(super) const CONVOLUTIONS: [(&str, usize, usize); 13] = [
    ("conv1_1", 64, 0),
    ("conv1_2", 64, 2),
    ("conv2_1", 128, 5),
    ("conv2_2", 128, 7),
    ("conv3_1", 256, 10),
    ("conv3_2", 256, 12),
    ("conv3_3", 256, 14),
    ("conv4_1", 512, 17),
    ("conv4_2", 512, 19),
    ("conv4_3", 512, 21),
    ("conv5_1", 512, 24),
    ("conv5_2", 512, 26),
    ("conv5_3", 512, 28),
];

/// The fully connected layers in order: short name, outputs of the published network (365 scenes of Places), position
/// in torchvision's `classifier`.
pub(super) const LINEAR: [(&str, usize, usize); 3] = [("fc6", 4096, 0), ("fc7", 4096, 3), ("fc8a", 365, 6)];
