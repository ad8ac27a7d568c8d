//! Units of a finished run ranked by a concept.

use std::path::{Path, PathBuf};

use super::tally::Tally;
use crate::concepts::Vocabulary;
use crate::error::{Error, Result};
use crate::files::{self, checksums::Checksums};

/// Units by falling IoU with a label, equal ones in order; those that never meet it are left out.
pub fn ranked(tally: &Tally, label: usize) -> Vec<usize> {
    let met = |&unit: &usize| tally.intersection[unit * tally.labels + label] > 0;
    let mut units: Vec<(usize, f64)> =
        (0..tally.units).filter(met).filter_map(|unit| Some((unit, tally.iou(unit, label)?))).collect();
    units.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    units.into_iter().map(|(unit, _)| unit).collect()
}

/// Labels that are few enough to be named in an error.
const FEW: usize = 12;
/// Labels named where there are more.
const NEAREST: usize = 5;
/// Likeness from which on a name is taken for a slip of the pen.
const ALIKE: f64 = 0.8;

/// The error of a concept that there is not: which there are, or the nearest of them.
fn unknown(vocabulary: &Vocabulary, concept: &str) -> Error {
    let likeness = |name: &str| strsim::jaro_winkler(&concept.to_lowercase(), &name.to_lowercase());
    let mut names: Vec<&str> = vocabulary.names.iter().skip(1).map(String::as_str).collect();
    let (count, all) = (names.len(), names.join(", "));
    names.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    names.truncate(NEAREST);
    let there =
        if count <= FEW { format!("there are: {all}") } else { format!("the nearest are: {}", names.join(", ")) };
    let message = format!("there is no concept `{concept}` among its labels ({}); {there}", vocabulary.in_words());
    Error::input(message).hint(match names.first() {
        Some(nearest) if likeness(nearest) > ALIKE => format!("did you mean `{nearest}`?"),
        _ => "a run knows the concepts it was dissected with; `netdissect dissect` with others makes another run"
            .to_owned(),
    })
}

/// The number of a label, from its name or from the number itself.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there is no such label, or if several have the name.
pub fn label(vocabulary: &Vocabulary, concept: &str) -> Result<usize> {
    let names = &vocabulary.names;
    let found: Vec<usize> = (1..names.len()).filter(|&label| names[label] == concept).collect();
    match (found.as_slice(), concept.parse::<usize>()) {
        (&[label], _) => Ok(label),
        ([], Ok(label)) if (1..names.len()).contains(&label) => Ok(label),
        ([], _) => Err(unknown(vocabulary, concept)),
        (several, _) => {
            let shown: Vec<String> =
                several.iter().map(|&label| format!("{label} ({})", vocabulary.categories[label])).collect();
            Err(Error::input(format!("`{concept}` is the name of labels {}", shown.join(", ")))
                .hint("name one by its number"))
        }
    }
}

/// A layer that a run dissected.
#[derive(Debug, Clone, PartialEq)]
pub struct Dissected {
    /// Folder of the run.
    pub folder: PathBuf,
    /// Name of the layer.
    pub layer: String,
    /// Its counts and levels.
    pub tally: Tally,
    /// What the labels mean.
    pub vocabulary: Vocabulary,
    /// Hash of the weights that were dissected.
    pub weights_sha256: String,
    /// Whether its files are known to be as they were written: earlier versions kept no checksums.
    pub is_checked: bool,
}

impl Dissected {
    /// Checks that the run is of these weights: units of others mean something else.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the folder, if it is not.
    pub fn check_weights(&self, sha256: &str) -> Result<()> {
        if self.weights_sha256 == sha256 {
            return Ok(());
        }
        Err(Error::input("is a dissection of other weights")
            .at(self.folder.display())
            .hint("units are ranked for one file of weights; dissect this one first"))
    }

    /// Opens the folder of a run that dissected one layer, or the folder of one of its layers.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if it is no such folder, or if the run has several layers.
    pub fn open(folder: &Path) -> Result<Dissected> {
        let (run, layer) = match (files::exists(&folder.join("report.json")), folder.parent(), folder.file_name()) {
            (false, Some(run), Some(layer)) if files::exists(&run.join("report.json")) => {
                (run, Some(layer.to_string_lossy().into_owned()))
            }
            _ => (folder, None),
        };
        let path = run.join("report.json");
        if !files::exists(&path) {
            let error = Error::input("is missing").at(path.display());
            return Err(error.hint("needed the folder that `netdissect dissect` wrote its report to"));
        }
        let known = Checksums::beside(&path)?;
        let text = known.read("report.json")?;
        let broken = |what: String| Error::input(what).at(path.display());
        let report: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| broken(format!("is no report: {error}")))?;
        let vocabulary: Vocabulary = serde_json::from_value(report["concepts"]["vocabulary"].clone())
            .map_err(|error| broken(format!("has no vocabulary: {error}")))?;
        let layers: Vec<&str> =
            report["layers"].as_array().into_iter().flatten().filter_map(|l| l["layer"].as_str()).collect();
        let layer = match (layer, layers.as_slice()) {
            (Some(layer), known) if known.contains(&layer.as_str()) => layer,
            (None, [only]) => (*only).to_owned(),
            (_, known) => {
                let message = format!("the run has the layers {}; needed one", known.join(", "));
                let example: PathBuf = run.join(known.first().unwrap_or(&"LAYER"));
                return Err(Error::input(message).at(run.display()).hint(format!("name one as {}", example.display())));
            }
        };
        // Names come from a file: a path in one must not lead out of the run.
        if layer.contains(['/', '\\']) || layer.starts_with('.') {
            return Err(broken(format!("`{}` is no name of a layer", layer.escape_debug())));
        }
        // What was written together is used together: all but the pictures is small.
        let below = format!("{layer}/");
        known.check(|name| !name.contains('/') || name.starts_with(&below) && name.ends_with(".safetensors"))?;
        let tally = Tally::load(&run.join(&layer).join("tally.safetensors"))?;
        if vocabulary.names.len() != tally.labels || vocabulary.categories.len() != tally.labels {
            let (names, labels) = (vocabulary.names.len(), tally.labels);
            return Err(broken(format!("has {names} label names; the tally of {layer} counts {labels} labels")));
        }
        let weights_sha256 = report["model"]["sha256"].as_str().unwrap_or_default().to_owned();
        let is_checked = known.is_there();
        Ok(Dissected { folder: run.to_owned(), layer, tally, vocabulary, weights_sha256, is_checked })
    }

    /// The number of a label, from its name or from the number itself.
    ///
    /// # Errors
    /// As [`label`].
    pub fn label(&self, concept: &str) -> Result<usize> {
        label(&self.vocabulary, concept)
    }

    /// The `count` units with the highest IoU with a concept, each with its level.
    ///
    /// # Errors
    /// As [`Dissected::label`]; [`crate::error::Kind::Input`] if fewer units meet the concept.
    pub fn first(&self, concept: &str, count: usize) -> Result<Vec<(u32, f32)>> {
        let units = ranked(&self.tally, self.label(concept)?);
        if units.len() < count {
            let message =
                format!("{} units of {} ever meet `{concept}`; {count} were asked for", units.len(), self.layer);
            return Err(Error::input(message));
        }
        Ok(units[..count].iter().map(|&unit| (unit as u32, self.tally.threshold[unit])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four units, of which 2 meets `door` best, then 0, then 3; two labels are called `tree`.
    fn run(folder: &Path, layers: &[&str]) {
        let mut tally = Tally::new(vec![0.5, 1.5, 2.5, 3.5], 4);
        tally.positions = 100;
        tally.unit_area = vec![10, 10, 10, 10];
        tally.concept_area = vec![0, 20, 20, 20];
        for (unit, both) in [5, 0, 9, 2].into_iter().enumerate() {
            tally.intersection[unit * 4 + 1] = both;
        }
        for layer in layers {
            std::fs::create_dir(folder.join(layer)).unwrap();
            tally.save(&folder.join(layer).join("tally.safetensors")).unwrap();
        }
        let layers: Vec<_> = layers.iter().map(|name| serde_json::json!({ "layer": name })).collect();
        let vocabulary = Vocabulary {
            names: ["-", "door", "tree", "tree"].map(str::to_owned).to_vec(),
            categories: ["", "object", "object", "part"].map(str::to_owned).to_vec(),
        };
        let report = serde_json::json!({ "concepts": { "vocabulary": vocabulary }, "layers": layers });
        std::fs::write(folder.join("report.json"), report.to_string()).unwrap();
    }

    #[test]
    fn units_come_by_falling_iou_with_their_levels() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &["layer4"]);
        let run = Dissected::open(folder.path()).unwrap();
        assert_eq!(run.layer, "layer4");
        assert_eq!(run.first("door", 2).unwrap(), [(2, 2.5), (0, 0.5)]);
        assert_eq!(run.first("1", 3).unwrap()[2], (3, 3.5));
        assert!(run.first("door", 4).unwrap_err().to_string().starts_with("3 units of layer4 ever meet"));
        assert_eq!(run.label("dor").unwrap_err().advice(), Some("did you mean `door`?"));
        assert_eq!(run.label("tree").unwrap_err().to_string(), "`tree` is the name of labels 2 (object), 3 (part)");
        assert_eq!(run.label("3").unwrap(), 3);
        assert!(run.label("0").is_err() && run.label("4").is_err());
    }

    #[test]
    fn of_several_layers_one_is_named_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &["layer4", "layer5"]);
        assert!(Dissected::open(folder.path()).unwrap_err().to_string().contains("layer4, layer5; needed one"));
        assert_eq!(Dissected::open(&folder.path().join("layer5")).unwrap().layer, "layer5");
        assert!(Dissected::open(&folder.path().join("layer6")).is_err());
    }

    #[test]
    fn reports_that_lead_elsewhere_or_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Dissected::open(folder.path()).unwrap_err().advice().is_some());
        run(folder.path(), &["layer4"]);
        let path = folder.path().join("report.json");
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to, word) in [
            (r#""layer":"layer4""#, r#""layer":"../layer4""#, "no name of a layer"),
            (r#""door","#, "", "label names"),
            ("vocabulary", "words", "no vocabulary"),
            ("{", "", "no report"),
        ] {
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let error = Dissected::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
