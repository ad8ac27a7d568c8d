//! Words for concepts: what `dissect`, `segment` and the experiments share of naming a source of label maps.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use crate::concepts::LabelFiles;
use crate::error::{Error, Kind, Result};
use crate::weights::shipped;
use crate::work::concepts::{Labelling, Segmenters};

/// Where label maps come from.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("source").required(true).multiple(true).args(["concepts", "labels", "segmenter"])))]
pub(super) struct ConceptArgs {
    /// Built-in concepts: `upernet`, what the segmenters see (`--segmenter`); `colors`, the eleven basic colour terms; or `broden`, where
    /// the images are a folder of the Broden data set.
    #[arg(long, value_name = "NAME", value_parser = ["upernet", "colors", "broden"])]
    concepts: Option<String>,

    /// Folder of label maps: `labels.csv` (number,name,category) and, for an image a/b.jpg, a/b.png or a/b.0.png, a/b.1.png ...
    /// A map of the photograph's own shape is turned, squashed and cut as the photograph is; one of the shape that the network sees is
    /// taken as it is.
    #[arg(long, value_name = "DIR", conflicts_with = "concepts")]
    labels: Option<PathBuf>,

    /// What a palette in a label map means: refuse it, or take the numbers of its entries for labels.
    #[arg(long, value_enum, value_name = "MEANING", default_value_t = Palette::Refuse, requires = "labels")]
    palette: Palette,

    /// Numbers in label maps that stand for no label, such as 255 for void; with commas or by repeating the option.
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "labels")]
    ignore: Vec<u16>,

    /// Raise all label numbers, of maps and of `labels.csv`, so that the number 0 is a label and not none.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "labels")]
    label_offset: u16,

    /// What the images' names end with where their label maps' names end with `--label-suffix`, such as _leftImg8bit.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, requires = "labels")]
    image_suffix: String,

    /// What the label maps' names end with before `.png`, such as _gtFine_labelTrainIds.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, requires = "labels")]
    label_suffix: String,

    /// Weights of UPerNet, and of the colour network for colours, as `netdissect weights import` writes them; with commas or by
    /// repeating the option, in any order; or `demo-segmenter`, which comes with the program. Stands for `--concepts upernet`, for which
    /// NETDISSECT_SEGMENTER names them too.
    #[arg(long, value_name = "FILE.safetensors", value_delimiter = ',')]
    segmenter: Vec<PathBuf>,

    /// What the segmenters label besides objects [default: all that their weights can].
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = ["object", "part", "material", "color"])]
    categories: Vec<String>,

    /// Whether each piece of an object also counts as top, bottom, left and right half.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Switch::On, hide_short_help = true)]
    halves: Switch,

    /// Follow the reference where it is odd: the last piece of an object in each image has no halves.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Switch::On, hide_short_help = true)]
    compat: Switch,

    /// Neither use nor keep what the segmenters said in other runs (`netdissect cache`).
    #[arg(long)]
    no_cache: bool,
}

/// What a palette means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Palette {
    /// It cannot be told: an error.
    Refuse,
    /// Labels are the numbers of its entries.
    Index,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// Do.
    On,
    /// Do not.
    Off,
}

impl ConceptArgs {
    /// The source that is named, if one is.
    pub(super) fn named(&self) -> Option<Labelling> {
        Some(match (&self.labels, self.concepts.as_deref()) {
            (Some(folder), _) => Labelling::Folder(self.label_files(folder.clone())),
            (None, Some("broden")) => Labelling::Broden,
            (None, Some("colors")) => Labelling::Colors,
            (None, Some(_)) => Labelling::Segmenters(self.segmenters(self.files())),
            (None, None) if self.segmenter.is_empty() => return None,
            (None, None) => Labelling::Segmenters(self.segmenters(self.segmenter.clone())),
        })
    }

    /// The source that the words mean.
    pub(super) fn choice(&self) -> Labelling {
        self.named().unwrap_or_default()
    }

    /// The weights of the segmenters that are named, or else those of the environment. Only here is the environment asked: it is to
    /// stand for no concepts where others are meant.
    fn files(&self) -> Vec<PathBuf> {
        match (self.segmenter.is_empty(), std::env::var("NETDISSECT_SEGMENTER")) {
            (true, Ok(files)) => files.split(',').map(PathBuf::from).collect(),
            _ => self.segmenter.clone(),
        }
    }

    /// What segmenters that come with the program see, if one is named; else the source that the words mean.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the program has no such network, or other concepts than a segmenter's are named as well.
    pub(super) fn choice_or_shipped(&self, name: Option<&str>) -> Result<Labelling> {
        let Some(name) = name else { return Ok(self.choice()) };
        shipped::paths(name)?;
        match self.concepts.as_deref() {
            None | Some("upernet") => Ok(Labelling::Segmenters(self.segmenters(vec![name.into()]))),
            Some(other) => {
                let message = format!("both `--concepts {other}` and `--model {name}` are named; needed one of them");
                Err(Error::new(Kind::Usage, message))
            }
        }
    }

    fn label_files(&self, folder: PathBuf) -> LabelFiles {
        LabelFiles {
            folder,
            indices: self.palette == Palette::Index,
            ignore: self.ignore.clone(),
            offset: self.label_offset,
            image_suffix: self.image_suffix.clone(),
            label_suffix: self.label_suffix.clone(),
        }
    }

    fn segmenters(&self, files: Vec<PathBuf>) -> Segmenters {
        Segmenters {
            files,
            categories: self.categories.clone(),
            halves: self.halves == Switch::On,
            compat: self.compat == Switch::On,
            cached: !self.no_cache,
        }
    }
}
