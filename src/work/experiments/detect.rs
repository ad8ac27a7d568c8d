//! One unit's peak as a detector of a concept.

use std::path::{Component, Path, PathBuf};

use image::RgbImage;
use serde_json::{Value, json};

use super::pictures::{drawn, save};
use super::ranked::check_latents;
use super::{Estimate, Experiment, Findings, Passes, Workplace, try_labelling, try_loading};
use crate::concepts::ConceptSource;
use crate::data::decode::Exif;
use crate::data::images::Order;
use crate::dissect::pictures::thumbnail;
use crate::dissect::ranking::{self, ranked};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::preprocess::Geometry;
use crate::report::experiments::detect::{self, DetectionReport, PresenceRule, Question};
use crate::report::experiments::{About, ExperimentReport, PictureFile, PictureRow};
use crate::report::schema;
use crate::roles::detect::{Detection, Presence, Sightings};
use crate::session::Parts;
use crate::work::Host;
use crate::work::concepts::Labelling;
use crate::work::finished::FinishedRun;
use crate::work::generator::{Generator, LatentChoice};
use crate::work::network::{ImageChoice, ImageNetwork, NetworkChoice};
use crate::work::run_folder::{RunFiles, file_name};
use crate::work::subject::{Source, Subject};

/// Tell from one unit's peak whether a concept is in the image, and how often that is right.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectJob {
    /// Folder of a finished dissection, or of one of its layers, to take layer, unit and grid from.
    pub run: Option<PathBuf>,
    /// The network; that of the run if none is named.
    pub network: NetworkChoice,
    /// Layer of the unit; that of the run if none is named.
    pub layer: Option<String>,
    /// The unit; the first by IoU with the concept in the run if none is named.
    pub unit: Option<u32>,
    /// The concept: a label's name or number; for photographs any word, or the name of their folder if none is given.
    pub concept: Option<String>,
    /// Read a convolution before its ReLU.
    pub pre_relu: bool,
    /// Where the concept is looked for.
    pub images: Evidence,
    /// Images at once; as many as the memory allows if none are named.
    pub batch: Option<u32>,
}

/// Images, and what says whether the concept is in them.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// A generator's own images, which are labelled.
    Generated {
        /// Its latents; what is not said of them is as in the run.
        latents: LatentChoice,
        /// What labels the images; that of the run if nothing is named.
        labelling: Option<Labelling>,
        /// Share of the positions that a concept must exceed to count as present.
        share: f64,
        /// Channel of the label maps that is looked at; any if none is named.
        channel: Option<u32>,
        /// Rows and columns of the label maps; those of the run, or a quarter of the image, if none are named.
        grid: Option<(u32, u32)>,
    },
    /// Photographs of two folders.
    Photographs {
        /// Those that show the concept.
        positive: PathBuf,
        /// Those that do not.
        negative: PathBuf,
        /// How they are brought to the network's size; as its weight file says if left out.
        geometry: Option<Geometry>,
        /// Only the first so many of each folder.
        limit: Option<u32>,
        /// What to do about the rotation a camera noted.
        exif: Exif,
    },
}

/// What a [`DetectJob`] names, opened.
pub struct OpenedDetection<'h> {
    gpu: Gpu,
    subject: Subject,
    layer: String,
    node: String,
    question: Question,
    grid: (u32, u32),
    truth: Truth<'h>,
}

/// What is known of the images.
enum Truth<'h> {
    /// Label maps, and what to look for in them.
    Labels(Box<dyn ConceptSource + 'h>, Presence),
    /// The first so many show the concept.
    First(u32),
}

/// What images show, before a unit is chosen.
struct OpenedEvidence<'h> {
    subject: Subject,
    concept: String,
    /// Its number among the labels of the run, where it is one of them.
    label: Option<usize>,
    presence: PresenceRule,
    grid: (u32, u32),
    truth: Truth<'h>,
}

const STATE: &str = "detect-state.safetensors";

/// Pictures of each kind.
const PICTURED: usize = 5;
/// Longest side of a pictured photograph, pixels.
const PICTURE: u32 = 224;

impl Experiment for DetectJob {
    type Report = DetectionReport;
    type Opened<'h> = OpenedDetection<'h>;
    type Loaded = Parts;

    const FILES: RunFiles = RunFiles { job: "detect-run.json", result: "detect.json", states: &[STATE] };

    fn open<'h>(&self, host: &Host<'h>) -> Result<OpenedDetection<'h>> {
        let run = self.run.as_deref().map(FinishedRun::open).transpose()?;
        let gpu = host.open_gpu()?;
        let shown = match &self.images {
            Evidence::Generated { .. } => self.open_generated(run.as_ref(), &gpu, host)?,
            Evidence::Photographs { .. } => self.open_photographs(run.as_ref())?,
        };
        self.ask(run.as_ref(), gpu, shown)
    }

    fn describe(&self, opened: &OpenedDetection<'_>) -> Result<Value> {
        let OpenedDetection { subject, layer, question, grid, truth, .. } = opened;
        let images = match (subject, &self.images, truth) {
            (
                Subject::Photographs(network),
                Evidence::Photographs { positive, negative, .. },
                Truth::First(positives),
            ) => json!({
                "positive": positive, "negative": negative, "fingerprint": network.set.fingerprint(),
                "count": network.set.len(), "positives": positives, "geometry": network.geometry.describe(),
            }),
            _ => subject.describe_images()?,
        };
        Ok(json!({
            "tool": schema::Tool::current(), "sha256": subject.file().sha256(), "layer": layer, "unit": question.unit,
            "pre_relu": question.pre_relu, "concept": question.concept, "presence": question.presence, "images": images,
            "concepts": truth.concepts().map(|concepts| concepts.describe()), "grid": [grid.0, grid.1],
            "iou": question.iou,
        }))
    }

    fn load(&self, opened: &OpenedDetection<'_>, host: &Host<'_>) -> Result<Parts> {
        let nodes = [(opened.layer.clone(), opened.node.clone())];
        opened.subject.parts(host, &opened.gpu, &nodes, self.batch)
    }

    fn cost(&self, opened: &OpenedDetection<'_>, parts: Parts, _: &Host<'_>) -> Result<Estimate> {
        // What would stop the work is said now.
        let source = opened.subject.source(parts.session())?;
        let count = opened.subject.count() as u64;
        match &parts {
            Parts::Split(split) => {
                if let Some(concepts) = opened.truth.concepts() {
                    try_labelling(split, source.images(), concepts, opened.grid)?;
                }
                Estimate::of_split(split, count, count)
            }
            Parts::Whole(session) => {
                try_loading(session, source.images())?;
                Ok(Estimate::new(&opened.gpu, Passes::timed(session, session.whole(), count)?, None))
            }
        }
    }

    fn run(
        &self,
        opened: &OpenedDetection<'_>,
        parts: Parts,
        workplace: &Workplace<'_>,
    ) -> Result<Findings<DetectionReport>> {
        let OpenedDetection { subject, node, question, .. } = opened;
        let source = subject.source(parts.session())?;
        let watch = workplace.watch(STATE);
        let detection = Detection { images: source.images(), node, unit: question.unit };
        let sightings = match &opened.truth {
            Truth::Labels(concepts, presence) => {
                let split = parts.split().ok_or_else(|| Error::internal("a generator in one part"))?;
                detection.generated(split, concepts.as_ref(), presence, opened.grid, &watch)?
            }
            Truth::First(positives) => detection.photographs(parts.session(), |image| image < *positives, &watch)?,
        };
        if sightings.images.is_empty() {
            return Err(source.nothing_readable());
        }
        let images = subject.report_images(&source, sightings.images.len() as u64, workplace.host.stop)?;
        let pictures = pictures(workplace, opened, &source, &parts, &sightings)?;
        let report = DetectionReport::new(opened.about(images)?, question.clone(), &sightings, pictures);
        Ok(Findings { report, csv: detect::csv(&sightings, &source.names()) })
    }
}

impl DetectJob {
    /// A generator, its own images, and the concept in them.
    fn open_generated<'h>(&self, run: Option<&FinishedRun>, gpu: &Gpu, host: &Host<'h>) -> Result<OpenedEvidence<'h>> {
        let Evidence::Generated { latents, labelling, share, channel, grid } = &self.images else {
            return Err(Error::internal("images of another kind"));
        };
        let named = self.concept.as_deref().unwrap_or_default();
        let (generator, concepts) = match run {
            Some(run) => {
                // A misspelt concept is said before anything is put on the device.
                run.layer.label(named).map_err(|error| error.at(run.layer.folder.display()))?;
                (run.generator(&self.network, latents)?, run.concepts(labelling.as_ref(), host, gpu)?)
            }
            None => {
                let labelling = labelling.clone().unwrap_or_default();
                (Generator::open(&self.network, latents)?, labelling.open(host, gpu, None)?)
            }
        };
        check_latents(&generator)?;
        let vocabulary = concepts.vocabulary();
        let label = ranking::label(vocabulary, named)?;
        let concept = vocabulary.names[label].clone();
        let of_run = run.map(|run| run.report.settings.grid);
        let grid = grid.or(of_run.map(|[rows, columns]| (rows, columns)));
        let (share, channel) = (*share, *channel);
        Ok(OpenedEvidence {
            grid: grid.unwrap_or_else(|| generator.default_grid()),
            subject: Subject::Latents(generator),
            concept,
            label: Some(label),
            presence: PresenceRule::Share { share, channel, label: label as u64 },
            truth: Truth::Labels(concepts, Presence { label, channel, share }),
        })
    }

    /// Two folders as one set, the positive ones first.
    fn open_photographs(&self, run: Option<&FinishedRun>) -> Result<OpenedEvidence<'static>> {
        let Evidence::Photographs { positive, negative, geometry, limit, exif } = &self.images else {
            return Err(Error::internal("images of another kind"));
        };
        let named = run.map_or_else(|| Ok(self.network.clone()), |run| run.network(&self.network))?;
        let open = |path: &Path| {
            let (paths, order) = (vec![path.to_owned()], Order::Sorted);
            ImageNetwork::open(&named, &ImageChoice { paths, geometry: *geometry, limit: *limit, order, exif: *exif })
        };
        let [shows, lacks] = names_apart(positive, negative)?;
        let (mut network, others) = (open(positive)?, open(negative)?);
        let positives = network.set.len() as u32;
        network.set.left_out.merge(others.set.left_out);
        network.set.items.iter_mut().for_each(|item| item.name = format!("{shows}/{}", item.name));
        network.set.items.extend(others.set.items.into_iter().map(|mut item| {
            item.name = format!("{lacks}/{}", item.name);
            item
        }));
        let concept = self.concept.clone().unwrap_or_else(|| file_name(positive));
        Ok(OpenedEvidence {
            subject: Subject::Photographs(network),
            // A dissection's labels may have nothing to do with the photographs' folders.
            label: run.and_then(|run| run.layer.label(&concept).ok()),
            concept,
            presence: PresenceRule::Folders { positive: shows, negative: lacks },
            grid: (1, 1),
            truth: Truth::First(positives),
        })
    }

    /// Layer and unit, as they are named or as the run ranks them.
    fn ask<'h>(&self, run: Option<&FinishedRun>, gpu: Gpu, shown: OpenedEvidence<'h>) -> Result<OpenedDetection<'h>> {
        let OpenedEvidence { subject, concept, label, presence, grid, truth } = shown;
        let mut pre_relu = self.pre_relu;
        if let Some(run) = run {
            run.check_weights(subject.file(), self.network.is_named())?;
            pre_relu |= run.report.settings.pre_relu;
        }
        let layer = self.layer.clone().or_else(|| run.map(|run| run.layer.layer.clone()));
        let layer = layer.ok_or_else(|| Error::new(Kind::Usage, "no layer is named"))?;
        let node = subject.model().node_of(&layer, pre_relu)?.to_owned();
        let first = || {
            let (run, label) = run.zip(label)?;
            ranked(&run.layer.tally, label).first().map(|&unit| unit as u32)
        };
        let unit = self.unit.or_else(first).ok_or_else(|| {
            let error = Error::input(format!("no unit of {layer} is ranked for `{concept}`"));
            error.hint("name one with `--unit`")
        })?;
        let units = subject.model().graph.node(subject.model().graph.find(&node)?).shape.c;
        if unit >= units {
            let message = format!("there is no unit {unit}; it has {units} units, counted from 0");
            return Err(Error::input(message).at(layer));
        }
        let iou = run.zip(label).and_then(|(run, label)| run.layer.tally.iou(unit as usize, label));
        let question = Question { unit, pre_relu, concept, presence, iou };
        Ok(OpenedDetection { gpu, subject, layer, node, question, grid, truth })
    }
}

/// Names of two folders: as many of the last parts of their paths as it takes to tell them apart.
fn names_apart(positive: &Path, negative: &Path) -> Result<[String; 2]> {
    let folders = [files::resolve(positive)?, files::resolve(negative)?];
    if folders[0] == folders[1] {
        let error = Error::new(Kind::Usage, "is named as `--positive` and as `--negative`").at(positive.display());
        return Err(error.hint("name a folder that shows the concept and another that does not"));
    }
    let paths = match [positive, negative].map(file_name) {
        [one, other] if one != other && !one.is_empty() && !other.is_empty() => return Ok([one, other]),
        _ => folders.map(|folder| {
            let parts = folder.components().filter(|part| matches!(part, Component::Normal(_)));
            parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>()
        }),
    };
    let last = |parts: &[String], count: usize| parts[parts.len().saturating_sub(count)..].join("/");
    let longest = paths[0].len().max(paths[1].len());
    let mut names = (1..=longest).map(|count| [last(&paths[0], count), last(&paths[1], count)]);
    names.find(|[one, other]| one != other).ok_or_else(|| Error::internal("two folders of one path"))
}

impl Truth<'_> {
    /// What labels the images; photographs need none.
    fn concepts(&self) -> Option<&dyn ConceptSource> {
        match self {
            Truth::Labels(concepts, _) => Some(concepts.as_ref()),
            Truth::First(_) => None,
        }
    }
}

impl OpenedDetection<'_> {
    /// What the results say of how they came to be.
    fn about(&self, images: schema::Images) -> Result<About> {
        let model = self.subject.report_model()?;
        let about = About::new(DetectionReport::NAME, model, &self.layer, images, self.gpu.summary());
        Ok(about.counted(self.truth.concepts().map_or(Value::Null, ConceptSource::describe), self.grid))
    }
}

/// Pictures of images that are found, missed and mistaken.
fn pictures(
    workplace: &Workplace<'_>,
    opened: &OpenedDetection<'_>,
    source: &Source,
    parts: &Parts,
    sightings: &Sightings,
) -> Result<Vec<PictureRow>> {
    let examples = sightings.examples(PICTURED);
    let concept = &opened.question.concept;
    let kinds = [
        (format!("With {concept}, highest peaks"), "found", examples.found),
        (format!("With {concept}, lowest peaks"), "missed", examples.missed),
        (format!("Without {concept}, highest peaks"), "mistaken", examples.mistaken),
    ];
    let names = source.names();
    let mut rows = Vec::new();
    for (title, kind, places) in kinds.into_iter().filter(|(_, _, places)| !places.is_empty()) {
        let picture = |(rank, place): (usize, usize)| -> Result<PictureFile> {
            let (image, peak) = (sightings.images[place], sightings.peaks[place]);
            let file = format!("{}/{kind}-{}.png", DetectionReport::NAME, rank + 1);
            let name = names.get(image as usize).map_or("", String::as_str);
            save(workplace.folder, file, format!("{name}: {peak:.2}"), &seen(opened, source, parts, image)?)
        };
        let pictures = places.into_iter().enumerate().map(picture).collect::<Result<_>>()?;
        rows.push(PictureRow { title, pictures });
    }
    Ok(rows)
}

/// An image of the run: what is made of a latent, or a photograph in small.
fn seen(opened: &OpenedDetection<'_>, source: &Source, parts: &Parts, image: u32) -> Result<RgbImage> {
    match (&opened.subject, source, parts) {
        (Subject::Latents(generator), _, Parts::Split(split)) => {
            let latent = generator.indices[image as usize];
            split.begin(&generator.latents.reader()?.row(latent)?, 1)?;
            drawn(split, None)
        }
        (_, Source::Photographs(loader), _) => {
            let seen = loader.load(image as usize)?.image;
            let side = PICTURE.min(seen.h.max(seen.w));
            let small = RgbImage::from_raw(side, side, thumbnail(&seen.rgb, (seen.h, seen.w), side));
            small.ok_or_else(|| Error::internal("a picture of another size"))
        }
        _ => Err(Error::internal("images of another kind")),
    }
}
