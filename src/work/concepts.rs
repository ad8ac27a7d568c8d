//! Which concepts a job asks for, and opening what tells them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::run_folder::absolute;
use crate::concepts::parsing::Wanted;
use crate::concepts::segmenter::{self, SegmenterChoice};
use crate::concepts::{self, ConceptChoice, ConceptSource, LabelFiles, Photographs};
use crate::data::framing::Geometry;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::weights::{WeightFile, shipped};
use crate::work::Host;

/// Sizes at which networks are given images: `segment` takes these whole, unless a file or the user says otherwise.
pub(super) const TAKEN_WHOLE: [(u32, u32); 2] = [(224, 224), (256, 256)];

/// Where label maps come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Labelling {
    /// The eleven basic colour terms, told from the image itself.
    #[default]
    Colors,
    /// What segmenters see.
    Segmenters(Segmenters),
    /// A folder of label maps: `labels.csv` and one PNG file or more for each image.
    Folder(LabelFiles),
    /// The label maps of the images themselves, which are a folder of the Broden data set.
    Broden,
}

/// Segmenters, and what is asked of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmenters {
    /// Weights of UPerNet, of the colour network or of both, in any order; or the name of segmenters that come with the program.
    pub files: Vec<PathBuf>,
    /// What they label besides objects, of `object`, `part`, `material` and `color`; all that they can if empty.
    pub categories: Vec<String>,
    /// Whether each piece of an object also counts as top, bottom, left and right half.
    pub halves: bool,
    /// Follow the reference where it is odd: the last piece of an object in each image has no halves.
    pub compat: bool,
    /// Use and keep what they say of each image, for other runs.
    pub cached: bool,
}

impl Default for Segmenters {
    /// Those that come with the program, asked for all they can say.
    fn default() -> Self {
        let files = vec![shipped::SEGMENTER.into()];
        Segmenters { files, categories: Vec::new(), halves: true, compat: true, cached: true }
    }
}

impl Labelling {
    /// Checks that the source looks at images: label maps from files are the same whatever is done to the units.
    ///
    /// # Errors
    /// [`Kind::Usage`].
    pub fn check_looks(&self) -> Result<()> {
        if matches!(self, Labelling::Folder(_)) {
            let error = Error::new(
                Kind::Usage,
                "label maps from files do not show what becomes of an image without or with units",
            );
            return Err(error.hint("name concepts that are found in the image itself, such as `--concepts colors`"));
        }
        Ok(())
    }

    /// How the segmenters were given their images, if a file says so; else as every network is.
    ///
    /// # Errors
    /// As [`WeightFile::open`] and [`WeightFile::geometry`].
    pub fn geometry(&self) -> Result<Geometry> {
        let Labelling::Segmenters(segmenters) = self else { return Ok(Geometry::DEFAULT) };
        match segmenters.paths()?.first() {
            Some(path) => WeightFile::open(path)?.geometry(),
            None => Ok(Geometry::DEFAULT),
        }
    }

    /// The same concepts, neither looked up among what was kept nor kept.
    #[must_use]
    pub fn uncached(self) -> Labelling {
        match self {
            Labelling::Segmenters(segmenters) => Labelling::Segmenters(Segmenters { cached: false, ..segmenters }),
            other => other,
        }
    }

    /// The same with paths that hold from anywhere.
    pub(crate) fn located(self) -> Labelling {
        match self {
            Labelling::Segmenters(segmenters) => {
                let located = |file: PathBuf| if is_shipped(&file) { file } else { absolute(file) };
                let files = segmenters.files.into_iter().map(located).collect();
                Labelling::Segmenters(Segmenters { files, ..segmenters })
            }
            Labelling::Folder(files) => Labelling::Folder(LabelFiles { folder: absolute(files.folder), ..files }),
            other => other,
        }
    }

    /// What is typed for it.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Labelling::Colors => "--concepts colors".to_owned(),
            Labelling::Segmenters(segmenters) => segmenters.in_words(),
            Labelling::Folder(files) => files.in_words(),
            Labelling::Broden => "--concepts broden".to_owned(),
        }
    }

    /// Opens the source; `photographs` where the images are files.
    ///
    /// # Errors
    /// As [`concepts::open`]; [`Kind::Usage`] for Broden's concepts without a folder of images, for segmenters without weights, or for
    /// label maps of other parts of the photographs.
    pub fn open<'a>(
        &self,
        host: &Host<'a>,
        gpu: &Gpu,
        photographs: Option<Photographs>,
    ) -> Result<Box<dyn ConceptSource + 'a>> {
        let choice = match self {
            Labelling::Colors => ConceptChoice::Colors,
            Labelling::Segmenters(segmenters) => {
                let said = |error: Error| match segmenters.are_said_by_environment() {
                    true => error.hint("NETDISSECT_SEGMENTER names it; `--segmenter` names another"),
                    false => error,
                };
                let choice = ConceptChoice::Upernet(segmenters.choice().map_err(said)?);
                return concepts::open(&choice, gpu, host.progress).map_err(said);
            }
            Labelling::Folder(files) => {
                let known = |photographs: Photographs| segmented(&files.folder, photographs);
                ConceptChoice::Labels(files.clone(), photographs.map(known).transpose()?)
            }
            Labelling::Broden => {
                let photographs = photographs.ok_or_else(|| {
                    Error::new(Kind::Usage, "Broden's concepts are those of its own images")
                        .hint("name concepts that can be told from any picture, such as `--concepts colors`")
                })?;
                ConceptChoice::Broden(photographs)
            }
        };
        concepts::open(&choice, gpu, host.progress)
    }
}

/// The photographs, with what is known of label maps that `segment` made; refuses those of other parts than the network sees.
fn segmented(folder: &Path, photographs: Photographs) -> Result<Photographs> {
    let geometry = photographs.geometry;
    let text = files::read_to_string(&folder.join("run.json")).unwrap_or_default();
    let run: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let of_maps = &run["images"]["geometry"];
    if run["command"] != "segment" {
        return Ok(photographs);
    }
    if *of_maps != geometry.describe() {
        let message = format!("its label maps show photographs as {of_maps}; the network sees {}", geometry.describe());
        let error = Error::input(message).at(folder.display());
        return Err(error.hint("pass `--as-is` to both `segment` and this command, or the same `--size`, or the same `--resize` and `--crop`"));
    }
    let taken_whole = if geometry == Geometry::DEFAULT { TAKEN_WHOLE.to_vec() } else { Vec::new() };
    Ok(Photographs { maps_are_seen: true, taken_whole, ..photographs })
}

/// Whether segmenters of this name come with the program.
fn is_shipped(file: &Path) -> bool {
    file.to_str().is_some_and(|name| shipped::find(name).is_some())
}

impl Segmenters {
    /// What is typed for them.
    fn in_words(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let mut words = format!("--concepts upernet --segmenter {}", files.join(","));
        if !self.categories.is_empty() {
            words += &format!(" --categories {}", self.categories.join(","));
        }
        if !self.halves {
            words += " --halves off";
        }
        if !self.compat {
            words += " --compat off";
        }
        words
    }

    fn are_said_by_environment(&self) -> bool {
        let said = std::env::var("NETDISSECT_SEGMENTER").unwrap_or_default();
        said.split(',').map(Path::new).eq(self.files.iter().map(PathBuf::as_path))
    }

    /// The files behind names that the program knows.
    fn paths(&self) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for named in &self.files {
            match named.to_str().and_then(shipped::find) {
                Some(network) => paths.extend(network.paths()),
                None => paths.push(named.clone()),
            }
        }
        Ok(paths)
    }

    /// The files, and what is wanted of them.
    fn choice(&self) -> Result<SegmenterChoice> {
        let paths = self.paths()?;
        if paths.is_empty() {
            let error = Error::new(Kind::Usage, "`--concepts upernet` needs the weights of the segmenters");
            return Err(error.hint("name them with `--segmenter`: files, or `demo-segmenter`, which comes with the program and knows scenes"));
        }
        let asked = |category: &str| self.categories.iter().any(|asked| asked == category);
        let all = self.categories.is_empty();
        let wanted = Wanted {
            // Halves are parts of objects.
            halves: self.halves && (all || asked("part")),
            parts: all || asked("part"),
            materials: all || asked("material"),
            colors: asked("color") || all && segmenter::has_colors(&paths)?,
        };
        let cache_dir = if self.cached { files::cache_dir() } else { None };
        Ok(SegmenterChoice { files: paths, wanted, compat: self.compat, cache_dir })
    }
}
