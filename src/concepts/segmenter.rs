//! Concepts from the segmenters: objects, their parts and halves, materials and colours, as the reference labels them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use serde_json::json;

use super::cache::{ImageHash, LabelCache};
use super::parsing::{ColorLabels, RawLabels, SegmenterLabels, SegmenterVocabulary, Wanted};
use super::segment_network::{Head, Images, Network};
use super::{ConceptInput, ConceptSource, LabelMaps, MadeImages, Vocabulary};
use crate::error::{Error, Kind, Result};
use crate::gpu::Gpu;
use crate::models::segmenter::{self, Normalisation, Segmenter};
use crate::progress::Progress;
use crate::session::{AtOnce, halving};
use crate::weights::WeightFile;

/// Version of what label maps depend on beside weights and pixels, for cache keys and provenance.
const RULE_VERSION: u32 = 1;

/// Which segmenters, and what is asked of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmenterChoice {
    /// Weights of UPerNet, and of the colour network where there is one, as `netdissect weights import` writes them, in any order.
    pub files: Vec<PathBuf>,
    /// What is labelled besides objects; colours only where the colour network is there.
    pub wanted: Wanted,
    /// Whether the last component of an image is left whole, as the reference does.
    pub compat: bool,
    /// Where what the networks said is kept between runs, if anywhere.
    pub cache_dir: Option<PathBuf>,
}

/// The names in a `labels.json`.
#[derive(Debug, Clone, PartialEq)]
pub enum Names {
    /// Of UPerNet.
    Upernet(SegmenterLabels),
    /// Of the colour network.
    Colors(ColorLabels),
}

impl Names {
    /// The names in the text of a `labels.json`.
    ///
    /// # Errors
    /// [`Kind::Input`] if it is not what that segmenter's file should be, or asks for several scales.
    pub fn parse(segmenter: Segmenter, text: &str) -> Result<Names> {
        let names = match segmenter {
            Segmenter::Upernet => Names::Upernet(SegmenterLabels::parse(text)?),
            Segmenter::Colors => Names::Colors(ColorLabels::parse(text)?),
        };
        match names.sizes() {
            [_] => Ok(names),
            several => Err(Error::input(format!("asks for {} scales; one is supported", several.len())).at("segsizes")),
        }
    }

    /// The segmenter that a file holds, and the names of its classes.
    ///
    /// # Errors
    /// [`Kind::Input`], with the path, if it holds none, or the names do not fit the network.
    pub fn of(file: &WeightFile) -> Result<(Segmenter, Names)> {
        let here = |error: Error| error.at(file.path().display());
        let segmenter = Segmenter::named(file.model()).ok_or_else(|| {
            here(Error::input(format!("holds weights of {}; needed those of a segmenter", file.model())))
                .hint("netdissect weights import --model upernet ENCODER DECODER labels.json -o FILE.safetensors")
        })?;
        let text = file.labels().ok_or_else(|| here(Error::input("has no list of labels")))?;
        let names = Names::parse(segmenter, text).map_err(here)?;
        names.check(&file.shapes()).map_err(here)?;
        Ok((segmenter, names))
    }

    fn sizes(&self) -> &[u32] {
        match self {
            Names::Upernet(labels) => labels.sizes(),
            Names::Colors(labels) => &labels.sizes,
        }
    }

    /// Side of the square that images are brought to.
    pub fn side(&self) -> u32 {
        self.sizes()[0]
    }

    /// What the network's pixels are.
    pub fn normalisation(&self) -> Normalisation {
        match self {
            Names::Upernet(_) => Normalisation::UPERNET,
            Names::Colors(labels) => Normalisation { bgr: labels.bgr, mean: labels.mean, deviation: labels.stdev },
        }
    }

    /// Checks that there is a name for each class of a network with tensors of these sizes.
    ///
    /// # Errors
    /// [`Kind::Input`] with the list and both numbers.
    pub fn check(&self, shapes: &HashMap<String, Vec<usize>>) -> Result<()> {
        let lists = match self {
            Names::Upernet(labels) => vec![
                ("object", segmenter::OBJECT, labels.objects().len()),
                ("object_part", segmenter::PART, labels.part_channels()),
                ("material", segmenter::MATERIAL, labels.materials().len()),
            ],
            Names::Colors(labels) => vec![("labels", segmenter::COLOR, labels.names.len())],
        };
        for (list, head, names) in lists {
            let classes = segmenter::classes(shapes, head)?;
            if classes != names {
                let message = format!("lists {names} names; the decoder has {classes} {head} channels");
                return Err(Error::input(message).at(list).hint("each decoder has a labels.json of its own"));
            }
        }
        Ok(())
    }
}

/// What the segmenters see; they are loaded when they are first needed.
pub struct UpernetConcepts<'a> {
    gpu: Gpu,
    progress: &'a dyn Progress,
    vocabulary: SegmenterVocabulary,
    compat: bool,
    networks: Mutex<Vec<Network>>,
    /// Everything that decides what the networks say of an image on a grid.
    key: serde_json::Value,
    /// What they said.
    cache: LabelCache,
}

impl<'a> UpernetConcepts<'a> {
    /// Opens the weights and checks that they belong together.
    ///
    /// # Errors
    /// [`Kind::Input`] naming the file that is not a segmenter's; [`Kind::Usage`] if UPerNet is missing or comes twice, or colours are
    /// wanted without their network.
    pub fn open(choice: &SegmenterChoice, gpu: &Gpu, progress: &'a dyn Progress) -> Result<UpernetConcepts<'a>> {
        let mut labels = None;
        let mut colors = None;
        let mut files = Vec::new();
        for path in &choice.files {
            let file = WeightFile::open(path)?;
            let (segmenter, names) = Names::of(&file)?;
            let side = names.side();
            let twice = match names {
                Names::Upernet(names) => labels.replace(names).is_some(),
                Names::Colors(names) => colors.replace(names).is_some(),
            };
            if twice {
                let error = Error::new(Kind::Usage, format!("is a second file of {}", segmenter.name()));
                return Err(error.at(path.display()).hint("name each segmenter once"));
            }
            files.push((segmenter, file, side));
        }
        let labels = labels.ok_or_else(|| {
            Error::new(Kind::Usage, "no file of UPerNet is named").hint("name it with `--segmenter FILE.safetensors`")
        })?;
        let vocabulary = SegmenterVocabulary::new(&labels, colors.as_ref(), choice.wanted)?;
        let color_count = colors.as_ref().map_or(0, |colors: &ColorLabels| colors.names.len());
        let heads = |segmenter| heads_of(segmenter, &labels, &vocabulary, color_count);
        let wanted: Vec<_> = files.into_iter().filter(|(segmenter, ..)| !heads(*segmenter).is_empty()).collect();
        let describe = |(segmenter, file, side): &(Segmenter, WeightFile, u32)| {
            let heads: Vec<_> = heads(*segmenter).iter().map(|head| head.node).collect();
            json!({ "network": segmenter.name(), "sha256": file.sha256(), "heads": heads, "side": side })
        };
        let adapter = gpu.summary();
        let key = json!({
            "rule_version": RULE_VERSION, "networks": wanted.iter().map(describe).collect::<Vec<_>>(),
            // Adapters differ in last bits, and those decide where two classes are level.
            "adapter": [adapter.name, adapter.driver, adapter.driver_info], "version": env!("CARGO_PKG_VERSION"),
        });
        let networks = wanted
            .into_iter()
            .map(|(segmenter, file, side)| Network::new(segmenter, file, side, heads(segmenter)))
            .collect::<Result<_>>()?;
        let (networks, cache) = (Mutex::new(networks), LabelCache::within(choice.cache_dir.as_deref(), key.clone()));
        Ok(UpernetConcepts { gpu: gpu.clone(), progress, vocabulary, compat: choice.compat, networks, key, cache })
    }

    /// All networks on the device, for as many of `images` at once as fit together; halves that where the device says no, and says
    /// so.
    fn loaded(&self, images: u32) -> Result<MutexGuard<'_, Vec<Network>>> {
        // A network is whole or not loaded, so a panic elsewhere does not spoil it.
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let images = images.max(1).next_power_of_two();
        if networks.iter().all(|network| network.serves(images)) {
            return Ok(networks);
        }
        self.progress.note("loading the segmenters");
        networks.iter_mut().for_each(Network::unload);
        let most = networks.iter().map(|network| network.fitting_batch(&self.gpu, images)).min().unwrap_or(1);
        halving(AtOnce::UpTo(most), "images", self.progress, |batch| {
            networks.iter_mut().for_each(Network::unload);
            networks.iter_mut().try_for_each(|network| network.load(&self.gpu, batch))
        })?;
        networks.iter_mut().for_each(|network| network.asked(images));
        Ok(networks)
    }

    /// Says once why label maps are not kept any more.
    fn say_trouble(&self) {
        if let Some(trouble) = self.cache.trouble() {
            self.progress.note(&trouble);
        }
    }

    /// What all networks say of images of one size.
    fn raw(&self, images: &Images<'_>, grid: (u32, u32)) -> Result<Vec<RawLabels>> {
        let empty = RawLabels { h: grid.0, w: grid.1, object: Vec::new(), part: None, material: None, color: None };
        let mut all = vec![empty; images.shape().n as usize];
        for network in self.loaded(images.shape().n)?.iter_mut() {
            for (head, maps) in network.labels(&self.gpu, images, grid)? {
                for (raw, map) in all.iter_mut().zip(maps) {
                    match head {
                        segmenter::OBJECT => raw.object = map,
                        segmenter::PART => raw.part = Some(map),
                        segmenter::MATERIAL => raw.material = Some(map),
                        _ => raw.color = Some(map),
                    }
                }
            }
        }
        Ok(all)
    }

    fn numbered(&self, raw: &[RawLabels]) -> Result<Vec<LabelMaps>> {
        raw.iter().map(|raw| self.vocabulary.maps(raw, self.compat)).collect()
    }
}

/// Whether one of these files holds the colour network.
///
/// # Errors
/// As [`WeightFile::open`].
pub fn has_colors(files: &[PathBuf]) -> Result<bool> {
    for path in files {
        if WeightFile::open(path)?.model() == Segmenter::Colors.name() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is asked of a segmenter.
fn heads_of(
    segmenter: Segmenter,
    labels: &SegmenterLabels,
    vocabulary: &SegmenterVocabulary,
    colors: usize,
) -> Vec<Head> {
    let wanted = vocabulary.wanted();
    let whole = |node, channels: usize| Head { node, blocks: vec![[0, channels as u32]], owned: false };
    match segmenter {
        Segmenter::Upernet => {
            let mut heads = vec![whole(segmenter::OBJECT, labels.objects().len())];
            if wanted.parts {
                // An object without parts has an empty block.
                let block = |object| vocabulary.owner_block(object).unwrap_or_default();
                let blocks = (0..labels.objects().len()).map(block).map(|b| [b.start as u32, b.end as u32]).collect();
                heads.push(Head { node: segmenter::PART, blocks, owned: true });
            }
            if wanted.materials {
                heads.push(whole(segmenter::MATERIAL, labels.materials().len()));
            }
            heads
        }
        Segmenter::Colors if wanted.colors => vec![whole(segmenter::COLOR, colors)],
        Segmenter::Colors => Vec::new(),
    }
}

impl ConceptSource for UpernetConcepts<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.vocabulary.vocabulary()
    }

    fn describe(&self) -> serde_json::Value {
        json!({ "kind": "upernet", "networks": self.key["networks"], "rule_version": RULE_VERSION, "wanted": self.vocabulary.wanted(), "compat": self.compat })
    }

    fn label_maps(&self, images: &[ConceptInput<'_>], grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        let hashes: Vec<ImageHash> = images.par_iter().map(|image| ImageHash::of(image).on(grid)).collect();
        let mut raw: Vec<Option<RawLabels>> = hashes.par_iter().map(|hash| self.cache.get(hash)).collect();
        let missing: Vec<usize> = (0..images.len()).filter(|&index| raw[index].is_none()).collect();
        let size = |index: usize| (images[index].h, images[index].w);
        for run in missing.chunk_by(|&a, &b| size(a) == size(b)) {
            let pixels = run.iter().map(|&index| images[index].pixels).collect();
            let names = run.iter().map(|&index| images[index].name).collect();
            let some = Images::Host { pixels, names, size: size(run[0]) };
            for (&index, labels) in run.iter().zip(self.raw(&some, grid)?) {
                self.cache.put(&hashes[index], &labels);
                raw[index] = Some(labels);
            }
        }
        self.say_trouble();
        self.numbered(&raw.into_iter().flatten().collect::<Vec<_>>())
    }

    fn label_maps_on_device(&self, _: &Gpu, made: &MadeImages<'_>, grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        let hashes: Vec<ImageHash> =
            made.origins.iter().map(|origin| ImageHash::of_parts(&[origin]).on(grid)).collect();
        let known: Option<Vec<RawLabels>> = hashes.iter().map(|hash| self.cache.get(hash)).collect();
        if let Some(known) = known.filter(|known| known.len() == made.shape.n as usize) {
            return self.numbered(&known);
        }
        let names = made.names.iter().map(String::as_str).collect();
        let raw = self.raw(&Images::Device { buffer: made.buffer, names, shape: made.shape }, grid)?;
        hashes.iter().zip(&raw).for_each(|(hash, labels)| self.cache.put(hash, labels));
        self.say_trouble();
        self.numbered(&raw)
    }
}
