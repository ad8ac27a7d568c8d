//! Finished dissections as what other commands begin from: their ranking of units, and the network, latents and concepts that they
//! were made with, to be taken again where no others are named.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Host;
use super::concepts::Labelling;
use super::generator::{Generator, LatentChoice, LatentOrigin};
use super::network::NetworkChoice;
use super::run_folder::{absolute, file_name};
use crate::concepts::{ConceptSource, Vocabulary};
use crate::data::latent_source::LatentSource;
use crate::data::latents::parse_indices;
use crate::dissect::ranking::Dissected;
use crate::error::{Error, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::progress::Progress;
use crate::report::{self, schema};
use crate::weights::WeightFile;

/// Where the inputs of a run lay, in its folder.
const FILE: &str = "inputs.json";

/// Where the network, latents and concepts of a run were found. What they are is said by hashes, in `run.json` and the report: files
/// may move without the run being another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunInputs {
    /// The network.
    pub(crate) network: NetworkChoice,
    /// Where latents are numbered, where the network is a generator.
    pub(crate) latents: Option<LatentOrigin>,
    /// What labelled its images.
    pub(crate) concepts: Labelling,
}

impl RunInputs {
    /// Notes them in the folder of the run, with paths that hold from anywhere.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if the file cannot be written.
    pub(crate) fn note(self, folder: &Path) -> Result<()> {
        let located = RunInputs {
            network: NetworkChoice { weights: self.network.weights.map(absolute), ..self.network },
            latents: self.latents.map(LatentOrigin::located),
            concepts: self.concepts.located(),
        };
        match RunInputs::read(folder) {
            Ok(noted) if noted == located => Ok(()),
            _ => report::write_json(&folder.join(FILE), &located),
        }
    }

    fn read(folder: &Path) -> Result<RunInputs> {
        let path = folder.join(FILE);
        let text = files::read_to_string(&path)?;
        serde_json::from_str(&text)
            .map_err(|error| Error::input(format!("does not say where inputs lie: {error}")).at(path.display()))
    }
}

/// A layer of a finished dissection, and the report of the run.
pub(crate) struct FinishedRun {
    /// The layer.
    pub(crate) layer: Dissected,
    /// The report.
    pub(crate) report: schema::Report,
}

impl FinishedRun {
    /// Opens the folder of a run that dissected one layer, or the folder of one of its layers.
    ///
    /// # Errors
    /// As [`Dissected::open`] and [`report::read`].
    pub(crate) fn open(folder: &Path) -> Result<FinishedRun> {
        let layer = Dissected::open(folder)?;
        let report = report::read(&layer.folder)?;
        Ok(FinishedRun { layer, report })
    }

    /// Says that nobody knows whether its files are as they were written, where that is so.
    pub(crate) fn note_unchecked(&self, progress: &dyn Progress) {
        if !self.layer.is_checked {
            let folder = self.layer.folder.display();
            progress.note(&format!("{folder} has no checksums (report.sha256): its files are taken as they are"));
        }
    }

    /// What the run was made with, for want of a `named` one.
    fn inputs(&self, missing: &str) -> Result<RunInputs> {
        RunInputs::read(&self.layer.folder).map_err(|error| error.hint(missing))
    }

    /// The network that is named, or else that of the run.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the run does not say where it lies.
    pub(crate) fn network(&self, named: &NetworkChoice) -> Result<NetworkChoice> {
        match named.is_named() {
            true => Ok(named.clone()),
            false => Ok(self.inputs("name the network with `--weights` or `--model`")?.network),
        }
    }

    /// The latents that are named; what is not said of them is as in the run: numbers, and where they are numbered.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the run does not say where they are numbered, or is of photographs.
    pub(crate) fn latents(&self, named: &LatentChoice) -> Result<LatentChoice> {
        let origin = match &named.origin {
            Some(origin) => Some(origin.clone()),
            None => self.latent_origin()?,
        };
        let indices = match (&named.indices, &named.origin, &self.report.images.latents) {
            (None, None | Some(LatentOrigin::Seed(_)), Some(of_run)) => Some(self.indices(&of_run.list)?),
            (indices, ..) => indices.clone(),
        };
        Ok(LatentChoice { indices, origin, ..named.clone() })
    }

    /// The latents of the run, of `size` numbers each, one at a time.
    ///
    /// # Errors
    /// As [`FinishedRun::latents`] and [`LatentOrigin::open`].
    pub(crate) fn latent_source(&self, size: usize) -> Result<LatentSource> {
        let LatentChoice { indices, origin, .. } = self.latents(&LatentChoice::default())?;
        let latents = origin.unwrap_or(LatentOrigin::Seed(1)).open(size)?;
        Ok(LatentSource::new(latents, indices.unwrap_or_default(), 1))
    }

    fn latent_origin(&self) -> Result<Option<LatentOrigin>> {
        let Some(latents) = &self.report.images.latents else { return Ok(None) };
        match latents.from.strip_prefix("seed ").and_then(|seed| seed.parse().ok()) {
            Some(seed) => Ok(Some(LatentOrigin::Seed(seed))),
            None => Ok(self.inputs("name the file of the latents with `--z`, or a seed with `--seed`")?.latents),
        }
    }

    fn indices(&self, list: &str) -> Result<Vec<u32>> {
        parse_indices(list).map_err(|problem| Error::input(problem).at(self.layer.folder.join("report.json").display()))
    }

    /// Opens the generator and the latents that are named, or else those of the run.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the weights are not those that were dissected, or latents of the run are no longer what they were; else as
    /// [`Generator::open`].
    pub(crate) fn generator(&self, network: &NetworkChoice, latents: &LatentChoice) -> Result<Generator> {
        let (chosen, folder) = (self.latents(latents)?, self.layer.folder.display());
        let taken = |error: Error| {
            match network.is_named() && latents.origin.is_some() {
            true => error,
            false => error.hint(format!(
                "the run {folder} was made with it; if it has moved, name it: a network with `--weights`, latents with `--z`"
            )),
        }
        };
        let generator = Generator::open(&self.network(network)?, &chosen).map_err(taken)?;
        self.check_weights(&generator.file, network.is_named())?;
        let images = &self.report.images;
        if *latents == LatentChoice::default() && generator.source(1).fingerprint()? != images.fingerprint {
            let error = Error::input(format!("its latents are not those that the run {folder} was made with any more"));
            return Err(error
                .at(generator.latents.describe())
                .hint("name latents with `--latents`, `--seed` or `--z`"));
        }
        Ok(generator)
    }

    /// Checks that these are the weights that were dissected; `named` if they were not taken from the run.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if they are not.
    pub(crate) fn check_weights(&self, file: &WeightFile, named: bool) -> Result<()> {
        let of_run = &self.report.model;
        if file.sha256() == of_run.sha256 {
            return Ok(());
        }
        let (place, hash) = (file.path().display(), |hash: &str| hash.chars().take(8).collect::<String>());
        let (found, needed) = (hash(file.sha256()), hash(&of_run.sha256));
        Err(match named {
            true => Error::input(format!(
                "is a dissection of other weights: {} ({needed}...); named are {} ({found}...)",
                of_run.file,
                file_name(file.path())
            ))
            .at(self.layer.folder.display())
            .hint("units are ranked for one file of weights; leave the network out to take the run's, or dissect this one first"),
            false => Error::input(format!(
                "has changed since the run {} was made with it: SHA-256 {found}...; needed {needed}...",
                self.layer.folder.display()
            ))
            .at(place)
            .hint("name the file as it was with `--weights`, or dissect this one first"),
        })
    }

    /// Opens the concepts that are named, or else those of the run.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if labels mean something else than in the run, or its segmenters have changed; [`crate::error::Kind::Usage`] if its concepts
    /// do not look at images; else as [`Labelling::open`].
    pub(crate) fn concepts<'h>(
        &self,
        named: Option<&Labelling>,
        host: &Host<'h>,
        gpu: &Gpu,
    ) -> Result<Box<dyn ConceptSource + 'h>> {
        let folder = self.layer.folder.display();
        let labelling = match named {
            Some(labelling) => labelling.clone(),
            None => self.inputs("name the concepts that the run was dissected with with `--concepts`")?.concepts,
        };
        labelling.check_looks()?;
        let taken = |error: Error| match named {
            Some(_) => error,
            None => error.hint(format!(
                "the run {folder} was labelled with it; if it has moved, name it: {}",
                labelling.in_words()
            )),
        };
        let concepts = labelling.open(host, gpu, None).map_err(taken)?;
        self.check_vocabulary(concepts.vocabulary())?;
        if named.is_none() && concepts.describe() != self.report.concepts.source {
            let error = Error::input(format!("are not what the run {folder} was labelled with any more"));
            return Err(error.at(labelling.in_words()).hint("name the segmenters as they were, or dissect again"));
        }
        Ok(concepts)
    }

    /// Checks that labels mean the same to the run and to concepts.
    fn check_vocabulary(&self, vocabulary: &Vocabulary) -> Result<()> {
        let of_run = &self.layer.vocabulary;
        if of_run == vocabulary {
            return Ok(());
        }
        let message = format!(
            "was dissected with {}; the concepts that are named have {}",
            of_run.in_words(),
            vocabulary.in_words()
        );
        let hint = match RunInputs::read(&self.layer.folder) {
            Ok(inputs) => format!("leave concepts out to take those of the run: {}", inputs.concepts.in_words()),
            Err(_) => "name the concepts that the run was dissected with".to_owned(),
        };
        Err(Error::input(message).at(self.layer.folder.display()).hint(hint))
    }
}
