//! Which concepts: what `dissect` and the experiments share of naming a source of label maps.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::concepts::{self, ConceptChoice, ConceptSource};
use crate::data::preprocess::Geometry;
use crate::error::{Error, Kind, Result};
use crate::gpu::Gpu;

/// Where label maps come from.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("source").required(true).args(["concepts", "labels"])))]
pub(super) struct ConceptArgs {
    /// Built-in concepts: `colors`, the eleven basic colour terms, or `broden`, where the images are a folder of the Broden data set.
    #[arg(long, value_name = "NAME", value_parser = ["colors", "broden"])]
    concepts: Option<String>,

    /// Folder of label maps: `labels.csv` (number,name,category) and, for an image a/b.jpg, a/b.png or a/b.0.png, a/b.1.png ...
    #[arg(long, value_name = "DIR")]
    labels: Option<PathBuf>,
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
    pub(super) fn open(&self, gpu: &Gpu, broden: Option<(PathBuf, Geometry)>) -> Result<Box<dyn ConceptSource>> {
        let choice = match (&self.labels, self.concepts.as_deref()) {
            (Some(folder), _) => ConceptChoice::Labels(folder.clone()),
            (None, Some("broden")) => {
                let (folder, geometry) = broden.ok_or_else(|| {
                    Error::new(Kind::Usage, "Broden's concepts are those of its own images; a generator has others")
                })?;
                ConceptChoice::Broden { folder, geometry }
            }
            (None, _) => ConceptChoice::Colors,
        };
        concepts::open(&choice, gpu)
    }
}
