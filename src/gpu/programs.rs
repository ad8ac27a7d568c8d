//! Programs that are submitted again and again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::{Gpu, Program, Recording, Submission, lock};
use crate::error::Result;

/// Programs of one device, each recorded and bound the first time that it is asked for.
///
/// What a recording differs by is its key: the number of images, a part of a network, the maps that it reads. A program keeps the
/// buffers that it binds: whoever replaces one of them clears the table, or gives it another key.
pub struct Programs<K> {
    gpu: Gpu,
    kept: Mutex<HashMap<K, Arc<Program>>>,
}

impl<K: Eq + Hash> Programs<K> {
    /// None yet.
    pub fn new(gpu: &Gpu) -> Self {
        Programs { gpu: gpu.clone(), kept: Mutex::default() }
    }

    /// The program of a key; `record` appends its steps if it is not there.
    ///
    /// # Errors
    /// What `record` returns, and as [`Gpu::program`]. Nothing is kept then.
    pub fn get(&self, key: K, record: impl FnOnce(&mut Recording) -> Result<()>) -> Result<Arc<Program>> {
        let mut kept = lock(&self.kept);
        if let Some(program) = kept.get(&key) {
            return Ok(Arc::clone(program));
        }
        let mut recording = Recording::new();
        record(&mut recording)?;
        let program = Arc::new(self.gpu.program(recording)?);
        kept.insert(key, Arc::clone(&program));
        Ok(program)
    }

    /// Submits the program of a key. Does not wait.
    ///
    /// # Errors
    /// As [`Programs::get`] and [`Gpu::submit`].
    pub fn submit(&self, key: K, record: impl FnOnce(&mut Recording) -> Result<()>) -> Result<Submission> {
        self.gpu.submit(&*self.get(key, record)?)
    }

    /// Forgets all, and gives back the buffers that nothing else holds.
    pub fn clear(&self) {
        lock(&self.kept).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::gpu::DeviceChoice;

    #[test]
    fn a_program_is_recorded_once_until_all_are_forgotten() {
        if std::env::var("NETDISSECT_NO_GPU").is_ok() {
            return;
        }
        let gpu = Gpu::open(&DeviceChoice::Auto).unwrap();
        let [from, to] = [[1u32, 2, 3, 4], [0; 4]].map(|words| gpu.buffer_of("words", &words).unwrap());
        let programs = Programs::new(&gpu);
        assert!(programs.get(2, |_| Err(Error::internal("cannot be recorded"))).is_err());
        let mut recorded = Vec::new();
        for words in [2, 4, 2] {
            let copy = |recording: &mut Recording| {
                recorded.push(words);
                recording.copy(&from, 0, &to, 0, words * 4)
            };
            programs.submit(words, copy).unwrap();
        }
        assert_eq!(recorded, [2, 4]);
        assert_eq!(gpu.download::<u32>(&to, 4).unwrap(), [1, 2, 3, 4]);
        // Programs hold their buffers until they are forgotten.
        drop(to);
        let free = gpu.free_bytes();
        programs.clear();
        assert_eq!(gpu.free_bytes(), free + 16);
    }
}
