//! Images of a generator without the units for a concept.

use serde_json::{Value, json};

use super::pictures::{drawn, save};
use super::ranked::{Labelled, Ranked, RankedChoice};
use super::{Estimate, Experiment, Findings, Workplace, try_labelling};
use crate::error::{Error, Result};
use crate::report::experiments::remove::RemovalReport;
use crate::report::experiments::{ExperimentReport, PictureRow};
use crate::roles::remove::Removal;
use crate::session::{Edit, Split};
use crate::work::Host;
use crate::work::run_folder::RunFiles;

/// Switch the units for a concept off, one after the other, and count what is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoveJob {
    /// The units, in the order in which they are removed, and their generator.
    pub units: RankedChoice,
    /// Latents to show before and after; the first four if none are named. They need not be among those that are counted.
    pub shown: Option<Vec<u32>>,
}

/// What a [`RemoveJob`] names, opened.
pub struct OpenedRemoval<'h> {
    on: Labelled<'h>,
    shown: Vec<u32>,
}

const STATE: &str = "remove-state.safetensors";

/// Units removed in pictures, as in the paper's figure.
const PICTURED: [usize; 5] = [0, 2, 4, 8, 20];
/// Latents shown where none are named.
const SHOWN: usize = 4;
/// Most latents shown.
const MOST_SHOWN: usize = 32;

impl Experiment for RemoveJob {
    type Report = RemovalReport;
    type Opened<'h> = OpenedRemoval<'h>;
    type Loaded = Split;

    const FILES: RunFiles = RunFiles { job: "remove-run.json", result: "remove.json", states: &[STATE] };

    fn open<'h>(&self, host: &Host<'h>) -> Result<OpenedRemoval<'h>> {
        let ranked = Ranked::open(&self.units)?;
        let shown = self.shown(&ranked)?;
        Ok(OpenedRemoval { on: ranked.labelled(self.units.labelling.as_ref(), host)?, shown })
    }

    fn describe(&self, opened: &OpenedRemoval<'_>) -> Result<Value> {
        let mut job = opened.on.describe()?;
        job["units"] = json!(opened.on.ranked.units);
        job["pictures"] = json!(opened.shown);
        Ok(job)
    }

    fn load(&self, opened: &OpenedRemoval<'_>, host: &Host<'_>) -> Result<Split> {
        let ranked = &opened.on.ranked;
        let weights = ranked.generator.weights(&opened.on.gpu);
        ranked.generator.split(host, &weights, &[&ranked.node], self.units.batch)
    }

    fn cost(&self, opened: &OpenedRemoval<'_>, split: Split, _: &Host<'_>) -> Result<Estimate> {
        let Labelled { ranked, concepts, .. } = &opened.on;
        let latents = ranked.generator.indices.len() as u64;
        let source = ranked.generator.source(split.session().batch());
        try_labelling(&split, &source, concepts.as_ref(), ranked.grid)?;
        Estimate::of_split(&split, latents, latents * (ranked.units.len() as u64 + 1))
    }

    fn run(
        &self,
        opened: &OpenedRemoval<'_>,
        split: Split,
        workplace: &Workplace<'_>,
    ) -> Result<Findings<RemovalReport>> {
        let Labelled { ranked, concepts, .. } = &opened.on;
        let units: Vec<u32> = ranked.units.iter().map(|unit| unit.unit).collect();
        let mut removal = Removal {
            latents: &ranked.generator.source(split.session().batch()),
            split: &split,
            concepts: concepts.as_ref(),
            grid: ranked.grid,
            units: &units,
        };
        let counts = removal.run(&workplace.watch(STATE))?;
        if counts.losses(ranked.label).is_none() {
            let concept = &self.units.concept;
            workplace.host.progress.note(&format!("no image has a pixel of `{concept}`: there is nothing to lose"));
        }
        let pictures = pictures(workplace, opened, &split, &units)?;
        let about = opened.on.about(RemovalReport::NAME)?;
        let (vocabulary, units) = (concepts.vocabulary(), ranked.units.clone());
        let report = RemovalReport::new(about, vocabulary, ranked.label, units, &counts, pictures);
        Ok(Findings { csv: report.csv(), report })
    }
}

impl RemoveJob {
    /// Latents to show.
    fn shown(&self, ranked: &Ranked) -> Result<Vec<u32>> {
        let first = || ranked.generator.indices.iter().copied().take(SHOWN).collect();
        let shown = self.shown.clone().unwrap_or_else(first);
        shown.iter().try_for_each(|&latent| ranked.check_shown(latent))?;
        if shown.len() > MOST_SHOWN {
            return Err(Error::input(format!("{} latents to show; at most {MOST_SHOWN} can be", shown.len())));
        }
        Ok(shown)
    }
}

/// Draws each latent as it is and with ever more units removed.
fn pictures(
    workplace: &Workplace<'_>,
    opened: &OpenedRemoval<'_>,
    split: &Split,
    units: &[u32],
) -> Result<Vec<PictureRow>> {
    let mut sizes: Vec<usize> = PICTURED.into_iter().filter(|&size| size <= units.len()).collect();
    if units.len() < PICTURED[PICTURED.len() - 1] && !sizes.contains(&units.len()) {
        sizes.push(units.len());
    }
    let mut reader = opened.on.ranked.generator.latents.reader()?;
    let mut rows = Vec::new();
    for &latent in &opened.shown {
        split.begin(&reader.row(latent)?, 1)?;
        let mut pictures = Vec::new();
        for &size in &sizes {
            let edit = (size > 0).then(|| Edit::zero(split.layer().c, &units[..size]));
            let caption = match size {
                0 => "as it is".to_owned(),
                1 => "1 unit removed".to_owned(),
                size => format!("{size} units removed"),
            };
            let file = format!("{}/{latent}-{size}.png", RemovalReport::NAME);
            pictures.push(save(workplace.folder, file, caption, &drawn(split, edit.as_ref())?)?);
        }
        rows.push(PictureRow { title: format!("Latent {latent}"), pictures });
    }
    Ok(rows)
}
