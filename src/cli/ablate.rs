//! `netdissect ablate`: how well a classifier knows each class without some units.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::experiment::PlaceArgs;
use super::network::InputArgs;
use super::words::time_in_words;
use crate::data::loader::ImageLoader;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::report::experiments::ablate::{Ablation as Report, NAME, sets};
use crate::report::experiments::{self, About};
use crate::report::schema;
use crate::roles::ablate::{Ablation, Verdicts};
use crate::roles::{Split, Watch};
use crate::session::Session;
use crate::work::Host;
use crate::work::network::{self, ImageChoice, ImageNetwork};
use crate::work::run_folder::{RunFiles, digest, file_name};
use crate::work::timing::seconds_each;

/// Switch units of a classifier off, one at a time and in groups, and see which classes suffer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect ablate places/train --held-out places/val -w vgg16.safetensors -l conv5_3 -o ablated
  netdissect ablate train/images --held-out held/images --model demo-classifier --as-is -l conv5_3 -o ablated

Both folders hold a folder of images for each class, called as the network calls it. Units are ranked for each class by the balanced
accuracy that it loses on the first folder's images without that unit; the most and the least important are then removed together, and
judged on the second's. The folder then holds report.html, ablate.json, ablate.csv and a plot. The same command goes on where a stopped one
left off.")]
pub(super) struct AblateArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Images, of the same classes, to judge by.
    #[arg(long, value_name = "DIR")]
    held_out: PathBuf,

    /// Layer whose units are removed.
    #[arg(short, long, value_name = "LAYER")]
    layer: String,

    /// How many units to remove together; several with commas [default: a thirty-second and a sixth of them].
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=65_536))]
    sizes: Vec<u32>,

    /// Folder for the results.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Start over, whatever the folder holds of this experiment.
    #[arg(long)]
    restart: bool,

    /// Only say what would be done and how long it would take.
    #[arg(long)]
    dry_run: bool,
}

const RANKING: &str = "ablate-ranking.safetensors";
const JUDGING: &str = "ablate-judging.safetensors";
const FILES: RunFiles = RunFiles { job: "ablate-run.json", result: "ablate.json", states: &[RANKING, JUDGING] };

/// Images at once: what follows the layer is small, and starting it is not.
const BATCH: u32 = 60;

/// Runs `netdissect ablate`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if an image is of no class the network knows; [`crate::error::Kind::Interrupted`] if stopped, after saving where it stood.
pub(super) fn run(args: &AblateArgs, context: &mut Context<'_>) -> Result<()> {
    let (weights, images) = (args.input.network.choice(), args.input.choice());
    let network = ImageNetwork::open(&weights, &images)?;
    let held_out = ImageNetwork::open(&weights, &ImageChoice { path: args.held_out.clone(), ..images })?;
    let classes = class_names(&network)?;
    [&network, &held_out].into_iter().try_for_each(|network| check_classes(network, &classes))?;
    let node = network.model.node_of(&args.layer, false)?.to_owned();
    let units = network.model.graph.node(network.model.graph.find(&node)?).shape.c as usize;
    let sizes = sizes(args, units)?;
    let place = args.place();
    let job = args.job((&network, &held_out), &sizes)?;
    if place.begin(&FILES, &job, context)? {
        return print(context, args);
    }
    let gpu = context.host.open_gpu()?;
    let (head, mut tail) = parts(context.host, &gpu, &network, &node, args.input.batch)?;
    if args.dry_run {
        return dry_run(
            args,
            context,
            (&gpu, &head, &tail),
            (&network, &held_out),
            (units, classes.len() * sizes.len()),
        );
    }
    let started = Instant::now();
    let mut stage = |name: &str, images: &ImageNetwork, removed: &[Vec<u32>], state: &str| {
        let loader = ImageLoader::new(images.set.clone(), images.load_options(&head)?)?;
        let class_of = |name: &str| class_of(name, &classes);
        let split = Split { gpu: &gpu, head: &head, tail: &mut tail };
        let (progress, stop) = (context.host.progress, context.host.stop);
        let watch = Watch { checkpoint: Some(args.output.join(state)), job: digest(&job), progress, stop };
        let verdicts = Ablation { split, images: &loader, class_of: &class_of, removed }.run(name, &watch)?;
        if verdicts.images == 0 {
            return Err(loader.nothing_readable());
        }
        let skipped = loader.all_skipped(verdicts.images as usize, stop)?.into_iter();
        let skipped = skipped.map(|bad| schema::Skipped { name: bad.name, reason: bad.reason });
        Ok((verdicts, skipped.collect::<Vec<_>>()))
    };
    let each: Vec<Vec<u32>> = (0..units as u32).map(|unit| vec![unit]).collect();
    let (ranking, mut skipped) = stage("removing units one by one", &network, &each, RANKING)?;
    let (judged, others) = stage("removing units together", &held_out, &sets(&ranking, &sizes), JUDGING)?;
    skipped.extend(others);
    let about = about(args, &gpu, &held_out, skipped)?;
    write(args, about, &classes, (&ranking, &judged), (units, &sizes))?;
    place.end(&FILES, NAME, started)?;
    print(context, args)
}

fn write(
    args: &AblateArgs,
    about: About,
    classes: &[String],
    verdicts: (&Verdicts, &Verdicts),
    units: (usize, &[usize]),
) -> Result<()> {
    let report = Report::new(about, classes, verdicts, units);
    if report.classes.is_empty() {
        let error = Error::input("no class has images in both folders, and others to tell it from");
        return Err(error.at(args.held_out.display()));
    }
    report.write(&args.output)
}

impl AblateArgs {
    fn place(&self) -> PlaceArgs {
        let (restart, dry_run) = (self.restart, self.dry_run);
        PlaceArgs { output: self.output.clone(), batch: self.input.batch, restart, dry_run }
    }

    /// Everything that decides the result.
    fn job(&self, (network, held_out): (&ImageNetwork, &ImageNetwork), sizes: &[usize]) -> Result<Value> {
        let images =
            |network: &ImageNetwork| json!({ "fingerprint": network.set.fingerprint(), "order": network.order() });
        Ok(json!({
            "tool": schema::Tool::current(), "layer": self.layer, "sizes": sizes,
            "model": { "file": file_name(network.file.path()), "sha256": network.file.sha256(), "preprocess": network.file.preprocess()?.name() },
            "geometry": network.geometry.describe(), "ranked_by": images(network), "judged_by": images(held_out),
        }))
    }
}

fn sizes(args: &AblateArgs, units: usize) -> Result<Vec<usize>> {
    let mut sizes: Vec<usize> = args.sizes.iter().map(|&size| size as usize).collect();
    if sizes.is_empty() {
        sizes = vec![(units / 32).max(1), (units / 6).max(1)];
    }
    sizes.sort_unstable();
    sizes.dedup();
    match sizes.last() {
        Some(&most) if most > units => {
            Err(Error::input(format!("{most} units cannot be removed of {units}")).at(&args.layer))
        }
        _ => Ok(sizes),
    }
}

fn class_names(network: &ImageNetwork) -> Result<Vec<String>> {
    network.logits()?;
    network.file.class_names().ok_or_else(|| {
        let error = Error::input("does not name its classes").at(network.file.path().display());
        error.hint("import it with `--classes FILE`, one name a line")
    })
}

/// The class of an image: the folder it is in.
fn class_of(name: &str, classes: &[String]) -> Option<usize> {
    let (folder, _) = name.split_once('/')?;
    classes.iter().position(|class| class == folder)
}

fn check_classes(network: &ImageNetwork, classes: &[String]) -> Result<()> {
    match network.set.items.iter().find(|item| class_of(&item.name, classes).is_none()) {
        None => Ok(()),
        Some(item) => {
            let error = Error::input("lies in no folder that is called as a class of the network");
            let known: Vec<&str> = classes.iter().take(5).map(String::as_str).collect();
            Err(error.at(item.path.display()).hint(format!("classes are {} ...", known.join(", "))))
        }
    }
}

/// The classifier on the device, cut behind the layer.
fn parts(
    host: &Host<'_>,
    gpu: &Gpu,
    network: &ImageNetwork,
    node: &str,
    batch: Option<u32>,
) -> Result<(Session, Session)> {
    let (head, tail) = network.model.graph.split(node)?;
    let (nodes, images) = ([node], network.set.len());
    let batch = Some(batch.unwrap_or(BATCH).min(images.max(1) as u32));
    let tail = network::open_session(host, gpu, &tail, &network.file, (&nodes, images), batch)?;
    let head = network::open_session(host, gpu, &head, &network.file, (&nodes, images), Some(tail.batch()))?;
    Ok((head, tail))
}

fn about(args: &AblateArgs, gpu: &Gpu, held_out: &ImageNetwork, skipped: Vec<schema::Skipped>) -> Result<About> {
    Ok(About {
        schema_version: experiments::SCHEMA_VERSION,
        experiment: NAME.to_owned(),
        tool: schema::Tool::current(),
        model: schema::Model {
            name: held_out.model.name.clone(),
            file: file_name(held_out.file.path()),
            sha256: held_out.file.sha256().to_owned(),
            preprocess: held_out.file.preprocess()?.name().to_owned(),
        },
        layer: args.layer.clone(),
        images: schema::Images {
            count: held_out.set.len() as u64,
            fingerprint: held_out.set.fingerprint(),
            geometry: held_out.geometry.describe().to_string(),
            order: held_out.order().to_owned(),
            skipped,
            latents: None,
        },
        concepts: Value::Null,
        grid: [0, 0],
        adapter: schema::Adapter::of(gpu.summary()),
    })
}

fn dry_run(
    args: &AblateArgs,
    context: &mut Context<'_>,
    (gpu, head, tail): (&Gpu, &Session, &Session),
    (network, held_out): (&ImageNetwork, &ImageNetwork),
    (units, groups): (usize, usize),
) -> Result<()> {
    let (ranked, judged) = (network.set.len() as u64, held_out.set.len() as u64);
    let (heads, tails) = (ranked + judged, ranked * (units as u64 + 1) + judged * (2 * groups as u64 + 1));
    let each = [seconds_each(gpu, head, head.batch())?, seconds_each(gpu, tail, tail.batch())?];
    let seconds = each[0] * heads as f64 + each[1] * tails as f64;
    if context.json {
        return context.json(&json!({ "head_passes": heads, "tail_passes": tails, "seconds": seconds }));
    }
    context.line(&format!("{heads} images to the layer, {tails} from it; about {}", time_in_words(seconds)))?;
    context.line(&format!("would write {}; nothing was written", args.output.display()))
}

fn print(context: &mut Context<'_>, args: &AblateArgs) -> Result<()> {
    let result = Report::open(&args.output)?;
    let page = args.output.join("report.html");
    if context.json {
        return context.json(&json!({
            "folder": args.output, "report": page, "accuracy": result.accuracy, "balanced_accuracy": result.baseline(), "means": result.means,
            "skipped": result.about.images.skipped,
        }));
    }
    for skipped in &result.about.images.skipped {
        context.line(&format!("skipped {}: {}", skipped.name, skipped.reason))?;
    }
    let percent = |value: f64| format!("{:.1} %", value * 100.0);
    context.line(&format!(
        "balanced accuracy {}, mean of {} classes",
        percent(result.baseline()),
        result.classes.len()
    ))?;
    for step in &result.means {
        context.line(&format!(
            "{} of {} units removed: the most important {}, the least important {}",
            step.removed,
            result.units,
            percent(step.most),
            percent(step.least)
        ))?;
    }
    context.line(&page.display().to_string())
}
