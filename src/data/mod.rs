//! Images from folders and lists to the network, on CPU threads ahead of the GPU.

use crate::error::Result;

/// Images ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageBatch {
    /// Position of each image in the run's order. Skipped images leave gaps.
    pub indices: Vec<u32>,
    /// Name of each: its path relative to the image folder, with `/`.
    pub names: Vec<String>,
    /// Normalised input `[n, 3, h, w]`.
    pub input: Vec<f32>,
    /// Each image as the network sees it before normalisation: 8-bit RGB, `h * w * 3`.
    pub rgb: Vec<Vec<u8>>,
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
    /// First position of the run's order that this batch did not look at.
    pub next: u32,
}

/// Where images come from, again and again in the same order.
pub trait ImageSource: Sync {
    /// Images in all, readable or not.
    fn count(&self) -> u32;

    /// Batches of up to `batch` images from position `start` on. Unreadable images are left out; the source remembers them.
    fn batches<'a>(&'a self, start: u32, batch: u32) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a>;
}
