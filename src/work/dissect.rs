//! A dissection as a job: what each unit of some layers responds to, from images or latents to a folder with a report.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::concepts::Labelling;
use super::finished::RunInputs;
use super::generator::LatentOrigin;
use super::memory::{self, ProcessMemory};
use super::network::{LayerChoice, NetworkChoice};
use super::run_folder::{self, RunFiles, Standing, digest, in_words};
use super::strips;
use super::subject::{Inputs, Source, Subject};
use super::timing::{Stopwatch, seconds_each};
use super::{Host, check};
use crate::concepts::{ConceptSource, LabelMaps, label_writer};
use crate::data::Watch;
use crate::data::source::First;
use crate::dissect::forecast::{Forecast, forecast};
use crate::dissect::{Dissection, LabelListener, Outcome, Settings};
use crate::error::Result;
use crate::files::{self, checksums::Checksums};
use crate::gpu::Gpu;
use crate::report::{self, schema, warnings};
use crate::session::{Parts, Split};
use crate::tensor::Shape;

/// What to dissect, how, and where results go.
#[derive(Debug, Clone, PartialEq)]
pub struct DissectJob {
    /// The network.
    pub network: NetworkChoice,
    /// What it is given.
    pub inputs: Inputs,
    /// Layers whose units are dissected.
    pub layers: LayerChoice,
    /// Where label maps come from.
    pub concepts: Labelling,
    /// Folder for the results.
    pub output: PathBuf,
    /// Images at once; as many as the memory allows if left out.
    pub batch: Option<u32>,
    /// Fraction of positions at which a unit fires, between 0 and 1: its level is the quantile above which this fraction lies.
    pub quantile: f64,
    /// IoU that a unit's best concept must exceed to count as a match, between 0 and 1.
    pub min_iou: f64,
    /// Rows and columns on which units and concepts are compared; 56x56, or a quarter of a generator's image, if left out.
    pub grid: Option<(u32, u32)>,
    /// Images kept for each unit, at least 1.
    pub top: u32,
    /// Images shown for each unit.
    pub shown: u32,
    /// Draw strips of generated images as the reference's batch script does, which takes their values for ones in [0, 1].
    pub compat_strips: bool,
    /// Also write the label maps that were used, to the folder `labels`.
    pub save_labels: bool,
    /// Start over, whatever the folder holds.
    pub restart: bool,
}

impl Default for DissectJob {
    /// The reference's numbers; network, inputs, layers and folder are still to be named.
    fn default() -> Self {
        DissectJob {
            network: NetworkChoice::default(),
            inputs: Inputs::default(),
            layers: LayerChoice::default(),
            concepts: Labelling::default(),
            output: PathBuf::new(),
            batch: None,
            quantile: 0.01,
            min_iou: 0.04,
            grid: None,
            top: 100,
            shown: 5,
            compat_strips: false,
            save_labels: false,
            restart: false,
        }
    }
}

/// What a dissection would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DissectEstimate {
    /// Images in all.
    pub images: usize,
    /// Images at once.
    pub batch: u32,
    /// The layers.
    pub layers: Vec<LayerSize>,
    /// Rows and columns on which units and concepts are compared.
    pub grid: (u32, u32),
    /// Seconds in all, but for what the concepts take.
    pub seconds: f64,
    /// Bytes on the device at one time, for a batch.
    pub memory_bytes: u64,
    /// Bytes of the process at one time; none where the system does not tell.
    pub process_bytes: Option<ProcessMemory>,
    /// Bytes of the layers' activations of all images.
    pub activations_bytes: u64,
    /// How often each image goes through the network.
    pub forward_passes: f64,
    /// Seconds of one image through the network.
    #[serde(skip)]
    pub seconds_each: f64,
    /// Seconds to make one image, where the network is a generator.
    #[serde(skip)]
    pub seconds_to_make: Option<f64>,
    /// Most bytes of activations that are held between passes.
    #[serde(skip)]
    pub held_bytes: u64,
    /// Name of the adapter.
    #[serde(skip)]
    pub adapter: String,
}

/// Size of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerSize {
    /// Its name.
    pub layer: String,
    /// Units.
    pub units: u32,
    /// Rows of a map.
    pub height: u32,
    /// Columns of a map.
    pub width: u32,
}

/// Side of a shown image, pixels, as in the reference.
const THUMBNAIL: u32 = 100;
/// Concepts listed for each unit.
const BEST: usize = 5;

/// Folder for the label maps that were used.
const LABELS: &str = "labels";
const CHECKPOINT: &str = "checkpoint.safetensors";
/// By these files the folder of a dissection is known.
const MARKS: [&str; 2] = ["run.json", "report.sha256"];
const FILES: RunFiles = RunFiles { job: "run.json", result: "report.json", states: &[CHECKPOINT] };

impl DissectJob {
    fn check(&self) -> Result<()> {
        let share = |value: f64| value > 0.0 && value < 1.0;
        check("quantile", share(self.quantile), "a number between 0 and 1")?;
        check("min_iou", share(self.min_iou), "a number between 0 and 1")?;
        check("grid", self.grid.is_none_or(|(rows, columns)| rows > 0 && columns > 0), "a row and a column at least")?;
        check("batch", self.batch != Some(0), "an image at least")?;
        check("top", self.top > 0, "an image at least")
    }

    /// Dissects and writes the folder; goes on where work on the same job was stopped, and only reads where it is done.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming what is wrong with a file; [`crate::error::Kind::Output`] if the folder cannot be written;
    /// [`crate::error::Kind::Interrupted`] if stopped, after saving where it stood.
    pub fn perform(&self, host: &Host<'_>) -> Result<schema::Report> {
        let opened = DissectRun::new(self, host)?;
        let record = opened.record()?;
        let folder = self.output.as_path();
        let _taken = run_folder::take(folder, &MARKS)?;
        let standing = FILES.standing(folder, &record, self.restart)?;
        if standing == Standing::Done && self.has_labels() || self.mend(&standing, host)? {
            FILES.remove_states(folder)?;
            self.inputs().note(folder)?;
            host.progress.note("this run is complete; `--restart` makes it again");
            return report::read(folder);
        }
        FILES.begin(folder, &record, &standing, host.progress)?;
        self.inputs().note(&self.output)?;
        let loaded = opened.load()?;
        let clock = Stopwatch::start();
        let outcome = opened.dissect(&loaded, &record)?;
        opened.write(&loaded, &outcome)?;
        report::write_timing(&self.output, &clock.timing())?;
        FILES.finish(&self.output, |name| self.owns(name, &outcome))?;
        report::read(&self.output)
    }

    /// Whether a file or folder at the top of its folder holds results. Timing and where inputs lay are none: they may differ.
    fn owns(&self, name: &str, outcome: &Outcome) -> bool {
        [FILES.job, LABELS].contains(&name)
            || report::FILES.contains(&name)
            || outcome.layers.iter().any(|layer| layer.name == name)
    }

    /// Whether label maps are there, if they are wanted: a run that did not write them may be done all the same.
    fn has_labels(&self) -> bool {
        !self.save_labels || files::exists(&self.output.join(LABELS))
    }

    /// Makes tables and pages of a finished run again from its report, where nothing else is missing or damaged; whether that was enough.
    fn mend(&self, standing: &Standing, host: &Host<'_>) -> Result<bool> {
        let Standing::Damaged(damaged) = standing else { return Ok(false) };
        if !self.has_labels() || !damaged.iter().all(|(name, _)| report::is_made_from_report(name)) {
            return Ok(false);
        }
        host.progress.note(&format!("{}: made again from the report", in_words(damaged)));
        report::write_pages(&self.output, &report::read(&self.output)?)?;
        Ok(Checksums::beside(&self.output.join(FILES.result))?.damaged(|_| true).is_empty())
    }

    /// Where what it names lies.
    fn inputs(&self) -> RunInputs {
        let latents = match &self.inputs {
            Inputs::Images(_) => None,
            Inputs::Latents(latents) => Some(latents.origin.clone().unwrap_or(LatentOrigin::Seed(1))),
        };
        RunInputs { network: self.network.clone(), latents, concepts: self.concepts.clone() }
    }

    /// Times one batch, tries all of the work on it, and says what the whole would take; writes nothing.
    ///
    /// # Errors
    /// As [`DissectJob::perform`].
    pub fn estimate(&self, host: &Host<'_>) -> Result<DissectEstimate> {
        // What is tried must be done.
        let tried = DissectJob { concepts: self.concepts.clone().uncached(), ..self.clone() };
        let opened = DissectRun::new(&tried, host)?;
        opened.estimate(&opened.load()?)
    }
}

/// A job with all that it names open and checked.
struct DissectRun<'a> {
    job: &'a DissectJob,
    host: &'a Host<'a>,
    subject: Subject,
    /// Layers as users type them, with the nodes that are read.
    nodes: Vec<(String, String)>,
    grid: (u32, u32),
    gpu: Gpu,
    concepts: Box<dyn ConceptSource + 'a>,
}

/// The network on the device, and the images in batches of its size.
struct LoadedSubject {
    parts: Parts,
    source: Source,
}

impl<'a> DissectRun<'a> {
    fn new(job: &'a DissectJob, host: &'a Host<'a>) -> Result<DissectRun<'a>> {
        job.check()?;
        if let Inputs::Images(images) = &job.inputs {
            run_folder::check_apart(&images.paths, &job.output)?;
        }
        let subject = Subject::open(&job.network, &job.inputs)?;
        let nodes = subject.nodes(&job.layers)?;
        if let (true, Subject::Photographs(network)) = (job.save_labels, &subject) {
            label_writer::check_names(network.set.items.iter().map(|item| item.name.as_str()))?;
        }
        let grid = job.grid.unwrap_or_else(|| subject.default_grid());
        let gpu = host.open_gpu()?;
        let concepts = job.concepts.open(host, &gpu, subject.photographs(grid))?;
        Ok(DissectRun { job, host, subject, nodes, grid, gpu, concepts })
    }

    /// Everything that decides the result, for `run.json`: a run is taken up again only if this is the same.
    fn record(&self) -> Result<Value> {
        let job = self.job;
        let layers: Vec<&str> = self.nodes.iter().map(|(name, _)| name.as_str()).collect();
        Ok(json!({
            "command": "dissect",
            "tool": schema::Tool::current(),
            "model": self.subject.report_model()?,
            "images": self.subject.describe_images()?,
            "concepts": self.concepts.describe(),
            "label_maps": self.subject.label_maps_fingerprint(self.concepts.as_ref()),
            "settings": {
                "layers": layers, "pre_relu": job.layers.pre_relu, "quantile": job.quantile, "min_iou": job.min_iou,
                "grid": self.grid, "top": job.top, "show": job.shown, "compat_strips": job.compat_strips,
            },
        }))
    }

    fn load(&self) -> Result<LoadedSubject> {
        let parts = self.subject.parts(self.host, &self.gpu, &self.nodes, self.job.batch)?;
        let source = self.subject.source(parts.session())?;
        Ok(LoadedSubject { parts, source })
    }

    fn settings(&self) -> Settings {
        let job = self.job;
        Settings {
            layers: self.nodes.clone(),
            tail: job.quantile,
            grid: self.grid,
            top: job.top as usize,
            shown: job.shown as usize,
            thumbnail: THUMBNAIL,
            compat_strips: job.compat_strips,
        }
    }

    fn dissect(&self, loaded: &LoadedSubject, record: &Value) -> Result<Outcome> {
        let job = self.job;
        let watch = Watch {
            checkpoint: Some(job.output.join(CHECKPOINT)),
            // Label maps are written as they are counted: work that did not write them cannot be taken up by work that does.
            job: format!("{}{}", digest(record), if job.save_labels { ", label maps saved" } else { "" }),
            progress: self.host.progress,
            stop: self.host.stop,
        };
        let labels = job.output.join(LABELS);
        if job.save_labels {
            label_writer::write_table(&labels, self.concepts.vocabulary())?;
        }
        let write_labels =
            job.save_labels.then_some(|name: &str, maps: &LabelMaps| label_writer::write_maps(&labels, name, maps));
        Dissection {
            gpu: &self.gpu,
            parts: &loaded.parts,
            images: loaded.source.images(),
            concepts: self.concepts.as_ref(),
            labelled: write_labels.as_ref().map(|listener| listener as &LabelListener<'_>),
            settings: &self.settings(),
        }
        .run(&watch)
        .map_err(|error| match loaded.source.unreadable().len() == self.subject.count() {
            true => loaded.source.nothing_readable(),
            false => error,
        })
    }

    /// Tallies, top images, strips and the report.
    fn write(&self, loaded: &LoadedSubject, outcome: &Outcome) -> Result<()> {
        let job = self.job;
        let names = loaded.source.names();
        for outcome in &outcome.layers {
            let folder = report::layer_folder(&job.output, &outcome.name)?;
            files::make_folder(&folder)?;
            outcome.tally.save(&folder.join("tally.safetensors"))?;
            outcome.topk.save(&folder.join("topk.safetensors"), &names)?;
        }
        let look =
            strips::StripLook { shown: job.shown as usize, thumbnail: THUMBNAIL, best: BEST, min_iou: job.min_iou };
        let layers =
            strips::layers(&job.output, &names, self.concepts.vocabulary(), outcome, &look, self.host.progress)?;
        let positions = u64::from(self.grid.0) * u64::from(self.grid.1);
        let counted = outcome.layers.first().map_or(0, |outcome| outcome.tally.positions / positions);
        let variants = loaded.parts.session().variants().into_iter();
        let settings = schema::Settings {
            quantile_tail: job.quantile,
            min_iou: job.min_iou,
            grid: [self.grid.0, self.grid.1],
            pre_relu: job.layers.pre_relu,
            layers: outcome.layers.iter().map(|outcome| outcome.name.clone()).collect(),
        };
        report::write(
            &job.output,
            &schema::Report {
                schema_version: schema::SCHEMA_VERSION,
                tool: schema::Tool::current(),
                model: self.subject.report_model()?,
                images: self.subject.report_images(&loaded.source, counted, self.host.stop)?,
                concepts: schema::Concepts {
                    source: self.concepts.describe(),
                    vocabulary: self.concepts.vocabulary().clone(),
                },
                warnings: warnings::of(counted, &settings, &layers),
                settings,
                adapter: schema::Adapter::of(self.gpu.summary()),
                kernels: variants.map(|(layer, variant)| (layer, format!("{variant:?}"))).collect(),
                layers,
            },
        )
    }

    /// Dissects the first images and keeps nothing of it: tables, masks and what labels images take as much of the memory as for all.
    fn try_first(&self, loaded: &LoadedSubject, images: &First<'_>) -> Result<()> {
        let dissection = Dissection {
            gpu: &self.gpu,
            parts: &loaded.parts,
            images,
            concepts: self.concepts.as_ref(),
            labelled: None,
            settings: &self.settings(),
        };
        dissection.run(&self.host.trial()).map(drop)
    }

    /// The most memory of the process, after the first images were tried, of which the activations are held as those of others will be.
    fn process_bytes(&self, shapes: &[Shape], tried: u64, held_bytes: u64) -> Option<ProcessMemory> {
        let of_image: u64 = shapes.iter().map(|shape| shape.bytes()).sum();
        // Of a software adapter buffers are memory of the process.
        let held = if self.gpu.summary().software { held_bytes.saturating_sub(of_image * tried) } else { 0 };
        let units: u64 = shapes.iter().map(|shape| u64::from(shape.c)).sum();
        let pictures = (units * u64::from(self.job.shown)).min((self.subject.count() as u64).saturating_sub(tried));
        memory::after_trial(held + pictures * u64::from(THUMBNAIL * THUMBNAIL * 3))
    }

    fn estimate(&self, loaded: &LoadedSubject) -> Result<DissectEstimate> {
        let (session, images) = (loaded.parts.session(), loaded.source.images());
        let Some(batch) = images.batches(0..images.count()).next().transpose()? else {
            return Err(loaded.source.nothing_readable());
        };
        let n = batch.indices.len() as u32;
        session.upload(&batch.input, n)?;
        let seconds_each_pass = seconds_each(session, n, loaded.parts.head())?;
        let make = |split: &Split| seconds_each(session, n, split.behind());
        let seconds_to_make = loaded.parts.split().map(make).transpose()?;
        let (graph, count) = (session.graph(), self.subject.count());
        let shape_of = |(_, node): &(String, String)| Ok(graph.node(graph.find(node)?).shape);
        let shapes = self.nodes.iter().map(shape_of).collect::<Result<Vec<_>>>()?;
        let size = |((name, _), shape): (&(String, String), &Shape)| LayerSize {
            layer: name.clone(),
            units: shape.c,
            height: shape.h,
            width: shape.w,
        };
        let Forecast { held_bytes, forward_passes } = forecast(&self.gpu, &shapes, count as u64, session.batch());
        self.try_first(loaded, &First { images, count: batch.next })?;
        Ok(DissectEstimate {
            images: count,
            batch: session.batch(),
            layers: self.nodes.iter().zip(&shapes).map(size).collect(),
            grid: self.grid,
            seconds: (seconds_each_pass * forward_passes + seconds_to_make.unwrap_or(0.0)) * count as f64,
            memory_bytes: self.gpu.peak_bytes(),
            process_bytes: self.process_bytes(&shapes, n.into(), held_bytes),
            activations_bytes: shapes.iter().map(|shape| shape.bytes()).sum::<u64>() * count as u64,
            forward_passes,
            seconds_each: seconds_each_pass,
            seconds_to_make,
            held_bytes,
            adapter: self.gpu.summary().name.clone(),
        })
    }
}
