//! Folders of results: whose they are, whether they are done, whether work there may be taken up.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::hash::sha256;
use crate::{files, report};

/// The files of a run in its folder.
pub struct RunFiles {
    /// What was run.
    pub job: &'static str,
    /// Written last: where it is, the run is done.
    pub result: &'static str,
    /// Where unfinished work stands; more than one if the work has parts.
    pub states: &'static [&'static str],
}

impl RunFiles {
    /// Whether the folder holds the finished result of the same job; takes away what it holds if told to start over.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it holds another run.
    pub fn is_done(&self, folder: &Path, job: &Value, restart: bool) -> Result<bool> {
        let Ok(text) = files::read_to_string(&folder.join(self.job)) else { return Ok(false) };
        if restart {
            files::remove_if_there(&folder.join(self.result))?;
            self.remove_states(folder)?;
            return Ok(false);
        }
        // Reading rounds the last digit of some numbers: both are read.
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        if read(&text) != read(&job.to_string()) {
            return Err(Error::new(Kind::Usage, "holds another run")
                .at(folder.display())
                .hint("choose another folder with `-o`, or pass `--restart` to replace it"));
        }
        Ok(files::exists(&folder.join(self.result)))
    }

    /// Makes the folder and notes what is run in it.
    ///
    /// # Errors
    /// [`Kind::Output`] if it cannot be written.
    pub fn begin(&self, folder: &Path, job: &Value) -> Result<()> {
        files::make_folder(folder)?;
        report::write_json(&folder.join(self.job), job)
    }

    /// Takes away the states, once results are written.
    ///
    /// # Errors
    /// [`Kind::Output`] if one cannot be removed.
    pub fn remove_states(&self, folder: &Path) -> Result<()> {
        self.states.iter().try_for_each(|name| files::remove_if_there(&folder.join(name)))
    }
}

/// A job as a short string, to know unfinished work by.
pub(crate) fn digest(job: &Value) -> String {
    sha256(job.to_string())
}

/// The path from the root; as it is where the system does not say.
pub(crate) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Name of a file without its folder.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FILES: RunFiles = RunFiles { job: "run.json", result: "result.json", states: &["state"] };

    #[test]
    fn a_job_is_known_again_whatever_numbers_are_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let numbers: Vec<f64> = (1..4000).map(|number| f64::from(number).ln() / f64::from(number % 97 + 3)).collect();
        let job = json!({ "numbers": numbers, "word": "a" });
        assert!(!FILES.is_done(place, &job, false).unwrap());
        FILES.begin(place, &job).unwrap();
        assert!(!FILES.is_done(place, &job, false).unwrap());
        std::fs::write(place.join("result.json"), "{}").unwrap();
        std::fs::write(place.join("state"), "").unwrap();
        assert!(FILES.is_done(place, &job, false).unwrap());
        let other = json!({ "numbers": numbers, "word": "b" });
        assert_eq!(FILES.is_done(place, &other, false).unwrap_err().kind(), Kind::Usage);
        assert!(!FILES.is_done(place, &other, true).unwrap());
        assert!(!place.join("result.json").exists() && !place.join("state").exists());
    }
}
