//! Experiments: what units do, found out by running a network without them, with them, or by reading one of them.
//!
//! An experiment is a file here that holds a plain job and the steps by which it is done: an [`Experiment`]. All that has nothing to do
//! with what it finds out is done once, in [`Experiment::perform`] and [`Experiment::estimate`].

pub mod ablate;
pub mod detect;
pub mod insert;
mod pictures;
pub mod ranked;
pub mod remove;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Host;
use super::memory::{self, ProcessMemory};
use super::run_folder::{self, RunFiles, Standing, digest};
use super::timing::{Stopwatch, seconds_each};
use crate::concepts::{ConceptSource, MadeImages};
use crate::data::{ImageBatch, ImageSource, Watch};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::Subplan;
use crate::report::experiments::{self as reports, Csv, ExperimentReport};
use crate::report::write_json;
use crate::session::{Session, Split};

/// An experiment as it is asked for: plain data, and the steps by which it is done.
pub trait Experiment {
    /// What it finds.
    type Report: ExperimentReport;
    /// What the job names, opened and checked.
    type Opened<'h>;
    /// The network on the device.
    type Loaded;

    /// Its files in the folder of results.
    const FILES: RunFiles;

    /// Opens what the job names, and checks it. Nothing of the network is put on the device.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] or [`crate::error::Kind::Usage`], naming what is wrong.
    fn open<'h>(&self, host: &Host<'h>) -> Result<Self::Opened<'h>>;

    /// Everything that decides the result: work is taken up, or known to be done, only where this is the same.
    ///
    /// # Errors
    /// As of reading what decides it.
    fn describe(&self, opened: &Self::Opened<'_>) -> Result<Value>;

    /// Puts the network on the device.
    ///
    /// # Errors
    /// What the device reports.
    fn load(&self, opened: &Self::Opened<'_>, host: &Host<'_>) -> Result<Self::Loaded>;

    /// Times a few images, and says what all would take.
    ///
    /// # Errors
    /// What the device reports.
    fn cost(&self, opened: &Self::Opened<'_>, loaded: Self::Loaded, host: &Host<'_>) -> Result<Estimate>;

    /// Does the work, from where a state of the same job stands. Pictures are written; all other files come from what is found.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] if stopped, after keeping where it stood; else what the device reports.
    fn run(
        &self,
        opened: &Self::Opened<'_>,
        loaded: Self::Loaded,
        workplace: &Workplace<'_>,
    ) -> Result<Findings<Self::Report>>;

    /// Does all of it, and gives the report as the folder then holds it: files, pictures and page are written. Where the folder holds
    /// it already, nothing is done again but the page.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the folder holds other work; [`crate::error::Kind::Output`] if it cannot be written;
    /// [`crate::error::Kind::Interrupted`] if stopped, after keeping where it stood; else as of the steps.
    fn perform(&self, place: &Place, host: &Host<'_>) -> Result<Self::Report> {
        let opened = self.open(host)?;
        let described = self.describe(&opened)?;
        let folder = place.output.as_path();
        reports::check_folder(folder)?;
        let marks: Vec<String> = reports::ALL
            .iter()
            .flat_map(|entry| ["-run.json", ".sha256"].map(|ending| format!("{}{ending}", entry.name)))
            .collect();
        let _taken = run_folder::take(folder, &marks.iter().map(String::as_str).collect::<Vec<_>>())?;
        let standing = Self::FILES.standing(folder, &described, place.restart)?;
        if standing == Standing::Done {
            Self::FILES.remove_states(folder)?;
            host.progress.note("this experiment is done; `--restart` makes it again");
        } else {
            Self::FILES.begin(folder, &described, &standing, host.progress)?;
            let loaded = self.load(&opened, host)?;
            let clock = Stopwatch::start();
            let found = self.run(&opened, loaded, &Workplace { folder, job: digest(&described), host })?;
            reports::write(folder, &found.report, &found.csv)?;
            write_timing(folder, Self::Report::NAME, &clock)?;
            Self::FILES.finish(folder, |name| owns(Self::Report::NAME, name))?;
        }
        // Of all experiments in the folder: a stop may have left it behind, and it may be another's that is new.
        reports::write_page(folder)?;
        // What is said afterwards is what the file says, which may round the last digit of a number.
        reports::open(folder)
    }

    /// Says what it would take; writes nothing.
    ///
    /// # Errors
    /// As of the steps.
    fn estimate(&self, host: &Host<'_>) -> Result<Estimate> {
        let opened = self.open(host)?;
        let loaded = self.load(&opened, host)?;
        self.cost(&opened, loaded, host)
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Folder for the results; several experiments may share one.
    pub output: PathBuf,
    /// Start over, whatever the folder holds of this experiment.
    pub restart: bool,
}

/// Where work that has begun is done.
pub struct Workplace<'a> {
    /// Folder for the results.
    folder: &'a Path,
    /// The job as a short string, to know unfinished work by.
    job: String,
    /// The machine.
    host: &'a Host<'a>,
}

/// What an experiment found.
pub struct Findings<R> {
    /// The report.
    pub report: R,
    /// Its numbers as a table.
    pub csv: Csv,
}

/// What an experiment would take.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Images up to the layer.
    pub head: Passes,
    /// Images from the layer on, where the network is cut behind it.
    pub tail: Option<Passes>,
    /// Bytes that buffers on the device take.
    pub memory_bytes: u64,
    /// Bytes of the process at one time; none where the system does not tell.
    pub process_bytes: Option<ProcessMemory>,
    /// Name of the adapter.
    pub adapter: String,
}

/// Images through a part of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passes {
    /// Images.
    pub count: u64,
    /// Seconds of each.
    pub seconds: f64,
    /// Images at once.
    pub batch: u32,
}

/// Loads a batch as the work does, and gives it to the network, so that the process has taken the memory that this takes.
fn try_loading(session: &Session, images: &dyn ImageSource) -> Result<Option<ImageBatch>> {
    let batch = images.batches(0..images.count()).next().transpose()?;
    let upload = |batch: &ImageBatch| session.upload(&batch.input, batch.indices.len() as u32);
    batch.iter().filter(|batch| !batch.indices.is_empty()).try_for_each(upload)?;
    Ok(batch)
}

/// Has a generator make a batch, and labels it, likewise.
fn try_labelling(
    split: &Split,
    latents: &dyn ImageSource,
    concepts: &dyn ConceptSource,
    grid: (u32, u32),
) -> Result<()> {
    let Some(batch) = try_loading(split.session(), latents)? else { return Ok(()) };
    let n = batch.indices.len() as u32;
    split.begin(&batch.input, n)?;
    split.images(n, None)?;
    // Of unknown origin, so that no labels are found that were kept.
    let made = MadeImages::by(split, &batch.names, &[])?;
    concepts.label_maps_on_device(split.session().gpu(), &made, grid).map(drop)
}

/// Whether a file or folder holds results of an experiment: its names begin with the experiment's. Its timing is none.
fn owns(experiment: &str, name: &str) -> bool {
    let ending = name.strip_prefix(experiment);
    ending.is_some_and(|ending| ending.is_empty() || ending.starts_with(['.', '-'])) && name != timing_file(experiment)
}

fn timing_file(experiment: &str) -> String {
    format!("{experiment}-timing.json")
}

fn write_timing(folder: &Path, experiment: &str, clock: &Stopwatch) -> Result<()> {
    let timing = json!({ "started_unix": clock.timing().started_unix, "seconds": clock.seconds() });
    write_json(&folder.join(timing_file(experiment)), &timing)
}

impl Workplace<'_> {
    /// How a part of the work lives that keeps where it stands in this file.
    fn watch(&self, state: &str) -> Watch<'_> {
        Watch {
            checkpoint: Some(self.folder.join(state)),
            job: self.job.clone(),
            progress: self.host.progress,
            stop: self.host.stop,
        }
    }
}

impl Passes {
    /// Times a part of a network.
    fn timed(session: &Session, part: &Subplan, count: u64) -> Result<Passes> {
        let batch = session.batch();
        Ok(Passes { count, seconds: seconds_each(session, batch, part)?, batch })
    }

    /// Seconds of all images.
    pub fn total(&self) -> f64 {
        self.seconds * self.count as f64
    }
}

impl Estimate {
    /// What these passes take on a device that holds all that they need, in a process that has tried a batch.
    fn new(gpu: &Gpu, head: Passes, tail: Option<Passes>) -> Estimate {
        let (memory_bytes, process_bytes) = (gpu.peak_bytes(), memory::after_trial(0));
        Estimate { head, tail, memory_bytes, process_bytes, adapter: gpu.summary().name.clone() }
    }

    /// So many images up to the layer, and so many from it on.
    fn of_split(split: &Split, heads: u64, tails: u64) -> Result<Estimate> {
        let session = split.session();
        let tail = Passes::timed(session, split.behind(), tails)?;
        Ok(Estimate::new(session.gpu(), Passes::timed(session, split.before(), heads)?, Some(tail)))
    }

    /// Seconds of the whole, what labels the images not counted.
    pub fn seconds(&self) -> f64 {
        self.head.total() + self.tail.as_ref().map_or(0.0, Passes::total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the names of an experiment's files, and gives its own.
    fn name_of<E: Experiment>() -> &'static str {
        let name = E::Report::NAME;
        assert_eq!((E::FILES.job, E::FILES.result), (&*format!("{name}-run.json"), &*format!("{name}.json")));
        let own = format!("{name}-");
        assert!(E::FILES.states.iter().all(|state| state.starts_with(&own)), "{name}: {:?}", E::FILES.states);
        name
    }

    #[test]
    fn experiments_that_share_a_folder_do_not_share_files_and_the_page_knows_them_all() {
        let mut names = [
            name_of::<ablate::AblateJob>(),
            name_of::<remove::RemoveJob>(),
            name_of::<insert::InsertJob>(),
            name_of::<detect::DetectJob>(),
        ];
        let mut known: Vec<&str> = reports::ALL.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names[..], known[..]);
    }
}
