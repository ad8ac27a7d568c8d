//! A kernel's test case: inputs, what to record, what must come out; run on a device with poison and guards.

use std::fmt::Display;

use super::{Expected, Maps};
use crate::error::{Error, Kind, Result};
use crate::gpu::{Buffer, Gpu, Recording};
use crate::tensor::Shape;

/// Fills outputs before a run: a quiet NaN that no kernel computes.
pub(super) const POISON: u32 = 0x7fc0_dead;
/// Stands behind every output and must stand there afterwards.
const GUARD: u32 = 0xa5a5_5a5a;
/// Words that stand behind every output.
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

    /// Floats, or words as numbers, in double precision: what twins compute on.
    pub fn wide(&self) -> Vec<f64> {
        match self {
            Data::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Data::U32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        }
    }

    /// The same as maps of a shape.
    pub fn maps(&self, shape: Shape) -> Maps {
        Maps { shape, data: self.wide() }
    }
}

impl From<Vec<f32>> for Data {
    fn from(values: Vec<f32>) -> Data {
        Data::F32(values)
    }
}

impl From<Vec<u32>> for Data {
    fn from(values: Vec<u32>) -> Data {
        Data::U32(values)
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

impl Output {
    fn words(&self) -> Vec<u32> {
        match self {
            Output::Poisoned(count) => vec![POISON; *count],
            Output::Holding(data) => data.words().to_vec(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Output::Poisoned(count) => *count,
            Output::Holding(data) => data.words().len(),
        }
    }
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

/// What the outputs must hold, given the inputs.
type Answer = Box<dyn Fn(&[Data]) -> Vec<Expected> + Send + Sync>;

/// A kernel at one shape with one set of inputs. Made by [`Case::of`].
pub struct Case {
    /// The sizes in words, printed on failure.
    pub label: String,
    /// Which of the sizes it is.
    pub size: Size,
    /// Appends the dispatches.
    pub record: Record,
    /// What it costs.
    pub work: Work,
    inputs: Vec<Data>,
    outputs: Vec<Output>,
    answer: Answer,
}

/// A case in the making: what it is called, what it reads and writes, what it costs. [`Draft::case`] ends it.
#[must_use]
pub struct Draft {
    size: Size,
    label: String,
    inputs: Vec<Data>,
    outputs: Vec<Output>,
    flops: u64,
    bytes: Option<u64>,
}

impl Draft {
    /// The next input.
    pub fn reads(mut self, data: impl Into<Data>) -> Draft {
        self.inputs.push(data.into());
        self
    }

    /// The next output, so many words that the kernel must write.
    pub fn writes(mut self, count: usize) -> Draft {
        self.outputs.push(Output::Poisoned(count));
        self
    }

    /// The next output, one that starts from this.
    pub fn holds(mut self, data: impl Into<Data>) -> Draft {
        self.outputs.push(Output::Holding(data.into()));
        self
    }

    /// Additions and multiplications of the plain algorithm; without this there are none.
    pub fn flops(mut self, flops: impl TryInto<u64>) -> Draft {
        self.flops = flops.try_into().unwrap_or(u64::MAX);
        self
    }

    /// Bytes that must be read and written at least; without this every input and output once.
    pub fn bytes(mut self, bytes: u64) -> Draft {
        self.bytes = Some(bytes);
        self
    }

    /// The case: how to record it, given its inputs and outputs in order, and what the twin makes of the inputs.
    pub fn case<const I: usize, const O: usize>(
        self,
        record: impl Fn(&Gpu, &mut Recording, [&Buffer; I], [&Buffer; O]) -> Result<()> + Send + Sync + 'static,
        twin: impl Fn([&Data; I]) -> [Expected; O] + Send + Sync + 'static,
    ) -> Case {
        let words = self.inputs.iter().map(|data| data.words().len()).sum::<usize>()
            + self.outputs.iter().map(Output::count).sum::<usize>();
        Case {
            label: self.label,
            size: self.size,
            record: Box::new(move |gpu, recording, inputs, outputs| {
                record(gpu, recording, each(inputs)?, each(outputs)?)
            }),
            work: Work { flops: self.flops, bytes: self.bytes.unwrap_or(4 * words as u64) },
            inputs: self.inputs,
            outputs: self.outputs,
            // Wrongly many make no answer, which no run agrees with.
            answer: Box::new(move |inputs| each(inputs).map_or_else(|_| Vec::new(), |inputs| twin(inputs).into())),
        }
    }
}

fn each<T, const N: usize>(all: &[T]) -> Result<[&T; N]> {
    let found = all.len();
    all.iter()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| Error::internal(format!("the case has {found} inputs or outputs; its closures take {N}")))
}

impl Case {
    /// Begins a case; the label names its sizes.
    pub fn of(size: Size, label: impl Display) -> Draft {
        Draft { size, label: label.to_string(), inputs: Vec::new(), outputs: Vec::new(), flops: 0, bytes: None }
    }

    /// What the outputs must hold, by the twin.
    pub fn expected(&self) -> Vec<Expected> {
        (self.answer)(&self.inputs)
    }

    /// Makes the input and output buffers: outputs poisoned or holding their start, with so many words of guard behind. The largest
    /// that a binding may hold leave no room for any.
    ///
    /// # Errors
    /// As [`Gpu::buffer`].
    pub fn buffers(&self, gpu: &Gpu, guard_words: usize) -> Result<(Vec<Buffer>, Vec<Buffer>)> {
        let inputs = self.inputs.iter().map(|data| gpu.buffer_of("input", data.words())).collect::<Result<_>>()?;
        let guarded = |output: &Output| {
            let mut words = output.words();
            words.extend(vec![GUARD; guard_words]);
            gpu.buffer_of("output", &words)
        };
        Ok((inputs, self.outputs.iter().map(guarded).collect::<Result<_>>()?))
    }

    /// Runs the case and compares every output with the twin's.
    ///
    /// # Errors
    /// [`Kind::SelfTest`] with the first difference; else what the device reports.
    pub fn check(&self, gpu: &Gpu) -> Result<()> {
        let got = self.run(gpu)?;
        let expected = self.expected();
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
        let (inputs, outputs) = self.buffers(gpu, GUARD_WORDS)?;
        let mut recording = Recording::new();
        recording.label(&self.label);
        (self.record)(gpu, &mut recording, &inputs, &outputs)?;
        gpu.submit(&gpu.program(recording)?)?;
        let mut all = Vec::new();
        for (count, buffer) in self.outputs.iter().map(Output::count).zip(&outputs) {
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
