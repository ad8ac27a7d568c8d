//! A run that never took place, but could have: painted images, units that look for their colours and shapes.

use std::collections::BTreeMap;
use std::path::Path;

use netdissect::concepts::Vocabulary;
use netdissect::dissect::labels;
use netdissect::dissect::not_finite::NotFinite;
use netdissect::dissect::tally::Tally;
use netdissect::dissect::topk::TopK;
use netdissect::report::build::{self, LayerResult};
use netdissect::report::schema::{
    Adapter, Concepts, Images, Layer, Model, Report, SCHEMA_VERSION, Settings, Skipped, Tool,
};
use netdissect::report::strip::{self, Tile};

/// A name that would run if any part of a report took it for markup.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=\"document.title='owned'\"><!--";

const SIZE: u32 = 112;
const IMAGES: u64 = 40;
const POSITIONS: u64 = IMAGES * 56 * 56;

const CONCEPTS: [(&str, &str); 26] = [
    ("-", "-"),
    ("sky", "object"),
    ("tree", "object"),
    ("building", "object"),
    ("water", "object"),
    ("mountain", "object"),
    ("grass", "object"),
    ("swimming pool table", "object"),
    ("airplane", "object"),
    (HOSTILE, "object"),
    ("window pane", "part"),
    ("wheel", "part"),
    ("head", "part"),
    ("roof", "part"),
    ("wood", "material"),
    ("glass", "material"),
    ("foliage", "material"),
    ("red", "color"),
    ("orange", "color"),
    ("blue", "color"),
    ("green", "color"),
    ("white", "color"),
    ("striped", "texture"),
    ("dotted", "texture"),
    ("street", "scene"),
    ("kitchen", "scene"),
];

/// Numbers that look random and are the same everywhere (PCG, O'Neill 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = ((self.0 >> 22) ^ self.0) >> (22 + (self.0 >> 61));
        f64::from(mixed as u32) / f64::from(u32::MAX)
    }
}

/// Writes the strips of a run with two layers into `dir` and returns its report; the last unit of each layer never fires.
pub(crate) fn synthetic_run(dir: &Path, units: usize) -> Report {
    let layers = [("conv4_1", units / 2 + 1), ("conv5_3", units)];
    let images: Vec<Vec<u8>> = (0..IMAGES).map(paint).collect();
    let mut vocabulary = Vocabulary { names: Vec::new(), categories: Vec::new() };
    for (name, category) in CONCEPTS {
        vocabulary.names.push(name.into());
        vocabulary.categories.push(category.into());
    }
    let built = layers.iter().map(|(name, units)| layer(dir, name, *units, &vocabulary, &images)).collect();
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool::current(),
        model: Model {
            name: "vgg16".into(),
            file: "vgg16_places365.safetensors".into(),
            sha256: "0bafbc55".repeat(8),
            preprocess: "RGB in [0, 1], ImageNet mean and deviation".into(),
        },
        images: Images {
            count: IMAGES,
            fingerprint: "5ca1ab1e".repeat(8),
            geometry: "shorter side to 256, centre 224 x 224".into(),
            order: "sorted".into(),
            skipped: vec![Skipped { name: HOSTILE.into(), reason: "ends after 12 of 4096 bytes".into() }],
            left_out: netdissect::data::search::LeftOut::default(),
            latents: None,
        },
        concepts: Concepts {
            source: serde_json::json!({"kind": "label maps", "folder": "labels", "sha256": "feed"}),
            vocabulary,
        },
        settings: Settings {
            quantile_tail: 0.01,
            min_iou: 0.04,
            grid: [56, 56],
            pre_relu: false,
            layers: layers.iter().map(|(name, _)| (*name).into()).collect(),
        },
        adapter: Adapter {
            name: "llvmpipe (LLVM 15.0.6, 256 bits)".into(),
            backend: "Vulkan".into(),
            driver: "llvmpipe".into(),
            driver_info: "Mesa 22.3.6 (LLVM 15.0.6)".into(),
        },
        kernels: BTreeMap::from([("conv".into(), "subgroup_4x8".into()), ("threshold_iou".into(), "portable".into())]),
        warnings: Vec::new(),
        layers: built,
    }
}

fn layer(dir: &Path, name: &str, units: usize, vocabulary: &Vocabulary, images: &[Vec<u8>]) -> Layer {
    let (tally, topk) = (count(name, units), rank(name, units));
    let names: Vec<String> = (0..IMAGES as usize).map(image_name).collect();
    let best: Vec<Vec<(usize, f64)>> = (0..units)
        .map(|unit| labels::best(&tally, unit, 5).iter().map(|found| (found.label, found.iou)).collect())
        .collect();
    let strips: Vec<Option<String>> = (0..units)
        .map(|unit| (tally.unit_area[unit] > 0).then(|| write_strip(dir, name, unit, &topk, images)))
        .collect();
    let result = LayerResult {
        layer: name,
        tally: &tally,
        topk: &topk,
        not_finite: &NotFinite::new(units),
        map: (28, 28),
        best: &best,
        strips: &strips,
        vocabulary,
        images: &names,
        min_iou: 0.04,
    };
    build::layer(&result).unwrap()
}

fn image_name(image: usize) -> String {
    if image == 3 { HOSTILE.into() } else { format!("places/holiday {:02}/{image:05}.jpg", image % 5) }
}

/// Areas and overlaps of units that each meet five concepts; the last but one meets none, the last never fires.
fn count(layer: &str, units: usize) -> Tally {
    let mut numbers = Numbers(layer.len() as u64);
    let threshold = (0..units).map(|_| 1.5 + 12.0 * numbers.next() as f32).collect();
    let mut tally = Tally::new(threshold, CONCEPTS.len());
    tally.positions = POSITIONS;
    for area in &mut tally.concept_area[1..] {
        *area = (POSITIONS as f64 * (0.008 + 0.02 * numbers.next())) as u64;
    }
    for unit in 0..units - 1 {
        let area = (POSITIONS as f64 * (0.006 + 0.004 * numbers.next())) as u64;
        tally.unit_area[unit] = area;
        // Low numbers are drawn more often, so that bars differ in height; unit 0 is named after the hostile concept.
        let first = if unit == 0 { 9 } else { 1 + (numbers.next() * numbers.next() * 25.0) as usize };
        let mut iou = if unit == 0 { 0.31 } else { 0.01 + 0.35 * numbers.next().powi(2) };
        for rank in 0..if unit + 2 == units { 0 } else { 5 } {
            let label = 1 + (first - 1 + rank * 4) % 25;
            let both = ((area + tally.concept_area[label]) as f64 * iou / (1.0 + iou)) as u64;
            tally.intersection[unit * CONCEPTS.len() + label] = both.min(area).min(tally.concept_area[label]);
            iou *= 0.45 + 0.5 * numbers.next();
        }
    }
    tally
}

fn rank(layer: &str, units: usize) -> TopK {
    let mut topk = TopK::new(units, 8);
    let mut numbers = Numbers(layer.len() as u64 + 99);
    for image in 0..IMAGES as u32 {
        let peaks: Vec<f32> =
            (0..units).map(|unit| if unit + 1 == units { 0.0 } else { 30.0 * numbers.next() as f32 }).collect();
        topk.insert(image, &peaks);
    }
    topk
}

/// Rows and columns of a thumb.
const THUMB: u32 = 100;

/// A strip whose masks are discs that differ by unit and image.
fn write_strip(dir: &Path, layer: &str, unit: usize, topk: &TopK, images: &[Vec<u8>]) -> String {
    let disc = |rank: usize| -> Vec<bool> {
        let (cy, cx) = (20 + (unit * 35 + rank * 21) % 60, 20 + (unit * 21 + rank * 35) % 60);
        let radius = 9 + unit % 5 * 2;
        let side = THUMB as usize;
        let inside = |y: usize, x: usize| y.abs_diff(cy).pow(2) + x.abs_diff(cx).pow(2) < radius * radius;
        (0..side * side).map(|pixel| inside(pixel / side, pixel % side)).collect()
    };
    let masks: Vec<Vec<bool>> = (0..5).map(disc).collect();
    let shown = topk.of(unit).zip(&masks);
    let tiles: Vec<Tile<'_>> =
        shown.map(|((image, _), mask)| Tile { rgb: &images[image as usize], h: SIZE, w: SIZE, mask }).collect();
    strip::write(dir, layer, unit, &strip::draw(&tiles, THUMB).unwrap()).unwrap()
}

/// A landscape of a sky, hills and a sun, different for each seed.
fn paint(seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed * 104_729 + 17);
    let hue = |numbers: &mut Numbers| [0, 1, 2].map(|_| 40.0 + 200.0 * numbers.next());
    let (sky, hill, field, sun) = (hue(&mut numbers), hue(&mut numbers), hue(&mut numbers), hue(&mut numbers));
    let (sun_y, sun_x) = (20.0 + 30.0 * numbers.next(), 10.0 + 90.0 * numbers.next());
    let (waves, horizon) = (2.0 + 5.0 * numbers.next(), 45.0 + 30.0 * numbers.next());
    let mut rgb = Vec::with_capacity((SIZE * SIZE * 3) as usize);
    for y in 0..SIZE {
        for x in 0..SIZE {
            let (fy, fx) = (f64::from(y), f64::from(x));
            let ridge = horizon + 14.0 * (fx * waves / 60.0).sin() + 5.0 * (fx * waves / 17.0).cos();
            let grain = 0.9 + 0.2 * numbers.next();
            let colour = if fy > ridge + 22.0 {
                field
            } else if fy > ridge {
                hill
            } else if (fy - sun_y).hypot(fx - sun_x) < 13.0 {
                sun
            } else {
                sky.map(|value| value * (0.6 + 0.4 * fy / f64::from(SIZE)))
            };
            rgb.extend(colour.map(|value| (value * grain).clamp(0.0, 255.0) as u8));
        }
    }
    rgb
}
