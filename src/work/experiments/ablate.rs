//! A classifier without some units: how well it still knows each class.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Estimate, Experiment, Findings, Workplace, try_loading};
use crate::data::classes::ClassFolders;
use crate::data::loader::{ImageLoader, Skipped};
use crate::error::{Error, Result};
use crate::geometry::Extent;
use crate::gpu::Gpu;
use crate::graph::{Graph, Wanted};
use crate::report::experiments::ablate::{AblationReport, Judged};
use crate::report::experiments::{About, ExperimentReport};
use crate::report::schema;
use crate::roles::ablate::{Ablation, Verdicts};
use crate::session::Split;
use crate::work::Host;
use crate::work::network::{ImageChoice, ImageNetwork, NetworkChoice, Opening};
use crate::work::run_folder::{RunFiles, file_name};

/// Switch units of a classifier off, one at a time and in groups, and see which classes suffer.
#[derive(Debug, Clone, PartialEq)]
pub struct AblateJob {
    /// The classifier.
    pub network: NetworkChoice,
    /// Images to rank units by: a folder for each class, called as the network calls it.
    pub images: ImageChoice,
    /// Folder of images, of the same classes, to judge by.
    pub held_out: PathBuf,
    /// Layer whose units are removed.
    pub layer: String,
    /// How many units to remove together; a thirty-second and a sixth of them if none are named.
    pub sizes: Vec<u32>,
    /// Images at once; sixty if none are named.
    pub batch: Option<u32>,
}

/// What an [`AblateJob`] names, opened.
pub struct OpenedAblation {
    network: ImageNetwork,
    held_out: ImageNetwork,
    /// Names of the classes, and the class of each image of either set by its name.
    classes: Vec<String>,
    ranked_by: HashMap<String, usize>,
    judged_by: HashMap<String, usize>,
    /// Node of the layer.
    node: String,
    /// Units of it.
    units: usize,
    sizes: Vec<usize>,
}

const RANKING: &str = "ablate-ranking.safetensors";
const JUDGING: &str = "ablate-judging.safetensors";

/// Images at once: what follows the layer is small, and starting it is not.
const BATCH: u32 = 60;

impl Experiment for AblateJob {
    type Report = AblationReport;
    type Opened<'h> = OpenedAblation;
    type Loaded = Split;

    const FILES: RunFiles = RunFiles { job: "ablate-run.json", result: "ablate.json", states: &[RANKING, JUDGING] };

    fn open<'h>(&self, _: &Host<'h>) -> Result<OpenedAblation> {
        let open = |images| ImageNetwork::open(&self.network, images);
        let network = open(&self.images)?;
        let held_out = open(&ImageChoice { paths: vec![self.held_out.clone()], ..self.images.clone() })?;
        let classes = class_names(&network)?;
        let folders = ClassFolders::new(&classes);
        let (ranked_by, judged_by) = (folders.of_all(&network.set)?, folders.of_all(&held_out.set)?);
        let node = network.model.node_of(&self.layer, false)?.to_owned();
        let units = network.model.graph.node(network.model.graph.find(&node)?).shape.c as usize;
        let sizes = self.sizes(units)?;
        Ok(OpenedAblation { network, held_out, classes, ranked_by, judged_by, node, units, sizes })
    }

    fn describe(&self, opened: &OpenedAblation) -> Result<Value> {
        let OpenedAblation { network, held_out, sizes, .. } = opened;
        let images =
            |network: &ImageNetwork| json!({ "fingerprint": network.set.fingerprint(), "order": network.order() });
        Ok(json!({
            "tool": schema::Tool::current(), "layer": self.layer, "sizes": sizes,
            "model": { "file": file_name(network.file.path()), "sha256": network.file.sha256(), "preprocess": network.file.preprocess()?.name() },
            "geometry": network.geometry.describe(), "ranked_by": images(network), "judged_by": images(held_out),
        }))
    }

    fn load(&self, opened: &OpenedAblation, host: &Host<'_>) -> Result<Split> {
        let (network, gpu) = (&opened.network, host.open_gpu()?);
        let images = network.set.len();
        let batch = Some(self.batch.unwrap_or(BATCH).min(images.max(1) as u32));
        let opening = Opening { file: &network.file, weights: &network.weights(&gpu), images, batch };
        let open = |graph: &Graph, wanted: Wanted<'_>| opening.session(host, graph, wanted);
        Split::new(&network.model.graph, &opened.node, Extent::default(), &[], open)
    }

    fn cost(&self, opened: &OpenedAblation, split: Split, _: &Host<'_>) -> Result<Estimate> {
        let (ranked, judged) = (opened.network.set.len() as u64, opened.held_out.set.len() as u64);
        // As it is and without each unit; as it is and without the most and the least important of each class.
        let sets = 2 * opened.classes.len() * opened.sizes.len();
        let tails = ranked * (opened.units as u64 + 1) + judged * (sets as u64 + 1);
        let loader = ImageLoader::new(opened.network.set.clone(), opened.network.load_options(split.session())?)?;
        try_loading(split.session(), &loader)?;
        Estimate::of_split(&split, ranked + judged, tails)
    }

    fn run(
        &self,
        opened: &OpenedAblation,
        split: Split,
        workplace: &Workplace<'_>,
    ) -> Result<Findings<AblationReport>> {
        let OpenedAblation { network, held_out, units, sizes, classes, .. } = opened;
        let each: Vec<Vec<u32>> = (0..*units as u32).map(|unit| vec![unit]).collect();
        let stage =
            |name: &str, images: &ImageNetwork, known: &HashMap<String, usize>, removed: &[Vec<u32>], state: &str| {
                let loader = ImageLoader::new(images.set.clone(), images.load_options(split.session())?)?;
                let class_of = |name: &str| known.get(name).copied();
                let mut ablation =
                    Ablation { stage: name, split: &split, images: &loader, class_of: &class_of, removed };
                let verdicts = ablation.run(&workplace.watch(state))?;
                if verdicts.images == 0 {
                    return Err(loader.nothing_readable());
                }
                let skipped = loader.all_skipped(verdicts.images as usize, workplace.host.stop)?;
                Ok::<(Verdicts, Vec<Skipped>), Error>((verdicts, skipped))
            };
        let (ranking, mut skipped) = stage("removing units one by one", network, &opened.ranked_by, &each, RANKING)?;
        let (judged, others) =
            stage("removing units together", held_out, &opened.judged_by, &ranking.extremes(sizes), JUDGING)?;
        skipped.extend(others);
        let mut about = self.about(split.session().gpu(), held_out, skipped)?;
        about.images.left_out.merge(network.set.left_out.clone());
        let found = Judged { names: classes, units: *units, sizes, ranking: &ranking, judged: &judged };
        let report = AblationReport::new(about, found);
        if report.classes.is_empty() {
            let error = Error::input("no class has images in both folders, and others to tell it from");
            return Err(error.at(self.held_out.display()));
        }
        Ok(Findings { csv: report.csv(), report })
    }
}

impl AblateJob {
    /// How many units to remove together, of so many.
    fn sizes(&self, units: usize) -> Result<Vec<usize>> {
        let mut sizes: Vec<usize> = self.sizes.iter().map(|&size| size as usize).collect();
        if sizes.is_empty() {
            sizes = vec![(units / 32).max(1), (units / 6).max(1)];
        }
        sizes.sort_unstable();
        sizes.dedup();
        match sizes.last() {
            Some(&most) if most > units => {
                Err(Error::input(format!("{most} units cannot be removed of {units}")).at(&self.layer))
            }
            _ => Ok(sizes),
        }
    }

    /// What the results say of how they came to be.
    fn about(&self, gpu: &Gpu, held_out: &ImageNetwork, skipped: Vec<Skipped>) -> Result<About> {
        let images = held_out.report_images(held_out.set.len() as u64, skipped);
        Ok(About::new(AblationReport::NAME, held_out.report_model()?, &self.layer, images, gpu.summary()))
    }
}

/// Names of the classes that a network tells apart.
fn class_names(network: &ImageNetwork) -> Result<Vec<String>> {
    network.logits()?;
    network.file.class_names()?.ok_or_else(|| {
        Error::input("does not name its classes")
            .at(network.file.path().display())
            .hint("import it with `--classes FILE`, one name a line")
    })
}
