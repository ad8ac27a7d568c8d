//! Integer counts of where units fire and where they fire on a concept, and the IoU that follows.

/// Counts of one layer over all images. Mergeable: two shards add up to the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Units of the layer.
    pub units: usize,
    /// Label numbers of the vocabulary, 0 included.
    pub labels: usize,
    /// Activation level of each unit; it fires where its upsampled activation is above.
    pub threshold: Vec<f32>,
    /// Positions at which the unit fires, `[units]`.
    pub unit_area: Vec<u64>,
    /// Positions that carry the label in any channel, `[labels]`; column 0 is not counted and stays 0.
    pub concept_area: Vec<u64>,
    /// Positions at which both hold, `[units, labels]`.
    pub intersection: Vec<u64>,
    /// All positions of all images.
    pub positions: u64,
}
