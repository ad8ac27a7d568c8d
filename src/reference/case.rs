//! A kernel's test case: inputs, what to record, what must come out; run on a device with poison and guards.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::gpu::{Buffer, Gpu, Recording};

/// Fills outputs before a run: a quiet NaN that no kernel computes.
const POISON: u32 = 0x7fc0_dead;
/// Stands behind every output and must stand there afterwards.
const GUARD: u32 = 0xa5a5_5a5a;
const GUARD_WORDS: usize = 64;

/// Content of an input or of an accumulator.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Floats.
    F32(Vec<f32>),
    /// Words.
    U32(Vec<u32>),
}

impl Data {
    fn words(&self) -> &[u32] {
        match self {
            Data::F32(values) => bytemuck::cast_slice(values),
            Data::U32(values) => values,
        }
    }
}

/// An output buffer before the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// So many words of poison: the kernel must write them all.
    Poisoned(usize),
    /// An accumulator that starts from this.
    Holding(Data),
}

/// What an output must hold after the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// These words.
    U32(Vec<u32>),
    /// These floats, bit for bit (both zeros count as one).
    Exact(Vec<f32>),
    /// These floats, each within its own bound.
    Close {
        /// Wanted values.
        want: Vec<f32>,
        /// Largest allowed difference of each, derived by the twin.
        bound: Vec<f32>,
    },
}

/// Which of the sizes every kernel must be tried at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The smallest legal one.
    Smallest,
    /// Batch and channels above one, all sizes different.
    Batch,
    /// Ragged against every tile and workgroup.
    Ragged,
    /// A real layer, checked and timed.
    Real,
    /// A real layer at the batch size of real work: timed by `bench`, too large for the twin.
    Timed,
}

/// What a case costs, for figures beside the hardware's roof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Additions and multiplications of the plain algorithm.
    pub flops: u64,
    /// Bytes that must be read and written at least.
    pub bytes: u64,
}

/// Appends the case's dispatches, given the device, its input buffers and its output buffers.
pub type Record = Box<dyn Fn(&Gpu, &mut Recording, &[Buffer], &[Buffer]) -> Result<()> + Send + Sync>;

/// A kernel at one shape with one set of inputs.
pub struct Case {
    /// The sizes in words, printed on failure.
    pub label: String,
    /// Which of the sizes it is.
    pub size: Size,
    /// Inputs, in the order `record` takes them.
    pub inputs: Vec<Data>,
    /// Outputs, in the order `record` takes them.
    pub outputs: Vec<Output>,
    /// Appends the dispatches.
    pub record: Record,
    /// What the outputs must hold, by the twin; computed when asked.
    pub expected: Box<dyn Fn() -> Vec<Expected> + Send + Sync>,
    /// What it costs.
    pub work: Work,
}

/// The first difference of an output and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch(pub String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Case {
    /// Makes the input and output buffers: outputs poisoned or holding their start, guarded behind.
    ///
    /// # Errors
    /// As [`Gpu::buffer`].
    pub fn buffers(&self, gpu: &Gpu) -> Result<(Vec<Buffer>, Vec<Buffer>)> {
        let inputs = self.inputs.iter().map(|data| gpu.buffer_of("input", data.words())).collect::<Result<_>>()?;
        let outputs = self
            .outputs
            .iter()
            .map(|output| {
                let mut words = match output {
                    Output::Poisoned(count) => vec![POISON; *count],
                    Output::Holding(data) => data.words().to_vec(),
                };
                words.extend([GUARD; GUARD_WORDS]);
                gpu.buffer_of("output", &words)
            })
            .collect::<Result<_>>()?;
        Ok((inputs, outputs))
    }

    /// Runs the case and compares every output with the twin's.
    ///
    /// # Errors
    /// [`Kind::SelfTest`] with the first difference; else what the device reports.
    pub fn check(&self, gpu: &Gpu) -> Result<()> {
        let got = self.run(gpu)?;
        let expected = (self.expected)();
        if got.len() != expected.len() {
            return Err(Error::internal(format!("{} outputs, {} expected", got.len(), expected.len())).at(&self.label));
        }
        for (position, (got, expected)) in got.iter().zip(&expected).enumerate() {
            expected.compare(got).map_err(|mismatch| {
                Error::new(Kind::SelfTest, format!("output {position}: {mismatch}")).at(&self.label)
            })?;
        }
        Ok(())
    }

    /// Runs the case; the outputs as words, guards checked and removed.
    ///
    /// # Errors
    /// [`Kind::SelfTest`] if a guard was overwritten; else what the device reports.
    pub fn run(&self, gpu: &Gpu) -> Result<Vec<Vec<u32>>> {
        let (inputs, outputs) = self.buffers(gpu)?;
        let mut recording = Recording::new();
        recording.label(&self.label);
        (self.record)(gpu, &mut recording, &inputs, &outputs)?;
        gpu.submit(&gpu.program(recording)?)?;
        let mut all = Vec::new();
        for (output, buffer) in self.outputs.iter().zip(&outputs) {
            let count = match output {
                Output::Poisoned(count) => *count,
                Output::Holding(data) => data.words().len(),
            };
            let mut words: Vec<u32> = gpu.download(buffer, count + GUARD_WORDS)?;
            if let Some(at) = words[count..].iter().position(|&word| word != GUARD) {
                let message = format!("wrote {at} words behind the end of an output of {count}");
                return Err(Error::new(Kind::SelfTest, message).at(&self.label));
            }
            words.truncate(count);
            all.push(words);
        }
        Ok(all)
    }
}

impl Expected {
    /// Compares an output, given as words.
    ///
    /// # Errors
    /// How many differ, and the first: where, what was found, what was wanted.
    pub fn compare(&self, got: &[u32]) -> Result<(), Mismatch> {
        let len = match self {
            Expected::U32(want) => want.len(),
            Expected::Exact(want) | Expected::Close { want, .. } => want.len(),
        };
        if len != got.len() {
            return Err(Mismatch(format!("{} elements, {len} wanted", got.len())));
        }
        let differs = |&at: &usize| match self {
            Expected::U32(want) => got[at] != want[at],
            Expected::Exact(want) => {
                got[at] != want[at].to_bits() && !(f32::from_bits(got[at]) == 0.0 && want[at] == 0.0)
            }
            Expected::Close { want, bound } => {
                let distance = (f64::from(f32::from_bits(got[at])) - f64::from(want[at])).abs();
                distance.is_nan() || distance > f64::from(bound[at])
            }
        };
        let mut different = (0..len).filter(differs);
        let Some(first) = different.next() else { return Ok(()) };
        let count = 1 + different.count();
        let pair = match self {
            Expected::U32(want) => format!("got {}, want {}", got[first], want[first]),
            Expected::Exact(want) => format!("got {}, want {}", f32::from_bits(got[first]), want[first]),
            Expected::Close { want, bound } => {
                format!("got {}, want {} within {:e}", f32::from_bits(got[first]), want[first], bound[first])
            }
        };
        Err(Mismatch(format!("{count} of {len} differ; first at {first}: {pair}")))
    }

    /// Whether the wanted values differ among themselves: a constant answer proves nothing.
    pub fn is_varied(&self) -> bool {
        match self {
            Expected::U32(want) => want.windows(2).any(|pair| pair[0] != pair[1]),
            Expected::Exact(want) | Expected::Close { want, .. } => want.windows(2).any(|pair| pair[0] != pair[1]),
        }
    }
}

/// Seeded numbers for inputs.
pub mod rng {
    use rand_mt::Mt;

    /// A seeded generator.
    pub fn seeded(seed: u32) -> Mt {
        Mt::new(seed)
    }

    /// Integers of `-4..=4` as floats: sums of their products are exact in f32 in any order.
    pub fn integers(count: usize, seed: u32) -> Vec<f32> {
        let mut rng = seeded(seed);
        (0..count).map(|_| f32::from(i8::try_from(rng.next_u32() % 9).unwrap_or(0) - 4)).collect()
    }

    /// A size from 1 to `most`.
    pub fn size(rng: &mut Mt, most: u32) -> u32 {
        1 + rng.next_u32() % most
    }

    /// A small shape, every size from 1 on.
    pub fn shape(rng: &mut Mt) -> crate::tensor::Shape {
        crate::tensor::Shape::new(size(rng, 3), size(rng, 20), size(rng, 17), size(rng, 19))
    }

    /// Floats of `[-1, 1)`, uniform.
    pub fn floats(count: usize, seed: u32) -> Vec<f32> {
        let mut rng = seeded(seed);
        (0..count).map(|_| (f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn close_accepts_the_bound_and_refuses_just_beyond_it_and_nan() {
        let expected = Expected::Close { want: vec![1.0, 2.0], bound: vec![0.5, 0.25] };
        assert_eq!(expected.compare(&bits(&[1.5, 2.25])), Ok(()));
        assert!(expected.compare(&bits(&[1.5, 2.250_001])).is_err());
        assert!(expected.compare(&bits(&[f32::NAN, 2.0])).is_err());
    }

    #[test]
    fn exact_refuses_one_unit_in_the_last_place_and_accepts_either_zero() {
        let expected = Expected::Exact(vec![1.0, 0.0]);
        assert_eq!(expected.compare(&bits(&[1.0, -0.0])), Ok(()));
        assert!(expected.compare(&bits(&[f32::from_bits(1.0f32.to_bits() + 1), 0.0])).is_err());
        assert!(expected.compare(&[POISON, 0]).is_err());
    }

    #[test]
    fn a_difference_says_how_many_and_where() {
        let mismatch = Expected::U32(vec![1, 2, 3]).compare(&[1, 5, 6]).unwrap_err();
        assert_eq!(mismatch.0, "2 of 3 differ; first at 1: got 5, want 2");
        assert!(Expected::U32(vec![1]).compare(&[1, 2]).is_err());
    }
}
