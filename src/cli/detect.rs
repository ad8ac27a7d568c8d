//! `netdissect detect`: one unit's peak as a detector of a concept.

use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::concepts::ConceptArgs;
use super::context::Context;
use super::experiment::{self, PlaceArgs, picture};
use super::latents::LatentArgs;
use super::network::{ExifName, WeightArgs};
use super::words::{fraction, grid};
use super::words::{size_in_words, time_in_words};
use crate::concepts::ConceptSource;
use crate::data::images::Order;
use crate::dissect::pictures::thumbnail;
use crate::dissect::ranking::{self, Dissected, ranked};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::report::experiments::detect::{Detection as Report, NAME, Presence as Rule};
use crate::report::experiments::{self, About, Picture, Row};
use crate::report::{self, schema, sheet};
use crate::roles::Watch;
use crate::roles::detect::{Detection, Presence, Sightings};
use crate::work::generator::{Generator, Parts};
use crate::work::network::{ImageChoice, ImageNetwork};
use crate::work::run_folder::{RunFiles, digest, file_name};
use crate::work::subject::{Source, Subject};
use crate::work::timing::seconds_each;

/// Tell from one unit's peak whether a concept is in the image, and how often that is right.
#[derive(Debug, Args)]
#[command(mut_group("source", |group| group.required(false)))]
#[command(after_help = "Examples:
  netdissect detect run --concept window -w kitchen.safetensors --latents 0-9999 --concepts colors -o window
  netdissect detect -w kitchen.safetensors -l layer5 --unit 314 --concept window --latents 0-9999 --concepts colors -o window
  netdissect detect -w vgg16.safetensors -l conv5_3 --unit 150 --pre-relu --positive airplanes/ --negative others/ -o airplane

With a generator, its images are labelled, and the concept counts as present where it covers more than 5 % of the positions. With
photographs, two folders say which show it. The threshold is set where the same share of images is missed of those with the
concept as is mistaken of those without. The folder then holds report.html, detect.json, detect.csv (every image), a plot, and pictures.")]
pub(super) struct DetectArgs {
    /// Folder of a finished dissection, or of one of its layers, to take layer, unit and grid from.
    run: Option<PathBuf>,

    #[command(flatten)]
    network: WeightArgs,

    /// Layer of the unit [default: that of the run].
    #[arg(short, long, value_name = "LAYER", required_unless_present = "run", conflicts_with = "run")]
    layer: Option<String>,

    /// The unit [default: the first by IoU with the concept in the run].
    #[arg(long, value_name = "N", required_unless_present = "run")]
    unit: Option<u32>,

    /// The concept: a label's name or number; for photographs any word [default: the name of their folder].
    #[arg(long, value_name = "NAME", required_unless_present = "positive")]
    concept: Option<String>,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    concepts: ConceptArgs,

    /// Photographs that show the concept.
    #[arg(long, value_name = "DIR", requires = "negative", conflicts_with_all = ["latents", "z", "concepts", "labels"])]
    positive: Option<PathBuf>,

    /// Photographs that do not.
    #[arg(long, value_name = "DIR", requires = "positive")]
    negative: Option<PathBuf>,

    /// Read a convolution before its ReLU.
    #[arg(long)]
    pre_relu: bool,

    /// Send photographs in without resizing or cropping.
    #[arg(long, requires = "positive")]
    as_is: bool,

    /// Only the first N photographs of each folder.
    #[arg(long, value_name = "N", requires = "positive", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// What to do about the rotation a camera noted.
    #[arg(long, value_enum, default_value_t)]
    exif: ExifName,

    /// Share of the positions that a concept must exceed to count as present.
    #[arg(long, default_value_t = 0.05, value_name = "FRACTION", value_parser = fraction)]
    presence: f64,

    /// Channel of the label maps that is looked at: a number, or `any`.
    #[arg(long, default_value = "0", value_name = "N", value_parser = channel)]
    channel: Channel,

    /// Rows and columns of the label maps [default: those of the run, or a quarter of the image].
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = grid)]
    grid: Option<(u32, u32)>,

    #[command(flatten)]
    place: PlaceArgs,
}

/// A channel of label maps, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Channel(Option<u32>);

fn channel(text: &str) -> Result<Channel, String> {
    match (text, text.parse()) {
        ("any", _) => Ok(Channel(None)),
        (_, Ok(number)) => Ok(Channel(Some(number))),
        _ => Err("needs a number, or `any`".to_owned()),
    }
}

const STATE: &str = "detect-state.safetensors";
const FILES: RunFiles = RunFiles { job: "detect-run.json", result: "detect.json", states: &[STATE] };

/// Pictures of each kind.
const PICTURED: usize = 5;
/// Longest side of a pictured photograph, pixels.
const PICTURE: u32 = 224;

/// What is looked for, and where.
struct Job<'a> {
    layer: String,
    node: String,
    unit: u32,
    pre_relu: bool,
    concept: String,
    iou: Option<f64>,
    grid: (u32, u32),
    /// Label maps and what to look for in them; photographs need none.
    labels: Option<(Box<dyn ConceptSource + 'a>, Presence)>,
    /// Photographs with the concept, which come first.
    positives: u32,
    /// Names of the folder of those and of the other.
    folders: [String; 2],
}

/// Runs `netdissect detect`.
///
/// # Errors
/// [`Kind::Input`] if the layer, unit or concept is not there; [`Kind::Interrupted`] if stopped, after saving where it stood.
pub(super) fn run(args: &DetectArgs, context: &mut Context<'_>) -> Result<()> {
    let run = args.run.as_deref().map(Dissected::open).transpose()?;
    let gpu = context.host.open_gpu()?;
    let (subject, job) = match (&args.positive, &args.negative) {
        (Some(positive), Some(negative)) => of_photographs(args, run.as_ref(), (positive, negative))?,
        _ => of_latents(args, context, run.as_ref(), &gpu)?,
    };
    let described = describe(args, &subject, &job)?;
    if args.place.begin(&FILES, &described, context)? {
        return print(context, args);
    }
    let nodes = [(job.layer.clone(), job.node.clone())];
    let mut parts = subject.parts(context.host, &gpu, &nodes, args.place.batch)?;
    let source = subject.source(&parts.head)?;
    if args.place.dry_run {
        return dry_run(args, context, &gpu, &parts, subject.count());
    }
    let started = Instant::now();
    let checkpoint = Some(args.place.output.join(STATE));
    let watch = Watch { checkpoint, job: digest(&described), progress: context.host.progress, stop: context.host.stop };
    let detection = Detection { images: source.images(), node: &job.node, unit: job.unit };
    let sightings = match &job.labels {
        Some((concepts, presence)) => {
            let mut split = experiment::split(&gpu, &mut parts)?;
            detection.generated(&mut split, concepts.as_ref(), (presence, job.grid), &watch)?
        }
        None => detection.photographs(&gpu, &parts.head, |image| image < job.positives, &watch)?,
    };
    if sightings.images.is_empty() {
        return Err(source.nothing_readable());
    }
    let images = subject.report_images(&source, sightings.images.len() as u64, context.host.stop)?;
    let rows = pictures(args, &job, (&subject, &source), (&gpu, &mut parts), &sightings)?;
    let report = Report::new(
        about(&gpu, images, &subject, &job)?,
        (job.unit, job.pre_relu),
        (job.concept.clone(), rule(&job), job.iou),
        &sightings,
        rows,
    );
    report.write(&args.place.output, &sightings, &source.names())?;
    args.place.end(&FILES, NAME, started)?;
    print(context, args)
}

/// Two folders as one set, the positive ones first.
fn of_photographs(
    args: &DetectArgs,
    run: Option<&Dissected>,
    (positive, negative): (&Path, &Path),
) -> Result<(Subject, Job<'static>)> {
    let open = |folder: &Path| {
        let (as_is, limit, exif) = (args.as_is, args.limit, args.exif.into());
        let images = ImageChoice { path: folder.to_owned(), as_is, limit, order: Order::Sorted, exif };
        ImageNetwork::open(&args.network.choice(), &images)
    };
    let folders = names_apart(positive, negative)?;
    let (mut network, others) = (open(positive)?, open(negative)?);
    let positives = network.set.len() as u32;
    network.set.items.iter_mut().for_each(|item| item.name = format!("{}/{}", folders[0], item.name));
    network.set.items.extend(others.set.items.into_iter().map(|mut item| {
        item.name = format!("{}/{}", folders[1], item.name);
        item
    }));
    let subject = Subject::Photographs(network);
    let concept = args.concept.clone().unwrap_or_else(|| file_name(positive));
    // A dissection's labels may have nothing to do with the photographs' folders.
    let label = run.and_then(|run| run.label(&concept).ok());
    let job = job(args, &subject, run, (concept, label), (1, 1))?;
    Ok((subject, Job { positives, folders, ..job }))
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

/// A generator, its own images, and the concept in them.
fn of_latents<'a>(
    args: &DetectArgs,
    context: &Context<'a>,
    run: Option<&Dissected>,
    gpu: &Gpu,
) -> Result<(Subject, Job<'a>)> {
    if !args.concepts.is_given() {
        let error = Error::new(Kind::Usage, "nothing says where the concept is");
        return Err(
            error.hint("name `--concepts` for a generator's images, or `--positive` and `--negative` photographs")
        );
    }
    let generator = Generator::open(&args.network.choice(), &args.latents.choice())?;
    experiment::check_latents(&generator)?;
    let concepts = args.concepts.choice().open(context.host, gpu, None)?;
    let (concept, label) = named(args.concept.as_deref().unwrap_or_default(), concepts.vocabulary(), run)?;
    let report = run.map(|run| report::read(&run.folder)).transpose()?;
    let of_run = report.map(|report| (report.settings.grid[0], report.settings.grid[1]));
    let grid = args.grid.or(of_run).unwrap_or_else(|| generator.default_grid());
    let presence = Presence { label, channel: args.channel.0, share: args.presence };
    let subject = Subject::Latents(generator);
    let job = job(args, &subject, run, (concept, Some(label)), grid)?;
    Ok((subject, Job { labels: Some((concepts, presence)), ..job }))
}

/// Name and number of a concept, of which a run must have the same.
fn named(concept: &str, vocabulary: &crate::concepts::Vocabulary, run: Option<&Dissected>) -> Result<(String, usize)> {
    if let Some(run) = run.filter(|run| run.vocabulary != *vocabulary) {
        let error = Error::input("its labels are not those of these concepts").at(run.folder.display());
        return Err(error.hint("name the concepts that the run was dissected with"));
    }
    let label = ranking::label(vocabulary, concept)?;
    Ok((vocabulary.names[label].clone(), label))
}

/// Layer and unit, as they are named or as the run ranks them.
fn job(
    args: &DetectArgs,
    subject: &Subject,
    run: Option<&Dissected>,
    (concept, label): (String, Option<usize>),
    grid: (u32, u32),
) -> Result<Job<'static>> {
    let mut pre_relu = args.pre_relu;
    if let Some(run) = run {
        let report = report::read(&run.folder)?;
        if report.model.sha256 != subject.file().sha256() {
            let error = Error::input(format!("is a dissection of other weights: {}", report.model.file));
            return Err(error.at(run.folder.display()));
        }
        pre_relu |= report.settings.pre_relu;
    }
    let layer = args.layer.clone().or_else(|| run.map(|run| run.layer.clone()));
    let layer = layer.ok_or_else(|| Error::new(Kind::Usage, "no layer is named"))?;
    let node = subject.model().node_of(&layer, pre_relu)?.to_owned();
    let first = || {
        let (run, label) = run.zip(label)?;
        ranked(&run.tally, label).first().map(|&unit| unit as u32)
    };
    let unit = args.unit.or_else(first).ok_or_else(|| {
        let error = Error::input(format!("no unit of {layer} is ranked for `{concept}`"));
        error.hint("name one with `--unit`")
    })?;
    let units = subject.model().graph.node(subject.model().graph.find(&node)?).shape.c;
    if unit >= units {
        let message = format!("there is no unit {unit}; it has {units} units, counted from 0");
        return Err(Error::input(message).at(layer));
    }
    let iou = run.zip(label).and_then(|(run, label)| run.tally.iou(unit as usize, label));
    Ok(Job { layer, node, unit, pre_relu, concept, iou, grid, labels: None, positives: 0, folders: Default::default() })
}

fn rule(job: &Job) -> Rule {
    let [positive, negative] = job.folders.clone();
    match &job.labels {
        Some((_, presence)) => {
            Rule::Share { share: presence.share, channel: presence.channel, label: presence.label as u64 }
        }
        None => Rule::Folders { positive, negative },
    }
}

/// What decides the result.
fn describe(args: &DetectArgs, subject: &Subject, job: &Job) -> Result<Value> {
    let images = match subject {
        Subject::Latents(generator) => generator.describe()?,
        Subject::Photographs(network) => json!({
            "positive": args.positive, "negative": args.negative, "fingerprint": network.set.fingerprint(),
            "count": network.set.len(), "positives": job.positives, "geometry": network.geometry.describe(),
        }),
    };
    Ok(json!({
        "tool": schema::Tool::current(), "sha256": subject.file().sha256(), "layer": job.layer, "unit": job.unit,
        "pre_relu": job.pre_relu, "concept": job.concept, "presence": rule(job), "images": images,
        "concepts": job.labels.as_ref().map(|(concepts, _)| concepts.describe()), "grid": [job.grid.0, job.grid.1],
        "iou": job.iou,
    }))
}

fn about(gpu: &Gpu, images: schema::Images, subject: &Subject, job: &Job) -> Result<About> {
    let file = subject.file();
    Ok(About {
        schema_version: experiments::SCHEMA_VERSION,
        experiment: NAME.to_owned(),
        tool: schema::Tool::current(),
        model: schema::Model {
            name: subject.model().name.clone(),
            file: file_name(file.path()),
            sha256: file.sha256().to_owned(),
            preprocess: subject.preprocess()?.to_owned(),
        },
        layer: job.layer.clone(),
        images,
        concepts: job.labels.as_ref().map_or(Value::Null, |(concepts, _)| concepts.describe()),
        grid: [job.grid.0, job.grid.1],
        adapter: schema::Adapter::of(gpu.summary()),
    })
}

/// Pictures of images that are found, missed and mistaken.
fn pictures(
    args: &DetectArgs,
    job: &Job,
    (subject, source): (&Subject, &Source),
    (gpu, parts): (&Gpu, &mut Parts),
    sightings: &Sightings,
) -> Result<Vec<Row>> {
    let folder = args.place.output.as_path();
    let examples = sightings.examples(PICTURED);
    let concept = &job.concept;
    let kinds = [
        (format!("With {concept}, highest peaks"), "found", examples.found),
        (format!("With {concept}, lowest peaks"), "missed", examples.missed),
        (format!("Without {concept}, highest peaks"), "mistaken", examples.mistaken),
    ];
    let names = source.names();
    let mut rows = Vec::new();
    for (title, kind, places) in kinds.into_iter().filter(|(_, _, places)| !places.is_empty()) {
        let mut pictures = Vec::new();
        for (rank, place) in places.into_iter().enumerate() {
            let (image, peak) = (sightings.images[place], sightings.peaks[place]);
            let file = format!("detect/{kind}-{}.png", rank + 1);
            let file = match (subject, source) {
                (Subject::Latents(generator), _) => {
                    let mut split = experiment::split(gpu, parts)?;
                    let latent = generator.indices[image as usize];
                    split.begin(&generator.latents.reader()?.row(latent)?, 1)?;
                    picture(&mut split, None, (folder, file), |_| ())?
                }
                (_, Source::Photographs(loader)) => {
                    let seen = loader.load(image as usize)?.image;
                    let side = PICTURE.min(seen.h.max(seen.w));
                    let png = sheet::png(&thumbnail(&seen.rgb, (seen.h, seen.w), side), side, side)?;
                    files::make_folder(&folder.join(NAME))?;
                    files::write_atomic(&folder.join(&file), &png)?;
                    file
                }
                _ => return Err(Error::internal("images of another kind")),
            };
            let name = names.get(image as usize).map_or("", String::as_str);
            pictures.push(Picture { file, caption: format!("{name}: {peak:.2}") });
        }
        rows.push(Row { title, pictures });
    }
    Ok(rows)
}

fn dry_run(args: &DetectArgs, context: &mut Context<'_>, gpu: &Gpu, parts: &Parts, count: usize) -> Result<()> {
    if parts.tail.is_some() {
        return experiment::dry_run(context, gpu, parts, (count as u64, count as u64, None), &args.place.output);
    }
    let seconds = seconds_each(gpu, &parts.head, parts.head.batch())? * count as f64;
    if context.json {
        return context.json(&json!({ "images": count, "seconds": seconds, "memory_bytes": gpu.peak_bytes() }));
    }
    context.line(&format!(
        "{count} images, about {}; {} of memory",
        time_in_words(seconds),
        size_in_words(gpu.peak_bytes())
    ))?;
    context.line(&format!("would write {}; nothing was written", args.place.output.display()))
}

fn print(context: &mut Context<'_>, args: &DetectArgs) -> Result<()> {
    let folder = &args.place.output;
    let page = folder.join("report.html");
    let report = Report::open(folder)?;
    if context.json {
        return context.json(&json!({
            "folder": folder, "report": page, "layer": report.about.layer, "unit": report.unit, "concept": report.concept,
            "with": report.with.images, "without": report.without.images, "verdict": report.verdict, "iou": report.iou,
        }));
    }
    let (with, without) = (report.with.images, report.without.images);
    context.line(&match &report.verdict {
        Some(verdict) => format!(
            "unit {} of {} tells {} with {:.1} % balanced accuracy at {:.4}: {} of {with} found, {} of {without} passed over",
            report.unit, report.about.layer, report.concept, verdict.balanced_accuracy * 100.0, verdict.threshold, verdict.found, verdict.passed
        ),
        None => format!("{}: {with} images with it and {without} without; a threshold needs both", report.concept),
    })?;
    for skipped in &report.about.images.skipped {
        context.line(&format!("skipped {}: {}", skipped.name, skipped.reason))?;
    }
    context.line(&page.display().to_string())
}
