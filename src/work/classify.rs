//! Naming the most likely classes of images, as a job.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};
use serde_json::json;

use super::Host;
use super::import::read_classes;
use super::network::{ImageChoice, ImageNetwork, NetworkChoice};
use super::subject::forward;
use crate::data::classes::ClassFolders;
use crate::data::images::{ImageItem, ImageSet};
use crate::data::loader::{ImageLoader, Skipped};
use crate::data::search::LeftOut;
use crate::error::Result;
use crate::report::schema::Warning;
use crate::report::warnings;

/// Which images to classify, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifyJob {
    /// The classifier.
    pub network: NetworkChoice,
    /// The images.
    pub images: ImageChoice,
    /// Images at once; as many as the memory allows if left out.
    pub batch: Option<u32>,
    /// Classes to name for each image.
    pub top: usize,
    /// A list of the classes' names, as [`crate::weights::classes::class_list`] reads it; those of the weights if left out.
    pub classes: Option<PathBuf>,
}

impl Default for ClassifyJob {
    /// Five classes an image; network and images are still to be named.
    fn default() -> Self {
        let (network, images) = (NetworkChoice::default(), ImageChoice::default());
        ClassifyJob { network, images, batch: None, top: 5, classes: None }
    }
}

/// What a classifier says of images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classified {
    /// The images in their order.
    pub images: Vec<ClassifiedImage>,
    /// Files that could not be used.
    #[serde(serialize_with = "by_image")]
    pub skipped: Vec<Skipped>,
    /// What was found beside the images and not used.
    pub left_out: LeftOut,
    /// What makes the results mean less than they seem to.
    pub warnings: Vec<Warning>,
    /// How often it is right, where a list or the folders say what some images show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
}

/// How often a classifier is right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Images whose class is known.
    pub images: usize,
    /// Share of them whose most likely class it is, from 0 to 1.
    pub first: f64,
    /// Share of them among whose named classes it is, from 0 to 1.
    pub named: f64,
}

/// Files that could not be used, told by the same key as the images that could.
fn by_image<S: Serializer>(skipped: &[Skipped], out: S) -> std::result::Result<S::Ok, S::Error> {
    out.collect_seq(skipped.iter().map(|Skipped { name, reason }| json!({ "image": name, "reason": reason })))
}

/// An image and its most likely classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassifiedImage {
    /// Its name.
    pub image: String,
    /// Number of the most likely class; none where a score is NaN or infinite, so that no class is more likely than another.
    pub class: Option<usize>,
    /// Most likely first.
    pub classes: Vec<LikelyClass>,
}

/// How likely a class is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LikelyClass {
    /// Its number.
    pub class: usize,
    /// Its name; `class N` where it has none.
    pub name: String,
    /// What the last layer says.
    pub logit: f32,
    /// Its share of all classes' exponentials, from 0 to 1.
    pub probability: f64,
}

impl ClassifyJob {
    /// Classifies all images.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the weights have no fully connected layers or no image can be read.
    pub fn perform(&self, host: &Host<'_>) -> Result<Classified> {
        let network = ImageNetwork::open(&self.network, &self.images)?;
        let logits = network.logits()?;
        let names = self.class_names(&network)?;
        let gpu = host.open_gpu()?;
        let session = network.session(host, &gpu, &[logits], self.batch)?;
        let loader = ImageLoader::new(network.set.clone(), network.load_options(&session)?)?;
        host.progress.stage("classifying", loader.set().len() as u64);
        let mut images = Vec::new();
        forward(host, &session, &loader, |batch| {
            let scores = session.read(logits, batch.indices.len() as u32)?;
            for (name, scores) in batch.names.iter().zip(scores.data.chunks_exact(scores.shape.c as usize)) {
                images.push(ClassifiedImage::new(name, ranked(scores, self.top, &names)));
            }
            Ok(())
        })?;
        if images.is_empty() {
            return Err(loader.nothing_readable());
        }
        let accuracy = accuracy(&images, &network.set, &names);
        let warnings = without_class(&images);
        Ok(Classified { images, skipped: loader.skipped(), left_out: network.set.left_out, warnings, accuracy })
    }

    /// Names of the classes: those of the list that is named, else those of the weight file.
    fn class_names(&self, network: &ImageNetwork) -> Result<Vec<String>> {
        let Some(path) = &self.classes else { return Ok(network.file.class_names()?.unwrap_or_default()) };
        Ok(read_classes(path, network.classes())?.names)
    }
}

impl ClassifiedImage {
    fn new(name: &str, classes: Vec<LikelyClass>) -> ClassifiedImage {
        ClassifiedImage { image: name.to_owned(), class: classes.first().map(|first| first.class), classes }
    }
}

/// What is to be said of images without a class.
fn without_class(images: &[ClassifiedImage]) -> Vec<Warning> {
    let mut lost = images.iter().filter(|image| image.class.is_none());
    let Some(first) = lost.next() else { return Vec::new() };
    let counts = (1 + lost.count() as u64, images.len() as u64);
    vec![warnings::not_finite(None, "scores", counts, &first.image, "these images have no class")]
}

/// How often the likely classes hold the one that is known; none if none is.
fn accuracy(images: &[ClassifiedImage], set: &ImageSet, names: &[String]) -> Option<Accuracy> {
    let folders = ClassFolders::new(names);
    // Folders may be called as they like where nobody asked for classes: what is not clear is not known.
    let known = |item: &ImageItem| Some((item.name.clone(), folders.class_of(item).ok().flatten()?));
    let known: HashMap<String, usize> = set.items.iter().filter_map(known).collect();
    let places: Vec<Option<usize>> = images
        .iter()
        .filter_map(|image| known.get(&image.image).map(|class| (image, *class)))
        .map(|(image, class)| image.classes.iter().position(|likely| likely.class == class))
        .collect();
    let share = |right: usize| right as f64 / places.len() as f64;
    (!places.is_empty()).then(|| Accuracy {
        images: places.len(),
        first: share(places.iter().filter(|&&place| place == Some(0)).count()),
        named: share(places.iter().flatten().count()),
    })
}

/// The `top` classes of an image, highest score first; equal ones by number. None if a score is NaN or infinite.
fn ranked(scores: &[f32], top: usize, names: &[String]) -> Vec<LikelyClass> {
    if scores.iter().any(|score| !score.is_finite()) {
        return Vec::new();
    }
    // The highest is taken off before the exponential: else scores above 88 would be infinite.
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let share = |score: f32| f64::from(score - most).exp();
    let sum: f64 = scores.iter().map(|&score| share(score)).sum();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order.truncate(top);
    let likely = |class: usize| LikelyClass {
        class,
        name: names.get(class).cloned().unwrap_or_else(|| format!("class {class}")),
        logit: scores[class],
        probability: share(scores[class]) / sum,
    };
    order.into_iter().map(likely).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::images::Order;

    #[test]
    fn images_whose_folder_or_list_names_a_class_tell_how_often_it_is_right() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let files = ["a/1.png", "b/2.png", "x/3.png", "c/4.png"].map(str::to_owned);
        let set = ImageSet::from_names(std::path::Path::new("root"), files, Order::Sorted).unwrap();
        let image = |name: &str| ClassifiedImage::new(name, ranked(&[2.0, 1.0, 0.0], 2, &names));
        let images: Vec<_> = set.items.iter().map(|item| image(&item.name)).collect();
        let Accuracy { images: known, first, named } = accuracy(&images, &set, &names).unwrap();
        assert_eq!((known, first, named), (3, 1.0 / 3.0, 2.0 / 3.0));
        assert_eq!(accuracy(&images[2..3], &set, &names), None);
    }

    #[test]
    fn scores_that_are_not_finite_make_no_class_and_are_told_with_the_first_image() {
        let image = |name: &str, scores: &[f32]| ClassifiedImage::new(name, ranked(scores, 5, &[]));
        let images =
            [image("a.png", &[1.0, 2.0]), image("b.png", &[f32::NAN, 2.0]), image("c.png", &[f32::INFINITY, 2.0])];
        assert_eq!(images.each_ref().map(|image| image.class), [Some(1), None, None]);
        assert!(images[1].classes.is_empty());
        let [warning] = &without_class(&images)[..] else { panic!("one warning is needed") };
        assert!(warning.message.contains("on 2 of 3 images, the first b.png"), "{}", warning.message);
        assert_eq!(without_class(&images[..1]), []);
    }

    #[test]
    fn classes_are_ranked_by_score_and_equal_ones_by_number() {
        let likely = ranked(&[1.0, 300.0, 1.0, 299.0], 3, &["a".to_owned(), "b".to_owned()]);
        let found: Vec<_> = likely.iter().map(|class| (class.class, class.name.as_str())).collect();
        assert_eq!(found, [(1, "b"), (3, "class 3"), (0, "a")]);
        assert!((likely[0].probability - 1.0 / (1.0 + f64::exp(-1.0))).abs() < 1e-12);
    }
}
