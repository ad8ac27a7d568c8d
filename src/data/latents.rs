//! Latent vectors of generators: numpy's seeded stream, or the rows of a `.npy` file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rand_mt::Mt;

use crate::error::{Error, Result};
use crate::files;
use crate::npy::{Element, HEADER_MAX, Header};

/// Most latents that one list may name, and the highest index: drawing up to it takes minutes.
const LIST_MAX: u32 = 10_000_000;

/// Where latent vectors come from: a row of `size` numbers for each index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latents {
    size: usize,
    origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Seeded(u32),
    File { path: PathBuf, header: Header },
}

impl Latents {
    /// Rows of `numpy.random.RandomState(seed).standard_normal(count * size)` as f32, bit for bit; row `i` is the same
    /// whatever the count.
    pub fn seeded(seed: u32, size: usize) -> Self {
        Latents { size, origin: Origin::Seeded(seed) }
    }

    /// Rows of a `.npy` file: an f32 or f64 array `[n, size]` or `[n, size, 1, 1]` in C order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if the file cannot be read or holds something else.
    pub fn open(path: &Path, size: usize) -> Result<Self> {
        let here = |error: Error| error.at(path.display());
        let reading = |error: std::io::Error| Error::reading(path, &error);
        // Asked before opening: opening a pipe would wait for somebody to write.
        let about = files::about(path)?;
        if !about.is_file() {
            return Err(here(Error::input("not a regular file; needed a .npy file")));
        }
        let mut start = Vec::new();
        files::open(path)?.take(HEADER_MAX as u64).read_to_end(&mut start).map_err(reading)?;
        let header = Header::parse(&start).map_err(here)?;
        let row = matches!(header.dims.as_slice(), [_, row] | [_, row, 1, 1] if *row == size);
        if !row || header.dims[0] == 0 || u32::try_from(header.dims[0]).is_err() {
            let message = format!("the array is {:?}; needed [n, {size}] or [n, {size}, 1, 1]", header.dims);
            return Err(here(Error::input(message)));
        }
        if header.fortran {
            let error = Error::input("the array is stored column by column (Fortran order); needed C order");
            return Err(here(error.hint("save `numpy.ascontiguousarray(array)` instead")));
        }
        if header.element == Element::F16 {
            return Err(here(Error::input("elements are f16; needed f32 or f64")));
        }
        let needed = header.data_offset as u64 + header.data_bytes as u64;
        if about.len() != needed {
            let message = format!("the file has {} bytes; an array of {:?} needs {needed}", about.len(), header.dims);
            return Err(here(Error::input(message)));
        }
        Ok(Latents { size, origin: Origin::File { path: path.to_owned(), header } })
    }

    /// Numbers of a row.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of rows; the seeded stream has no end.
    pub fn count(&self) -> Option<u32> {
        match &self.origin {
            Origin::Seeded(_) => None,
            Origin::File { header, .. } => u32::try_from(header.dims[0]).ok(),
        }
    }

    /// What tells these latents from others, for provenance: the seed or the file's name.
    pub fn describe(&self) -> String {
        match &self.origin {
            Origin::Seeded(seed) => format!("seed {seed}"),
            Origin::File { path, .. } => path.display().to_string(),
        }
    }

    /// Reads rows; cheapest in ascending order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if the file cannot be opened any more.
    pub fn reader(&self) -> Result<Reader<'_>> {
        let cursor = match &self.origin {
            Origin::Seeded(seed) => Cursor::Stream { stream: Box::new(Stream::new(*seed)), next: 0 },
            Origin::File { path, .. } => Cursor::File(files::open(path)?),
        };
        Ok(Reader { latents: self, cursor })
    }
}

/// Gives the rows of [`Latents`].
pub struct Reader<'a> {
    latents: &'a Latents,
    cursor: Cursor,
}

enum Cursor {
    /// A stream about to draw row `next`.
    Stream {
        stream: Box<Stream>,
        next: u32,
    },
    File(File),
}

impl Reader<'_> {
    /// The row at `index`. Seeded rows before it are drawn and dropped, 10,000 in a quarter of a second.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if the file has no such row, cannot be read, or the row holds a number that is not
    /// finite as f32.
    pub fn row(&mut self, index: u32) -> Result<Vec<f32>> {
        let size = self.latents.size;
        match (&mut self.cursor, &self.latents.origin) {
            (Cursor::Stream { stream, next }, Origin::Seeded(seed)) => {
                if index < *next {
                    (**stream, *next) = (Stream::new(*seed), 0);
                }
                for _ in 0..(index - *next) as usize * size {
                    stream.draw();
                }
                *next = index.saturating_add(1);
                Ok((0..size).map(|_| narrow(stream.draw())).collect())
            }
            (Cursor::File(file), Origin::File { path, header }) => {
                read_row(file, header, index, size).map_err(|error| error.at(path.display()))
            }
            _ => Err(Error::internal("a reader of other latents")),
        }
    }

    /// Rows one behind the other, `[indices, size]`.
    ///
    /// # Errors
    /// As [`Reader::row`].
    pub fn rows(&mut self, indices: &[u32]) -> Result<Vec<f32>> {
        let mut rows = Vec::with_capacity(indices.len() * self.latents.size);
        for &index in indices {
            rows.extend(self.row(index)?);
        }
        Ok(rows)
    }
}

fn read_row(file: &mut File, header: &Header, index: u32, size: usize) -> Result<Vec<f32>> {
    let index = index as usize;
    if index >= header.dims[0] {
        return Err(Error::input(format!(
            "there is no latent {index}; the file has {}, counted from 0",
            header.dims[0]
        )));
    }
    let bytes = size * header.element.size();
    let mut row = vec![0; bytes];
    // Within the file's length, which was checked: no overflow.
    let start = header.data_offset as u64 + index as u64 * bytes as u64;
    let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut row));
    read.map_err(|error| Error::input(error.to_string()))?;
    let values: Vec<f32> = match header.element {
        Element::F64 => row.as_chunks().0.iter().map(|&chunk| narrow(f64::from_le_bytes(chunk))).collect(),
        _ => row.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect(),
    };
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(Error::input(format!("latent {index} holds a number that is not finite")))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Normal numbers as numpy's legacy generator draws them: MT19937 seeded by one integer, polar Box-Muller.
///
/// Source: `legacy_gauss` and `mt19937_seed` of numpy; M. Matsumoto and T. Nishimura 1998; G. Marsaglia and T. Bray 1964.
struct Stream {
    bits: Mt,
    /// The second number of the last pair.
    spare: Option<f64>,
}

impl Stream {
    fn new(seed: u32) -> Self {
        Stream { bits: Mt::new(seed), spare: None }
    }

    /// Uniform in [0, 1) from 53 bits.
    fn uniform(&mut self) -> f64 {
        let (high, low) = (self.bits.next_u32() >> 5, self.bits.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn draw(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let first = 2.0 * self.uniform() - 1.0;
            let second = 2.0 * self.uniform() - 1.0;
            let square = first * first + second * second;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(factor * first);
                return factor * second;
            }
        }
    }
}

/// Indices from words such as `0-63` or `489,726,920-926`: both ends of a range are meant, the order stays.
///
/// # Errors
/// What is wrong with the words.
pub fn parse_indices(words: &str) -> Result<Vec<u32>, String> {
    let mut indices = Vec::new();
    for word in words.split(',').map(str::trim) {
        let number = |text: &str| {
            text.trim().parse::<u32>().map_err(|_| format!("`{word}` is no index and no range; such as 489 or 0-63"))
        };
        let (first, last) = match word.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(word)?, number(word)?),
        };
        if first > last {
            return Err(format!("`{word}` runs backwards; needed the smaller index first"));
        }
        if last >= LIST_MAX || indices.len() + (last - first) as usize >= LIST_MAX as usize {
            return Err(format!("more than {LIST_MAX} indices, or one beyond that"));
        }
        indices.extend(first..=last);
    }
    Ok(indices)
}

/// The words for indices: what [`parse_indices`] reads them from.
pub fn in_words(indices: &[u32]) -> String {
    let runs = indices.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let words = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        single => single.iter().map(u32::to_string).collect(),
    });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `numpy.random.RandomState(1).standard_normal(10_000 * 512)`, first three numbers each.
    const ROWS: [(u32, [f32; 3]); 5] = [
        (0, [1.624_345_4, -0.611_756_4, -0.528_171_8]),
        (1, [0.169_869_26, -1.164_008, 0.693_366_2]),
        (489, [-0.707_623_66, 1.140_835_2, -2.554_169_4]),
        (726, [0.205_593_11, 0.454_670_76, 2.078_592_3]),
        (9999, [0.781_046_1, 0.156_799_8, -0.100_547_5]),
    ];

    #[test]
    fn seeded_rows_are_those_of_numpy_in_any_order_of_asking() {
        let latents = Latents::seeded(1, 512);
        let mut reader = latents.reader().unwrap();
        for (index, want) in ROWS.into_iter().chain([ROWS[2], ROWS[0]]) {
            assert_eq!(reader.row(index).unwrap()[..3], want, "row {index}");
        }
    }

    /// Seed and the first eight bytes of the digest.
    const DIGESTS: [(u32, u64); 3] =
        [(1, 0x1169_652b_cd7a_cbce), (2, 0x0b8f_9172_10ab_ff26), (u32::MAX, 0x525d_f51e_6dad_a478)];

    #[test]
    fn every_number_of_the_first_rows_is_numpys_bit_for_bit() {
        // sha256 of RandomState(seed).standard_normal(64 * 512).astype('<f4').tobytes(), numpy 2.4.6.
        use sha2::{Digest, Sha256};
        for (seed, start) in DIGESTS {
            let latents = Latents::seeded(seed, 512);
            let rows = latents.reader().unwrap().rows(&(0..64).collect::<Vec<_>>()).unwrap();
            let digest = Sha256::digest(bytemuck::cast_slice::<f32, u8>(&rows));
            assert_eq!(digest[..8], start.to_be_bytes(), "seed {seed}");
        }
    }

    #[test]
    fn rows_of_odd_length_go_on_in_the_middle_of_a_pair() {
        let (odd, even) = (Latents::seeded(7, 3), Latents::seeded(7, 6));
        let (mut odd, mut even) = (odd.reader().unwrap(), even.reader().unwrap());
        assert_eq!(odd.rows(&[0, 1, 2, 3]).unwrap(), even.rows(&[0, 1]).unwrap());
    }

    fn npy(descr: &str, shape: &str, data: &[u8]) -> tempfile::NamedTempFile {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn rows_of_a_file_are_read_as_f32_from_f32_and_f64() {
        let values = [0.5f32, -1.25, 3.0, 4.0, 5.5, -6.0];
        let single: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let double: Vec<u8> = values.iter().flat_map(|&value| f64::from(value).to_le_bytes()).collect();
        for (descr, shape, data) in [("<f4", "(2, 3)", &single), ("<f8", "(2, 3, 1, 1)", &double)] {
            let file = npy(descr, shape, data);
            let latents = Latents::open(file.path(), 3).unwrap();
            assert_eq!(latents.count(), Some(2));
            let mut reader = latents.reader().unwrap();
            assert_eq!(reader.rows(&[1, 0]).unwrap(), [4.0, 5.5, -6.0, 0.5, -1.25, 3.0]);
            assert!(reader.row(2).unwrap_err().to_string().contains("there is no latent 2"));
        }
    }

    #[test]
    fn files_that_lie_or_do_not_fit_are_refused() {
        let zeros = [0u8; 64];
        let refusal = |descr: &str, shape: &str, data: &[u8]| {
            Latents::open(npy(descr, shape, data).path(), 3).unwrap_err().to_string()
        };
        assert!(refusal("<f4", "(2, 3)", &zeros[..23]).contains("needs"));
        assert!(refusal("<f4", "(2, 3)", &zeros[..25]).contains("needs"));
        assert!(refusal("<f4", "(6,)", &zeros[..24]).contains("needed [n, 3]"));
        assert!(refusal("<f4", "(3, 2)", &zeros[..24]).contains("needed [n, 3]"));
        assert!(refusal("<f4", "(0, 3)", &[]).contains("needed [n, 3]"));
        assert!(refusal("<f2", "(2, 3)", &zeros[..12]).contains("f16"));
        assert!(Latents::open(std::env::temp_dir().as_path(), 3).is_err());
        let infinite: Vec<u8> = [1.0, f64::MAX, 0.0].iter().flat_map(|value: &f64| value.to_le_bytes()).collect();
        let file = npy("<f8", "(1, 3)", &infinite);
        let error = Latents::open(file.path(), 3).unwrap().reader().unwrap().row(0).unwrap_err();
        assert!(error.to_string().contains("not finite"), "{error}");
    }

    #[test]
    fn lists_and_ranges_are_inclusive_and_nonsense_is_refused() {
        assert_eq!(parse_indices("489,726, 920-922").unwrap(), [489, 726, 920, 921, 922]);
        assert_eq!(parse_indices("0-63").unwrap().len(), 64);
        for words in ["0-63", "489,726,920-926", "3,2,1,1-2", "7"] {
            assert_eq!(in_words(&parse_indices(words).unwrap()), words);
        }
        for words in ["", "a", "3-", "-3", "5-3", "1,,2", "4294967296", "0-4294967295"] {
            assert!(parse_indices(words).is_err(), "{words}");
        }
    }
}
