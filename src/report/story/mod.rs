//! The page of the demo: one story from several runs, and its numbers as JSON.

mod edits;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

pub use self::edits::{Added, Lost};
use crate::error::Result;
use crate::files::{self, write_atomic};
use crate::report::chart::{Axis, Chart, Paint};
use crate::report::experiments::ablate::AblationReport;
use crate::report::experiments::page::{self, Album, EmbeddedPicture, Fact, Figure, Line, Section, Table, address};
use crate::report::experiments::section;
use crate::report::schema::{Layer, Report, Unit};
use crate::report::{read, write_json};

/// Folders of the demo's runs within its own.
pub mod folders {
    /// Pictures that the classifier was trained on, or others of the same seed.
    pub const TRAINING: &str = "scenes/training";
    /// Fewer of those that it has never seen, for what runs many times.
    pub const JUDGED: &str = "scenes/judged";
    /// Pictures that it has never seen.
    pub const HELD_OUT: &str = "scenes/held-out";
    /// The classifier dissected with exact label maps.
    pub const CLASSIFIER: &str = "classifier";
    /// The same with the segmenter's.
    pub const SEGMENTED: &str = "classifier-segmented";
    /// The classifier without units.
    pub const ABLATION: &str = "ablation";
    /// A network of random weights dissected.
    pub const RANDOM: &str = "control/random";
    /// The classifier with the layer's units turned.
    pub const ROTATED: &str = "control/rotated";
    /// The generator dissected.
    pub const GENERATOR: &str = "generator";
    /// Some of its images.
    pub const GENERATED: &str = "generated";
    /// A generator of random weights dissected.
    pub const GENERATOR_RANDOM: &str = "control/generator-random";
    /// Removal and insertion.
    pub const EDITS: &str = "edits";
}

/// Classes pictured, at most.
const PICTURED: usize = 12;
/// IoU above which a match is clear. On few concepts that are everywhere, as in drawn places, any mixture of units passes 0.04.
pub const CLEAR: f64 = 0.1;
/// Units shown, at most, each of another concept.
const UNITS_SHOWN: usize = 12;

/// The world that pictures were drawn of.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Held-out pictures.
    pub pictures: u64,
    /// Names of its classes, in order.
    pub classes: &'a [&'a str],
    /// Number of its concepts.
    pub concepts: usize,
}

/// Name of the file of [`Story`].
pub const JSON: &str = "demo.json";

/// What the demo says in numbers; the layout of `demo.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// Held-out pictures.
    pub pictures: u64,
    /// The classifier.
    pub classifier: Option<LayerFound>,
    /// The same layer with random weights.
    pub random: Option<LayerFound>,
    /// The same layer with its units turned by a random rotation.
    pub rotated: Option<LayerFound>,
    /// Matched units of the classifier to which the segmenter gives the same concept.
    pub agreement: Option<MatchAgreement>,
    /// The generator.
    pub generator: Option<LayerFound>,
    /// A generator with random weights, in its own best layer.
    pub generator_random: Option<LayerFound>,
    /// Images without the units for trees.
    pub removal: Option<Lost>,
    /// Images with units for doors.
    pub insertion: Option<Added>,
    /// Networks that do not come with this program.
    pub missing: Vec<String>,
}

/// What a dissection found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LayerFound {
    /// Units of the layer.
    pub units: u64,
    /// Units that match a concept.
    pub matched: u64,
    /// Units that match an object or a part.
    pub matched_things: u64,
    /// Distinct concepts.
    pub concepts: u64,
    /// Distinct objects and parts.
    pub things: u64,
    /// Distinct objects and parts that some unit matches well: with an IoU above [`CLEAR`].
    pub clear: u64,
    /// Mean over all units of the IoU with the concept that each meets best.
    pub mean_iou: f64,
}

/// How far two dissections of the same units say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MatchAgreement {
    /// Units that match a concept by exact label maps.
    pub matched: u64,
    /// Those of them to which the other gives the same.
    pub same: u64,
}

impl LayerFound {
    /// Counts what a layer found.
    pub fn of(layer: &Layer) -> LayerFound {
        let is_thing = |category: &str| matches!(category, "object" | "part");
        let things = layer.categories.iter().filter(|counted| is_thing(&counted.category));
        let labels = layer.units.iter().filter_map(|unit| unit.label.as_ref());
        let clear = labels.filter(|label| label.iou > CLEAR && is_thing(&label.category));
        let ious = layer.units.iter().filter_map(|unit| unit.label.as_ref()).map(|label| label.iou);
        LayerFound {
            clear: clear.map(|label| label.number).collect::<BTreeSet<_>>().len() as u64,
            mean_iou: ious.sum::<f64>() / layer.units.len().max(1) as f64,
            units: layer.unit_count,
            matched: layer.matched,
            matched_things: things.clone().map(|counted| counted.units).sum(),
            concepts: layer.concepts.len() as u64,
            things: things.map(|counted| counted.concepts).sum(),
        }
    }
}

impl MatchAgreement {
    /// Compares units one by one.
    pub fn of(exact: &Layer, other: &Layer) -> MatchAgreement {
        let name = |unit: &Unit| unit.label.as_ref().map(|label| (label.name.clone(), label.category.clone()));
        let matched: Vec<_> = exact.units.iter().zip(&other.units).filter(|(unit, _)| unit.matched).collect();
        let same = matched.iter().filter(|(exact, other)| name(exact) == name(other)).count();
        MatchAgreement { matched: matched.len() as u64, same: same as u64 }
    }
}

/// The layer of a run in which most objects and parts are found, if the run is there.
fn layer(dir: &Path, folder: &str) -> Result<Option<(Report, Layer)>> {
    let dir = dir.join(folder);
    if !files::exists(&dir.join("report.json")) {
        return Ok(None);
    }
    let report = read(&dir)?;
    let best = report.layers.iter().rev().max_by_key(|layer| LayerFound::of(layer).things);
    Ok(best.cloned().map(|layer| (report, layer)))
}

/// Writes `report.html` and `demo.json` from the runs that are in the folder.
///
/// # Errors
/// [`crate::error::Kind::Input`] if one of them cannot be read; [`crate::error::Kind::Output`] if a file cannot be written.
pub fn write(dir: &Path, world: &World<'_>, missing: &[&str]) -> Result<Story> {
    let classifier = layer(dir, folders::CLASSIFIER)?;
    let segmented = layer(dir, folders::SEGMENTED)?;
    let generator = layer(dir, folders::GENERATOR)?;
    let edits = edits::read(&dir.join(folders::EDITS))?;
    let found = |run: &Option<(Report, Layer)>| run.as_ref().map(|(_, layer)| LayerFound::of(layer));
    let story = Story {
        pictures: world.pictures,
        classifier: found(&classifier),
        random: found(&layer(dir, folders::RANDOM)?),
        rotated: found(&layer(dir, folders::ROTATED)?),
        agreement: classifier.as_ref().zip(segmented.as_ref()).map(|((_, a), (_, b))| MatchAgreement::of(a, b)),
        generator: found(&generator),
        generator_random: found(&layer(dir, folders::GENERATOR_RANDOM)?),
        removal: edits.lost,
        insertion: edits.added,
        missing: missing.iter().map(|&name| name.to_owned()).collect(),
    };
    let mut sections = vec![scenes(dir, world, &story)?];
    if let Some((report, layer)) = &classifier {
        sections.push(units(dir, folders::CLASSIFIER, report, layer, &story)?);
    }
    sections.extend(section::<AblationReport>(&dir.join(folders::ABLATION))?);
    sections.extend(control(&story));
    if let Some((report, layer)) = &generator {
        sections.push(units(dir, folders::GENERATOR, report, layer, &story)?);
    }
    sections.extend(edits.sections);
    let page = page::render(&sections, Some("What the units of a network have learned"))?;
    write_atomic(&dir.join("report.html"), page.as_bytes())?;
    write_json(&dir.join(JSON), &story)?;
    Ok(story)
}

/// The world, and what is not shown of it.
fn scenes(dir: &Path, world: &World<'_>, story: &Story) -> Result<Section> {
    let classes = world.classes;
    // Spread over outdoor and indoor places alike.
    let step = (classes.len() / PICTURED).max(1);
    let chosen = classes.iter().step_by(step).take(PICTURED);
    let mut pictures = Vec::new();
    for class in chosen {
        let file = format!("{}/images/{class}/00000.png", folders::HELD_OUT);
        if files::exists(&dir.join(&file)) {
            pictures.push(EmbeddedPicture { source: address(dir, &file)?, caption: class.replace('_', " ") });
        }
    }
    let mut provenance = vec![
        Line::new("Pictures", format!("{}, exact label maps beside them", folders::HELD_OUT)),
        Line::new("Whole reports", "report.html in the folder of each run"),
    ];
    if !story.missing.is_empty() {
        let text = format!("{}: what they would show is left out of this page", story.missing.join(", "));
        provenance.push(Line::new("Networks that do not come with this program yet", text));
    }
    Ok(Section {
        id: "scenes",
        heading: "A world with known truth".into(),
        lede: "Everything below happened on this computer: places are drawn, each with exact maps of the objects, parts, materials and colours in it; \
               a network that was trained on their names alone looks at them; and every unit inside it is compared with every map."
            .into(),
        facts: vec![
            Fact::new("kinds of places", classes.len().to_string(), "all that the network was told"),
            Fact::new("concepts", world.concepts.to_string(), "objects, parts, materials, colours"),
            Fact::new("pictures", story.pictures.to_string(), "that the network has never seen"),
        ],
        figures: Vec::new(),
        strips: Vec::new(),
        rows: if pictures.is_empty() {
            Vec::new()
        } else {
            let middle = pictures.len().div_ceil(2);
            let second = pictures.split_off(middle);
            vec![
                Album { title: "Some of the places".to_owned(), pictures },
                Album { title: "and more".to_owned(), pictures: second },
            ]
        },
        tables: Vec::new(),
        provenance,
    })
}

/// What the units of a layer see.
fn units(dir: &Path, folder: &'static str, report: &Report, layer: &Layer, story: &Story) -> Result<Section> {
    let (found, is_generator) = (LayerFound::of(layer), folder == folders::GENERATOR);
    let mut facts = vec![
        Fact::new(
            "of the units match",
            share(found.matched, found.units),
            format!("{} of {}", found.matched, found.units),
        ),
        Fact::new("objects and parts", found.things.to_string(), format!("of {} concepts found", found.concepts)),
    ];
    if let Some(agreement) = story.agreement.filter(|_| !is_generator) {
        let note = format!("{} of {} matched units", agreement.same, agreement.matched);
        facts.push(Fact::new("named alike by the segmenter", share(agreement.same, agreement.matched), note));
    }
    if let Some(random) = story.generator_random.filter(|_| is_generator) {
        let note = format!("objects and parts, by {} of {} units", random.matched_things, random.units);
        facts.push(Fact::new("with random weights", random.things.to_string(), note));
    }
    let caption = format!(
        "Units of {} by the concept they match best, with an IoU above {}.",
        layer.layer, report.settings.min_iou
    );
    let (heading, lede) = if is_generator {
        ("Units of a generator make things", "The generator draws places of its own; a segmenter says what is in them.")
    } else {
        (
            "Units that nobody asked for",
            "The network was trained to name places. Its units have come to see the things that places are made of. Each strip shows where one \
             unit fires in the pictures that drive it highest.",
        )
    };
    Ok(Section {
        id: folder,
        heading: heading.into(),
        lede: lede.into(),
        facts,
        figures: vec![Figure { svg: concepts(layer).embedded(&caption), caption }],
        strips: strips(&dir.join(folder), layer)?,
        rows: if is_generator { generated(dir)? } else { Vec::new() },
        tables: vec![Table {
            title: "All matched units".into(),
            head: vec!["concept", "category", "unit", "IoU"],
            rows: ranked(layer).into_iter().filter_map(row).collect(),
        }],
        provenance: vec![
            Line::new(
                "Network",
                format!("{} from {}, sha256 {}", report.model.name, report.model.file, report.model.sha256),
            ),
            Line::new("Layer", &layer.layer),
            Line::new("Whole report", format!("{folder}/report.html")),
        ],
    })
}

/// Images that the generator made, in two rows.
fn generated(dir: &Path) -> Result<Vec<Album>> {
    let folder = dir.join(folders::GENERATED);
    if !files::exists(&folder) {
        return Ok(Vec::new());
    }
    let latent = |name: &str| name.strip_suffix(".png").and_then(|number| number.parse::<u64>().ok());
    let names = files::list(&folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<(u64, String)> = names.filter_map(|name| Some((latent(&name)?, name))).collect();
    names.sort();
    let picture = |(latent, name): &(u64, String)| {
        Ok(EmbeddedPicture { source: address(&folder, name)?, caption: format!("latent {latent}") })
    };
    let pictures = names.iter().map(picture).collect::<Result<Vec<_>>>()?;
    let titles = ["Places that it made up", "and more"];
    Ok(titles
        .iter()
        .zip(pictures.chunks(pictures.len().div_ceil(2).max(1)))
        .map(|(title, part)| Album { title: (*title).to_owned(), pictures: part.to_vec() })
        .collect())
}

fn row(unit: &Unit) -> Option<Vec<String>> {
    let label = unit.label.as_ref()?;
    Some(vec![label.name.clone(), label.category.clone(), unit.unit.to_string(), format!("{:.3}", label.iou)])
}

/// Matched units, the best first.
fn ranked(layer: &Layer) -> Vec<&Unit> {
    let iou = |unit: &Unit| unit.label.as_ref().map_or(0.0, |label| label.iou);
    let mut units: Vec<&Unit> = layer.units.iter().filter(|unit| unit.matched).collect();
    units.sort_by(|a, b| iou(b).total_cmp(&iou(a)).then(a.unit.cmp(&b.unit)));
    units
}

/// The best units of objects and parts, one a concept.
fn strips(dir: &Path, layer: &Layer) -> Result<Vec<EmbeddedPicture>> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for unit in ranked(layer) {
        let (Some(label), Some(strip)) = (&unit.label, &unit.strip) else { continue };
        let thing = matches!(label.category.as_str(), "object" | "part");
        if out.len() < UNITS_SHOWN && thing && seen.insert(label.name.clone()) {
            let caption = format!("unit {}: {}, IoU {:.2}", unit.unit, label.name, label.iou);
            out.push(EmbeddedPicture { source: address(dir, strip)?, caption });
        }
    }
    Ok(out)
}

/// Units by concept, objects and parts first.
fn concepts(layer: &Layer) -> Chart {
    let names: Vec<String> = layer.concepts.iter().map(|concept| concept.name.clone()).collect();
    let x = Axis::round("units", layer.concepts.iter().map(|concept| concept.units as f64).chain([0.0]), 6);
    let mut chart = Chart::rows(640.0, &names, x);
    let tone = |category: &str| ["object", "part", "material", "color"].iter().position(|known| *known == category);
    for (at, concept) in layer.concepts.iter().enumerate() {
        let title = format!("{} ({}): {} units", concept.name, concept.category, concept.units);
        chart.row_bar(at, concept.units as f64, Paint::Tone(tone(&concept.category).unwrap_or(5)), &title);
    }
    chart
}

/// The same question put to networks that have learned nothing there.
fn control(story: &Story) -> Option<Section> {
    let (learned, random, rotated) = (story.classifier?, story.random?, story.rotated?);
    let named =
        [("as it was trained", learned), ("units turned by a random rotation", rotated), ("random weights", random)];
    let names: Vec<String> = named.iter().map(|(name, _)| (*name).to_owned()).collect();
    let axis = |title: &str, of: fn(&LayerFound) -> u64| {
        Axis::round(title, named.iter().map(|(_, f)| of(f) as f64).chain([0.0]), 6)
    };
    let figure = |title: &str, of: fn(&LayerFound) -> u64, caption: &str| {
        let mut chart = Chart::rows(560.0, &names, axis(title, of));
        for (at, (name, found)) in named.iter().enumerate() {
            let paint = if at == 0 { Paint::Tone(0) } else { Paint::Tone(5) };
            chart.row_bar(at, of(found) as f64, paint, &format!("{name}: {}", of(found)));
        }
        Figure { svg: chart.embedded(caption), caption: caption.to_owned() }
    };
    let fact = |found: &LayerFound, name: &str| {
        let note = format!(
            "objects and parts, by {} of {} units; mean IoU {:.3}",
            found.matched_things, found.units, found.mean_iou
        );
        Fact::new(name, found.things.to_string(), note)
    };
    Some(Section {
        id: "control",
        heading: "Is it learned, and is it in the units?".into(),
        lede: "The same network, layer and pictures: once with random weights, and once with its units turned into random mixtures of each other, which \
               hold the same information. A bar as long as the first one says that chance, or any direction in the layer, does as well."
            .to_owned()
            + if rotated.things < learned.things { "" } else { " Here the rotated units do, by the usual threshold; the second plot counts clear matches alone." },
        facts: vec![fact(&learned, "trained"), fact(&rotated, "rotated"), fact(&random, "random")],
        figures: vec![
            figure("distinct objects and parts", |found| found.things, "Distinct objects and parts that some unit matches."),
            figure("distinct objects and parts", |found| found.clear, "Those that some unit matches clearly, with an IoU above 0.1."),
        ],
        strips: Vec::new(),
        rows: Vec::new(),
        tables: Vec::new(),
        provenance: vec![Line::new("Whole reports", format!("{}/report.html, {}/report.html", folders::RANDOM, folders::ROTATED))],
    })
}

/// A share in whole percents.
fn share(part: u64, whole: u64) -> String {
    format!("{:.0} %", part as f64 / whole.max(1) as f64 * 100.0)
}
