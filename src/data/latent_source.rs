//! Latents as the images of a run: what a generator is given, in batches, again and again in the same order.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::latents::{Latents, in_words};
use super::source::{ImageBatch, ImageSource, Origin};
use crate::error::Result;
use crate::hash::hexadecimal;

/// Chosen latents, in batches. Their images are still to be made: those of a batch are empty.
#[derive(Debug, Clone)]
pub struct LatentSource {
    latents: Latents,
    indices: Vec<u32>,
    batch: usize,
    generator: Option<String>,
}

impl LatentSource {
    /// The latents of these numbers, in this order; `batch` is at least 1.
    pub fn new(latents: Latents, indices: Vec<u32>, batch: u32) -> LatentSource {
        LatentSource { latents, indices, batch: batch.max(1) as usize, generator: None }
    }

    /// The same latents, of which the generator is known by the SHA-256 of its weights.
    #[must_use]
    pub fn made_by(self, generator: &str) -> LatentSource {
        LatentSource { generator: Some(generator.to_owned()), ..self }
    }

    /// A hash of everything that the image of a latent follows from, if the generator is known.
    fn origin(&self, latent: &[f32]) -> Option<Origin> {
        let hash = Sha256::new().chain_update(self.generator.as_deref()?).chain_update(bytemuck::cast_slice(latent));
        Some(hash.finalize().into())
    }

    /// The same latents in batches of another size, at least 1.
    #[must_use]
    pub fn with_batch(&self, batch: u32) -> LatentSource {
        LatentSource { batch: batch.max(1) as usize, ..self.clone() }
    }

    /// Numbers of the latents, in the run's order.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Name of each image: the number of its latent.
    pub fn names(&self) -> Vec<String> {
        self.indices.iter().map(u32::to_string).collect()
    }

    /// The numbers of the latents in words, such as `0-63`.
    pub fn in_words(&self) -> String {
        in_words(&self.indices)
    }

    /// SHA-256 over all rows in order, as hexadecimal digits.
    ///
    /// # Errors
    /// As [`super::latents::Reader::row`].
    pub fn fingerprint(&self) -> Result<String> {
        let mut reader = self.latents.reader()?;
        let mut hash = Sha256::new();
        for &index in &self.indices {
            hash.update(bytemuck::cast_slice::<f32, u8>(&reader.row(index)?));
        }
        Ok(hexadecimal(hash.finalize()))
    }
}

impl ImageSource for LatentSource {
    fn count(&self) -> u32 {
        u32::try_from(self.indices.len()).unwrap_or(u32::MAX)
    }

    fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a> {
        let mut reader = match self.latents.reader() {
            Ok(reader) => reader,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let end = range.end.min(self.count());
        let wanted = self.indices.get(range.start as usize..end as usize).unwrap_or_default();
        let mut next = range.start;
        Box::new(wanted.chunks(self.batch).map(move |numbers| {
            let first = next;
            next += numbers.len() as u32;
            let input = reader.rows(numbers)?;
            Ok(ImageBatch {
                indices: (first..next).collect(),
                names: numbers.iter().map(u32::to_string).collect(),
                origins: input.chunks_exact(self.latents.size()).filter_map(|latent| self.origin(latent)).collect(),
                input,
                images: Vec::new(),
                next,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_the_chosen_rows_in_order_from_any_start_to_any_end() {
        let latents = Latents::seeded(1, 5);
        let source = LatentSource::new(latents.clone(), vec![9, 2, 3, 2], 3);
        let all: Vec<ImageBatch> = source.batches(0..4).collect::<Result<_>>().unwrap();
        assert_eq!(all.iter().map(|batch| batch.indices.clone()).collect::<Vec<_>>(), [vec![0, 1, 2], vec![3]]);
        assert_eq!(all[0].names, ["9", "2", "3"]);
        assert_eq!(all[0].input, latents.reader().unwrap().rows(&[9, 2, 3]).unwrap());
        let later: Vec<ImageBatch> = source.batches(1..9).collect::<Result<_>>().unwrap();
        assert_eq!((later.len(), &later[0].indices[..], later[0].next), (1, &[1, 2, 3][..], 4));
        assert_eq!(later[0].input, latents.reader().unwrap().rows(&[2, 3, 2]).unwrap());
        let part: Vec<ImageBatch> = source.batches(1..3).collect::<Result<_>>().unwrap();
        assert_eq!((part.len(), &part[0].names[..], part[0].next), (1, &["2".to_owned(), "3".to_owned()][..], 3));
        assert_eq!(source.batches(4..9).count() + source.batches(7..9).count() + source.batches(2..2).count(), 0);
    }

    #[test]
    fn the_fingerprint_is_of_the_numbers_and_their_order() {
        let print = |seed, indices: &[u32]| {
            LatentSource::new(Latents::seeded(seed, 4), indices.to_vec(), 2).fingerprint().unwrap()
        };
        assert_eq!(print(1, &[0, 1]), print(1, &[0, 1]));
        assert_ne!(print(1, &[0, 1]), print(1, &[1, 0]));
        assert_ne!(print(1, &[0, 1]), print(2, &[0, 1]));
    }
}
