//! A run that never took place, but could have: painted images, units that look for their colours and shapes.

use std::collections::BTreeMap;
use std::path::Path;

use netdissect::concepts::Vocabulary;
use netdissect::report::schema::{
    Adapter, Concepts, Images, Label, Layer, Match, Model, Report, SCHEMA_VERSION, Settings, Skipped, Tool, TopImage,
    Unit,
};
use netdissect::report::strip::{self, THUMB, Tile};

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

    fn below(&mut self, count: usize) -> usize {
        (self.next() * count as f64).min(count as f64 - 1.0) as usize
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
        layers: layers
            .iter()
            .map(|(name, count)| {
                let units = (0..*count).map(|index| unit(dir, name, index, index + 1 == *count, &images));
                Layer::new(*name, POSITIONS, units.collect())
            })
            .collect(),
    }
}

fn unit(dir: &Path, layer: &str, index: usize, silent: bool, images: &[Vec<u8>]) -> Unit {
    let mut numbers = Numbers(index as u64 * 7919 + layer.len() as u64);
    let area = if silent { 0 } else { (POSITIONS as f64 * (0.006 + 0.004 * numbers.next())) as u64 };
    let best = if silent { Vec::new() } else { best_concepts(index, area, &mut numbers) };
    let label = best.first().map(|best| Label {
        number: best.number,
        name: best.name.clone(),
        category: best.category.clone(),
        iou: best.iou,
    });
    let peak = 4.0 + 30.0 * numbers.next() as f32;
    let first = numbers.below(images.len());
    let top: Vec<TopImage> = (0..if silent { 0 } else { 8 })
        .map(|rank| {
            let image = (first + rank * 7) % images.len();
            let name =
                if image == 3 { HOSTILE.into() } else { format!("places/holiday {:02}/{image:05}.jpg", image % 5) };
            TopImage { index: image as u64, name, peak: peak * 0.93_f32.powi(rank as i32) }
        })
        .collect();
    Unit {
        unit: index as u64,
        threshold: peak * 0.4,
        area,
        fires: area as f64 / POSITIONS as f64,
        matched: label.as_ref().is_some_and(|label| label.iou > 0.04),
        label,
        best,
        strip: (!top.is_empty()).then(|| write_strip(dir, layer, index, &top, images)),
        top,
    }
}

fn best_concepts(index: usize, area: u64, numbers: &mut Numbers) -> Vec<Match> {
    // Low numbers are drawn more often, so that bars differ in height.
    let start = if index == 0 { 9 } else { 1 + (numbers.next() * numbers.next() * 25.0) as usize };
    let mut iou = if index == 0 { 0.31 } else { 0.01 + 0.35 * numbers.next().powi(2) };
    (0..5)
        .map(|rank| {
            let number = 1 + (start - 1 + rank * 4) % 25;
            let concept_area = (POSITIONS as f64 * (0.01 + 0.2 * numbers.next())) as u64;
            let intersection = ((area + concept_area) as f64 * iou / (1.0 + iou)) as u64;
            let (name, category) = CONCEPTS[number];
            let found = Match {
                number: number as u64,
                name: name.into(),
                category: category.into(),
                iou,
                intersection: intersection.min(area),
                concept_area,
            };
            iou *= 0.45 + 0.5 * numbers.next();
            found
        })
        .collect()
}

/// A strip whose masks follow a smooth bump that differs by unit and image.
fn write_strip(dir: &Path, layer: &str, unit: usize, top: &[TopImage], images: &[Vec<u8>]) -> String {
    let masks: Vec<Vec<bool>> = (0..5_usize)
        .map(|rank| {
            let (cy, cx) = (3 + (unit * 5 + rank * 3) % 8, 3 + (unit * 3 + rank * 5) % 8);
            let bump = |y: usize, x: usize| -> f32 {
                let squared = (y.abs_diff(cy).pow(2) + x.abs_diff(cx).pow(2)) as f32;
                (-squared / (3.0 + (unit % 5) as f32)).exp()
            };
            let map: Vec<f32> = (0..14 * 14).map(|cell| bump(cell / 14, cell % 14)).collect();
            strip::mask(&map, 14, 14, THUMB, 0.45).unwrap()
        })
        .collect();
    let tiles: Vec<Tile<'_>> = top
        .iter()
        .zip(&masks)
        .map(|(image, mask)| Tile { rgb: &images[image.index as usize], h: SIZE, w: SIZE, mask })
        .collect();
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
