//! `netdissect segment`: label maps of images, and pictures of them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::concepts::ConceptArgs;
use super::context::{Context, time_in_words};
use super::network::ExifName;
use super::segment_pages;
use crate::concepts::label_maps::LabelFolder;
use crate::concepts::{ConceptInput, ConceptSource, LabelMaps, Pixels, label_writer};
use crate::data::decode::{self, Exif};
use crate::data::framing::{Geometry, Prepared, prepare};
use crate::data::images::{ImageItem, ImageSet, Order};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::progress::check_stop;
use crate::report::{self, overlay, schema, segments};

/// Label the pixels of images, and show the labels.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect segment photos/ --concepts upernet --segmenter upernet.safetensors,colors.safetensors -o segmented
  netdissect segment photo.jpg --concepts colors --as-is -o segmented
  netdissect segment scenes/images --model demo-segmenter --as-is -o segmented
  netdissect segment photos/ --labels label-maps/ -o segmented

The folder then holds index.html, areas.json, labels.csv and, for an image a/b.jpg, its label maps a/b.png or a/b.0.png, a/b.1.png
..., a/b.picture.jpg and a/b.overlay.png. It can be given to `netdissect dissect photos/ --labels segmented`, with `--as-is` for both
or for neither. The same command goes on where a stopped one left off.")]
pub(super) struct SegmentArgs {
    /// A folder of images (searched to any depth), a list file (`.txt`, one path a line) or an image.
    images: PathBuf,

    #[command(flatten)]
    concepts: ConceptArgs,

    /// Segmenters that come with the program, `demo-segmenter`, which know scenes: stands for `--concepts upernet --segmenter NAME`.
    #[arg(long, value_name = "NAME", group = "source", conflicts_with = "labels")]
    model: Option<String>,

    /// Folder for the results; a new one, or that of a run to go on with.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Pixels along a side of the squares that get one label each.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    downsample: u32,

    /// Take every image whole, at its own size, in place of squashing it to 256x256 and cutting out the centre 224x224. Images of
    /// 224x224 or 256x256 are taken whole in any case.
    #[arg(long)]
    as_is: bool,

    /// Categories that overlays show, smallest labels on top [default: the first of object, part, material, texture, color that
    /// there is].
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    paint: Vec<String>,

    /// Images at once.
    #[arg(short, long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    batch: u32,

    /// Only the first N images in order.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// What to do about the rotation a camera noted: turn the image upright, or take pixels as they are stored.
    #[arg(long, value_enum, default_value_t)]
    exif: ExifName,

    /// Start over, whatever run the folder holds.
    #[arg(long)]
    restart: bool,

    /// Only say what would be done and how long it would take.
    #[arg(long)]
    dry_run: bool,
}

/// Cells of a label map, at most: 4096 x 4096.
const CELLS_MAX: u64 = 1 << 24;

/// Longest side of a picture that is written; larger ones are shrunk.
const PICTURE_MAX: u32 = 1024;

/// Runs `netdissect segment`.
///
/// # Errors
/// [`Kind::Input`] naming what is wrong with a file, or if no image can be used; [`Kind::Usage`] if the folder holds something else;
/// [`Kind::Output`] if it cannot be written; [`Kind::Interrupted`] if stopped, with finished images kept.
pub(super) fn run(args: &SegmentArgs, context: &mut Context<'_>) -> Result<()> {
    let set = args.image_set()?;
    let gpu = context.host.open_gpu()?;
    // What is timed for a dry run must be done, and nothing kept of it.
    let source = args.concepts.choice_or_shipped(args.model.as_deref())?;
    let source = if args.dry_run { source.uncached() } else { source };
    let concepts = source.open(context.host, &gpu, None)?;
    let run = Run { args, set: &set, painted: args.painted(concepts.as_ref())?, concepts: concepts.as_ref() };
    let job = run.job();
    let resumed = run.check_folder(&job)?;
    if args.dry_run {
        return run.dry_run(context, resumed);
    }
    files::make_folder(&args.output)?;
    if !resumed {
        report::write_json(&args.output.join(JOB), &job)?;
        (0..set.len()).try_for_each(|index| run.forget(index))?;
    }
    label_writer::write_table(&args.output, concepts.vocabulary())?;
    let todo: Vec<usize> = (0..set.len()).filter(|&index| !run.is_finished(index)).collect();
    if todo.len() < set.len() {
        context.host.progress.note(&format!("{} of {} images are finished already", set.len() - todo.len(), set.len()));
    }
    let skipped = run.segment(context, &todo)?;
    if skipped.len() == set.len() {
        let first = &skipped[0];
        let message = format!("none of {} images can be used; the first, {}: {}", set.len(), first.name, first.reason);
        return Err(Error::input(message).at(args.images.display()));
    }
    segment_pages::write(&run, context, &skipped)?;
    segment_pages::print(context, &args.output, set.len() - skipped.len(), &skipped)
}

/// What decides the result.
const JOB: &str = "run.json";

/// A run, opened and checked.
pub(super) struct Run<'a> {
    pub(super) args: &'a SegmentArgs,
    pub(super) set: &'a ImageSet,
    pub(super) concepts: &'a dyn ConceptSource,
    /// Categories that overlays show.
    pub(super) painted: Vec<String>,
}

impl SegmentArgs {
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    fn geometry(&self) -> Geometry {
        if self.as_is { Geometry::AsIs } else { Geometry::DEFAULT }
    }

    /// The images, none of which would share files with another or with the results.
    fn image_set(&self) -> Result<ImageSet> {
        let mut set = ImageSet::open(&self.images, Order::Sorted)?;
        if let Some(limit) = self.limit {
            set = set.limit(limit as usize);
        }
        label_writer::check_names(set.items.iter().map(|item| item.name.as_str()))?;
        for item in &set.items {
            label_writer::beside(&self.output, &item.name, "")?;
        }
        // A search for images would find the pictures of an earlier run.
        if let (Ok(images), Some(output)) = (files::resolve(&self.images), resolved(&self.output))
            && files::is_folder(&images)
            && output.starts_with(&images)
        {
            let error =
                Error::new(Kind::Usage, "lies in the folder of the images, where label maps would be taken for images");
            return Err(error.at(self.output.display()).hint("choose a folder beside it with `-o`"));
        }
        Ok(set)
    }

    /// Categories that overlays show, checked against those there are.
    fn painted(&self, concepts: &dyn ConceptSource) -> Result<Vec<String>> {
        let there = segments::categories(concepts.vocabulary());
        if let Some(unknown) = self.paint.iter().find(|wanted| !there.contains(wanted)) {
            let error = Error::new(Kind::Usage, format!("no label is of category `{unknown}`"));
            return Err(error.hint(format!("there are: {}", there.join(", "))));
        }
        Ok(match self.paint.is_empty() {
            true => there.into_iter().take(1).collect(),
            false => there.into_iter().filter(|category| self.paint.contains(category)).collect(),
        })
    }

    /// One image as the network would see it, or why it cannot be used.
    fn load(&self, item: &ImageItem) -> Result<Prepared, String> {
        let exif = match self.exif {
            ExifName::Apply => Exif::Apply,
            ExifName::Ignore => Exif::Ignore,
        };
        let place = format!("{}: ", item.path.display());
        let image = decode::decode(&item.path, exif).map_err(|error| {
            let text = error.to_string();
            text.strip_prefix(&place).unwrap_or(&text).to_owned()
        })?;
        let size = (image.h, image.w);
        let prepared = prepare(image, if INPUTS.contains(&size) { Geometry::AsIs } else { self.geometry() });
        let (rows, columns) = self.grid(&prepared);
        match u64::from(rows) * u64::from(columns) {
            0 => Err(format!(
                "is {}x{}; too small for one label each {} pixels along rows and columns (`--downsample`)",
                prepared.h, prepared.w, self.downsample
            )),
            1..=CELLS_MAX => Ok(prepared),
            _ => Err(format!(
                "is {}x{}; too large for one label each {} pixels",
                prepared.h, prepared.w, self.downsample
            )),
        }
    }

    fn grid(&self, image: &Prepared) -> (u32, u32) {
        (image.h / self.downsample, image.w / self.downsample)
    }
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let known = absolute.ancestors().find_map(|above| Some((files::resolve(above).ok()?, above)))?;
    Some(known.0.join(absolute.strip_prefix(known.1).ok()?))
}

impl Run<'_> {
    fn job(&self) -> Value {
        json!({
            "command": "segment",
            "tool": schema::Tool::current(),
            "images": {
                "folder": self.args.images, "count": self.set.len(), "fingerprint": self.set.fingerprint(),
                "geometry": self.args.geometry().describe(), "exif": format!("{:?}", self.args.exif),
            },
            "concepts": self.concepts.describe(),
            "downsample": self.args.downsample,
            "painted": self.painted,
        })
    }

    /// Whether the folder holds the same run, to go on with.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it holds something else; another run of this command may be replaced if told to start over.
    fn check_folder(&self, job: &Value) -> Result<bool> {
        let output = &self.args.output;
        let error = |message: &str| Error::new(Kind::Usage, message).at(output.display());
        let Ok(text) = files::read_to_string(&output.join(JOB)) else {
            let ours = |entry: std::fs::DirEntry| entry.file_name().to_str().is_some_and(files::is_partial);
            let empty = files::list(output).map_or(true, |entries| entries.flatten().all(ours));
            return match empty {
                true => Ok(false),
                false => Err(error("holds files that are not of this command").hint("choose a new folder with `-o`")),
            };
        };
        let found: Value = serde_json::from_str(&text).unwrap_or_default();
        match (found == *job, found["command"] == job["command"], self.args.restart) {
            (true, _, false) => Ok(true),
            (_, true, true) => Ok(false),
            (_, true, false) => {
                Err(error("holds another run")
                    .hint("choose another folder with `-o`, or pass `--restart` to replace it"))
            }
            (_, false, _) => Err(error("holds a run of another command").hint("choose another folder with `-o`")),
        }
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.set.items[index].name
    }

    fn beside(&self, index: usize, ending: &str) -> Result<PathBuf> {
        label_writer::beside(&self.args.output, self.name(index), ending)
    }

    /// The overlay is written last.
    pub(super) fn is_finished(&self, index: usize) -> bool {
        self.beside(index, OVERLAY).is_ok_and(|path| files::exists(&path))
    }

    /// Removes what another run has left of an image, so that its channels are not taken for this run's.
    fn forget(&self, index: usize) -> Result<()> {
        let channels = (0..).map(|channel| format!(".{channel}.png"));
        let channels = channels.take_while(|ending| self.beside(index, ending).is_ok_and(|path| files::exists(&path)));
        for ending in [OVERLAY, PICTURE, ".png"].map(str::to_owned).into_iter().chain(channels) {
            files::remove_if_there(&self.beside(index, &ending)?)?;
        }
        Ok(())
    }

    /// Labels these images and writes their files; returns those that cannot be used.
    fn segment(&self, context: &Context<'_>, todo: &[usize]) -> Result<Vec<schema::Skipped>> {
        let mut skipped = Vec::new();
        let mut ready = 0;
        context.host.progress.stage("segmenting", todo.len() as u64);
        // Pictures that are not resized may be of any size: no more of them at once than are decoded at once.
        let most = if self.args.as_is { rayon::current_num_threads() } else { usize::MAX };
        for some in todo.chunks(most.min(self.args.batch as usize)) {
            check_stop(context.host.stop)?;
            let loaded: Vec<_> =
                some.par_iter().map(|&index| (index, self.args.load(&self.set.items[index]))).collect();
            let mut usable = Vec::new();
            for (index, image) in loaded {
                match image {
                    Ok(image) => usable.push((index, image)),
                    Err(reason) => skipped.push(schema::Skipped { name: self.name(index).to_owned(), reason }),
                }
            }
            ready += usable.iter().filter(|(_, image)| INPUTS.contains(&image.frame.photo.into())).count();
            for same_size in usable.chunk_by(|(_, a), (_, b)| (a.h, a.w) == (b.h, b.w)) {
                let maps = self.label_maps(same_size)?;
                same_size
                    .par_iter()
                    .zip(&maps)
                    .try_for_each(|((index, image), maps)| self.write(*index, image, maps))?;
            }
            context.host.progress.advance(some.len() as u64);
        }
        if ready > 0 && !self.args.as_is {
            context.host.progress.note(&format!(
                "{ready} images of 224x224 or 256x256 went in as they are; `dissect` takes them so with `--as-is`"
            ));
        }
        Ok(skipped)
    }

    /// Label maps of images of one size.
    fn label_maps(&self, images: &[(usize, Prepared)]) -> Result<Vec<LabelMaps>> {
        let Some((_, first)) = images.first() else { return Ok(Vec::new()) };
        let inputs: Vec<_> = images
            .iter()
            .map(|(index, image)| ConceptInput {
                name: self.name(*index),
                pixels: Pixels::Rgb(&image.rgb),
                h: image.h,
                w: image.w,
            })
            .collect();
        self.concepts.label_maps(&inputs, self.args.grid(first))
    }

    fn write(&self, index: usize, image: &Prepared, maps: &LabelMaps) -> Result<()> {
        label_writer::write_maps(&self.args.output, self.name(index), maps)?;
        let (h, w) = picture_size(image.h, image.w);
        let size = |h: u32, w: u32| (h as usize, w as usize);
        let rgb = crate::data::resize::resize_bilinear(&image.rgb, size(image.h, image.w), size(h, w));
        let photo = overlay::Photo { rgb: &rgb, h, w };
        files::write_atomic(&self.beside(index, PICTURE)?, &photo.jpeg()?)?;
        let view = self.view(&[]);
        let top = maps.topmost(&maps.areas(), |label| view.paints(label));
        let cells = overlay::Cells { labels: &top, h: maps.h, w: maps.w };
        let painted = overlay::overlay(photo, cells, |label| view.color(label))?;
        files::write_atomic(&self.beside(index, OVERLAY)?, &report::sheet::png(&painted, w, h)?)
    }

    /// What pages say of the run.
    pub(super) fn view<'a>(&'a self, skipped: &'a [schema::Skipped]) -> segments::Run<'a> {
        segments::Run {
            images: self.set.len() - skipped.len(),
            vocabulary: self.concepts.vocabulary(),
            source: self.concepts.describe(),
            geometry: match self.args.geometry() {
                Geometry::AsIs => "whole, at their own size".to_owned(),
                Geometry::ResizeCrop { resize, crop } => {
                    format!("squashed to {resize} × {resize}, of which the centre {crop} × {crop} is looked at")
                }
            },
            downsample: self.args.downsample,
            painted: &self.painted,
            skipped,
        }
    }

    /// Label maps of a finished image, from its files.
    pub(super) fn read(&self, folder: &LabelFolder, index: usize) -> Result<LabelMaps> {
        folder.whole(self.name(index)).map_err(|error| error.hint("pass `--restart` to make all files again"))
    }

    /// Paths of picture and overlay, relative to the folder.
    pub(super) fn pictures(&self, index: usize) -> Result<[String; 2]> {
        let relative = |ending| {
            let path = self.beside(index, ending)?;
            let path = path.strip_prefix(&self.args.output).unwrap_or(&path);
            Ok(path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"))
        };
        Ok([relative(PICTURE)?, relative(OVERLAY)?])
    }

    /// Labels the first image that can be used, and says what the whole would take.
    fn dry_run(&self, context: &mut Context<'_>, resumed: bool) -> Result<()> {
        let todo: Vec<usize> = (0..self.set.len()).filter(|&index| !resumed || !self.is_finished(index)).collect();
        let first = todo.iter().find_map(|&index| Some((index, self.args.load(&self.set.items[index]).ok()?)));
        let (mut each, mut grid) = (0.0, None);
        if let Some(image) = first {
            grid = Some(self.args.grid(&image.1));
            let image = [image];
            // The first time may load and compile.
            self.label_maps(&image)?;
            let start = Instant::now();
            self.label_maps(&image)?;
            each = start.elapsed().as_secs_f64();
        }
        let seconds = each * todo.len() as f64;
        let (images, finished) = (self.set.len(), self.set.len() - todo.len());
        if context.json {
            return context.json(&json!({
                "images": images, "finished": finished, "grid": grid.map(|(rows, columns)| [rows, columns]),
                "labels": self.concepts.vocabulary().len() - 1, "seconds": seconds,
            }));
        }
        context.line(&format!("{images} images, {finished} of them finished"))?;
        if let Some((rows, columns)) = grid {
            context.line(&format!("label maps of {rows}x{columns}, {:.0} ms an image", each * 1e3))?;
        }
        context.line(&format!("about {}", time_in_words(seconds)))?;
        context.line(&format!("would write {}; nothing was written", self.args.output.display()))
    }
}

/// Sizes at which networks are given images: these go in as they are.
const INPUTS: [(u32, u32); 2] = [(224, 224), (256, 256)];

/// Endings of an image's pictures.
const OVERLAY: &str = ".overlay.png";
const PICTURE: &str = ".picture.jpg";

/// Rows and columns of the picture of an image: its own, or [`PICTURE_MAX`] along the longer side.
fn picture_size(h: u32, w: u32) -> (u32, u32) {
    let longest = h.max(w);
    if longest <= PICTURE_MAX {
        return (h, w);
    }
    let shrunk = |side: u32| (u64::from(side) * u64::from(PICTURE_MAX) / u64::from(longest)).max(1) as u32;
    (shrunk(h), shrunk(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_no_side_vanishes() {
        assert_eq!(picture_size(224, 224), (224, 224));
        assert_eq!(picture_size(2048, 1000), (1024, 500));
        assert_eq!(picture_size(1, 10_000), (1, 1024));
    }
}
