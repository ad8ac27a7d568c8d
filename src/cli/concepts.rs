//! Which concepts: what `dissect` and the experiments share of naming a source of label maps.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};

use super::context::Context;
use crate::concepts::parsing::Wanted;
use crate::concepts::segmenter::{self, SegmenterChoice};
use crate::concepts::{self, ConceptChoice, ConceptSource};
use crate::data::preprocess::Geometry;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::weights::shipped;

/// Where label maps come from.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("source").required(true).multiple(true).args(["concepts", "labels"])))]
pub(super) struct ConceptArgs {
    /// Built-in concepts: `upernet`, what the segmenters see (`--segmenter`); `colors`, the eleven basic colour terms; or `broden`, where
    /// the images are a folder of the Broden data set.
    #[arg(long, value_name = "NAME", value_parser = ["upernet", "colors", "broden"])]
    concepts: Option<String>,

    /// Folder of label maps: `labels.csv` (number,name,category) and, for an image a/b.jpg, a/b.png or a/b.0.png, a/b.1.png ...
    #[arg(long, value_name = "DIR", conflicts_with = "concepts")]
    labels: Option<PathBuf>,

    /// Weights of UPerNet, and of the colour network for colours, as `netdissect weights import` writes them; with commas or by
    /// repeating the option, in any order; or `demo-segmenter`, where it comes with the program.
    #[arg(long, value_name = "FILE.safetensors", value_delimiter = ',', env = "NETDISSECT_SEGMENTER")]
    segmenter: Vec<PathBuf>,

    /// What the segmenters label besides objects [default: all that their weights can].
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = ["object", "part", "material", "color"])]
    categories: Vec<String>,

    /// Whether each piece of an object also counts as top, bottom, left and right half.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Switch::On)]
    halves: Switch,

    /// Follow the reference where it is odd: the last piece of an object in each image has no halves.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Switch::On)]
    compat: Switch,

    /// Neither use nor keep what the segmenters said in other runs (`netdissect cache`).
    #[arg(long)]
    no_cache: bool,
}

/// Refuses label maps that `segment` made of other parts of the photographs than the network sees.
fn check_geometry(folder: &Path, geometry: Geometry) -> Result<()> {
    let text = files::read_to_string(&folder.join("run.json")).unwrap_or_default();
    let run: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let of_maps = &run["images"]["geometry"];
    if run["command"] == "segment" && *of_maps != geometry.describe() {
        let message = format!("its label maps show photographs as {of_maps}; the network sees {}", geometry.describe());
        let error = Error::input(message).at(folder.display());
        return Err(error.hint("pass `--as-is` to both `segment` and this command, or to neither"));
    }
    Ok(())
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// Do.
    On,
    /// Do not.
    Off,
}

impl ConceptArgs {
    /// Whether a source is named.
    pub(super) fn is_given(&self) -> bool {
        self.concepts.is_some() || self.labels.is_some()
    }

    /// Checks that the source looks at images: label maps from files are the same whatever is done to the units.
    ///
    /// # Errors
    /// [`Kind::Usage`].
    pub(super) fn check_looks(&self) -> Result<()> {
        if self.labels.is_some() {
            let error = Error::new(
                Kind::Usage,
                "label maps from files do not show what becomes of an image without or with units",
            );
            return Err(error.hint("name concepts that are found in the image itself, such as `--concepts colors`"));
        }
        Ok(())
    }

    /// Opens the source. `broden` is the folder of the images and the part of each that is seen, where there is a folder.
    ///
    /// # Errors
    /// As [`concepts::open`]; [`Kind::Usage`] for Broden's concepts without a folder of images.
    pub(super) fn open<'a>(
        &self,
        context: &Context<'a>,
        gpu: &Gpu,
        broden: Option<(PathBuf, Geometry)>,
    ) -> Result<Box<dyn ConceptSource + 'a>> {
        let choice = match (&self.labels, self.concepts.as_deref()) {
            (Some(folder), _) => {
                if let Some((_, geometry)) = broden {
                    check_geometry(folder, geometry)?;
                }
                ConceptChoice::Labels(folder.clone())
            }
            (None, Some("broden")) => {
                let (folder, geometry) = broden.ok_or_else(|| {
                    Error::new(Kind::Usage, "Broden's concepts are those of its own images")
                        .hint("name concepts that can be told from any picture, such as `--concepts colors`")
                })?;
                ConceptChoice::Broden { folder, geometry }
            }
            (None, Some("upernet")) => ConceptChoice::Upernet(self.segmenters()?),
            (None, _) => ConceptChoice::Colors,
        };
        concepts::open(&choice, gpu, context.progress)
    }

    /// What segmenters that come with the program see, if one is named; else the same concepts.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the program has no such network, or other concepts than a segmenter's are named as well.
    pub(super) fn with_segmenter(&self, name: Option<&str>) -> Result<ConceptArgs> {
        let Some(name) = name else { return Ok(self.clone()) };
        shipped::paths(name)?;
        match self.concepts.as_deref() {
            None | Some("upernet") => {
                Ok(ConceptArgs { concepts: Some("upernet".to_owned()), segmenter: vec![name.into()], ..self.clone() })
            }
            Some(other) => {
                let message = format!("both `--concepts {other}` and `--model {name}` are named; needed one of them");
                Err(Error::new(Kind::Usage, message))
            }
        }
    }

    /// The same concepts, neither looked up among what was kept nor kept.
    pub(super) fn uncached(&self) -> ConceptArgs {
        ConceptArgs { no_cache: true, ..self.clone() }
    }

    /// Which segmenters, and what is asked of them.
    fn segmenters(&self) -> Result<SegmenterChoice> {
        let mut files = Vec::new();
        for named in &self.segmenter {
            match named.to_str().filter(|name| shipped::find(name).is_some()) {
                Some(name) => files.extend(shipped::paths(name)?),
                None => files.push(named.clone()),
            }
        }
        if files.is_empty() {
            let error = Error::new(Kind::Usage, "`--concepts upernet` needs the weights of the segmenters");
            return Err(error.hint("name them with `--segmenter upernet.safetensors,color-segmenter.safetensors`"));
        }
        let asked = |category: &str| self.categories.iter().any(|asked| asked == category);
        let all = self.categories.is_empty();
        let wanted = Wanted {
            // Halves are parts of objects.
            halves: self.halves == Switch::On && (all || asked("part")),
            parts: all || asked("part"),
            materials: all || asked("material"),
            colors: asked("color") || all && segmenter::has_colors(&files)?,
        };
        Ok(SegmenterChoice {
            files,
            wanted,
            compat: self.compat == Switch::On,
            cache_dir: if self.no_cache { None } else { files::cache_dir() },
        })
    }
}
