//! Pages that show label maps: each picture, its labels over it, and a legend with areas. They need no network and no other file,
//! save where the pictures are too many to fit.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::html::{EMBED_LIMIT_BYTES, policy, readable, render, script_safe};
use super::overlay::{LabelCells, shade_png};
use super::palette::{category_order, label_color};
use super::schema::Tool;
use crate::concepts::{Area, LabelMaps, Vocabulary};
use crate::data::loader::Skipped;
use crate::error::Result;

/// Images of a page.
pub const PER_PAGE: usize = 100;

/// Labels listed before the rest is folded away.
const LISTED: usize = 12;

/// Labels listed at all; smaller ones are in the areas' file.
const LISTED_MAX: usize = 60;

/// Side of a map on a page, at most; larger ones are thinned out.
const SIDE_MAX: u32 = 256;

const TEMPLATE: &str = include_str!("assets/segments.html");
const STYLE: &str = concat!(include_str!("assets/base.css"), include_str!("assets/segments.css"));
const SCRIPT: &str = include_str!("assets/segments.js");

/// Name of a page's file, counted from 0.
pub fn file_name(page: usize) -> String {
    if page == 0 { "index.html".to_owned() } else { format!("index-{}.html", page + 1) }
}

/// One image of a page.
#[derive(Debug)]
pub struct LabelledImage {
    /// Its name.
    pub name: String,
    /// Path of the picture, relative to the page.
    pub picture: String,
    /// Path of the picture under its labels, relative to the page.
    pub overlay: String,
    /// Its labels.
    pub maps: LabelMaps,
}

/// What all pages of a run say.
#[derive(Debug)]
pub struct Run<'a> {
    /// Images in all.
    pub images: usize,
    /// Names and categories.
    pub vocabulary: &'a Vocabulary,
    /// Where labels come from.
    pub source: serde_json::Value,
    /// How images were brought to size, in words.
    pub geometry: String,
    /// Pixels of the image along a side of a cell.
    pub downsample: u32,
    /// Categories that overlays show.
    pub painted: &'a [String],
    /// Images that could not be used.
    pub skipped: &'a [Skipped],
}

impl Run<'_> {
    /// Whether overlays show a label.
    pub fn paints(&self, label: u16) -> bool {
        self.painted.iter().any(|category| *category == self.vocabulary.categories[usize::from(label)])
    }

    /// Colour of a label.
    pub fn color(&self, label: u16) -> [u8; 3] {
        let label_index = usize::from(label);
        label_color(label, &self.vocabulary.names[label_index], &self.vocabulary.categories[label_index])
    }
}

/// Categories of a vocabulary's labels, in their order.
pub fn categories(vocabulary: &Vocabulary) -> Vec<String> {
    let labels = vocabulary.names.iter().zip(&vocabulary.categories).skip(1);
    category_order(labels.filter(|(name, _)| *name != "-").map(|(_, category)| category.as_str()))
}

#[derive(Serialize)]
struct SegmentPage<'a> {
    tool: Tool,
    images: usize,
    here: Option<(usize, usize)>,
    links: Vec<Link>,
    views: &'a [View],
    source: String,
    geometry: &'a str,
    downsample: u32,
    skipped: &'a [Skipped],
    articles: Vec<Article>,
    embedded: bool,
    policy: String,
    style: &'static str,
    script: &'static str,
}

#[derive(Serialize)]
struct Link {
    text: usize,
    file: String,
    current: bool,
}

/// A choice of what is painted and listed.
#[derive(Serialize)]
struct View {
    name: String,
    categories: Vec<String>,
    chosen: bool,
}

#[derive(Serialize)]
struct Article {
    name: String,
    /// Address, with nothing in it that HTML would have escaped.
    picture: String,
    /// The same.
    overlay: String,
    /// What each view paints.
    layers: Vec<String>,
    /// What each view lists: first, folded away, and how many more there are.
    legends: Vec<(Vec<Listed>, Vec<Listed>, usize)>,
    /// What darkens the picture outside each label.
    shades: String,
}

#[derive(Clone, Serialize)]
struct Listed {
    label: u16,
    name: String,
    category: String,
    color: String,
    percent: String,
}

/// Renders page `number` of the run, counted from 0, with these images. `read` is given the path of a picture and returns its bytes;
/// where they exceed [`EMBED_LIMIT_BYTES`] the page refers to the files instead, and says so.
///
/// # Errors
/// What `read` returns; [`crate::error::Kind::Internal`] if the page cannot be rendered.
pub fn page(
    run: &Run<'_>,
    number: usize,
    shown: &[LabelledImage],
    read: &dyn Fn(&str) -> Result<Vec<u8>>,
) -> Result<String> {
    let pages = run.images.div_ceil(PER_PAGE);
    let views = views(run);
    let pictures = pictures(shown, read)?;
    let embedded = pictures.is_some();
    let sources = pictures.unwrap_or_else(|| shown.iter().map(|image| address(&image.picture)).collect());
    let articles = shown.iter().zip(sources).map(|(image, picture)| article(run, &views, image, picture));
    let link = |page: usize| Link { text: page + 1, file: file_name(page), current: page == number };
    let first = number * PER_PAGE + 1;
    let page = SegmentPage {
        tool: Tool::current(),
        images: run.images,
        here: (pages > 1).then(|| (first, first + shown.len().max(1) - 1)),
        links: if pages > 1 { (0..pages).map(link).collect() } else { Vec::new() },
        views: &views,
        source: readable(&run.source),
        geometry: &run.geometry,
        downsample: run.downsample,
        skipped: run.skipped,
        articles: articles.collect::<Result<_>>()?,
        embedded,
        policy: policy(STYLE, Some(SCRIPT), embedded),
        style: STYLE,
        script: SCRIPT,
    };
    render("segments.html", TEMPLATE, page)
}

/// One view a category, and one of all where there are several.
fn views(run: &Run<'_>) -> Vec<View> {
    let categories = categories(run.vocabulary);
    let chosen = |categories: &[String]| categories == run.painted;
    let mut views: Vec<View> = categories
        .iter()
        .map(|name| View {
            name: name.clone(),
            categories: vec![name.clone()],
            chosen: chosen(std::slice::from_ref(name)),
        })
        .collect();
    if categories.len() > 1 {
        views.push(View { name: "all".to_owned(), chosen: chosen(&categories), categories });
    }
    if !views.iter().any(|view| view.chosen) {
        views.insert(0, View { name: run.painted.join(" + "), categories: run.painted.to_vec(), chosen: true });
    }
    views
}

/// The pictures as `data:` addresses, unless they are too large together.
fn pictures(shown: &[LabelledImage], read: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Option<Vec<String>>> {
    let mut total = 0;
    let mut out = Vec::with_capacity(shown.len());
    for image in shown {
        let bytes = read(&image.picture)?;
        total += bytes.len();
        if total > EMBED_LIMIT_BYTES {
            return Ok(None);
        }
        out.push(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)));
    }
    Ok(Some(out))
}

/// A relative path as an address.
fn address(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let character = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    // A colon in the first part would make it a scheme; it is written as a number here.
    path.bytes().map(character).collect()
}

fn article(run: &Run<'_>, views: &[View], image: &LabelledImage, picture: String) -> Result<Article> {
    let areas = image.maps.areas();
    let small = thinned(&image.maps);
    let png = |bytes: Vec<u8>| STANDARD.encode(bytes);
    let mut layers = Vec::new();
    let mut legends = Vec::new();
    let mut shades: BTreeMap<u16, String> = BTreeMap::new();
    for view in views {
        let of_view = |label: u16| view.categories.contains(&run.vocabulary.categories[usize::from(label)]);
        let top = small.topmost(&areas, of_view);
        layers.push(png(LabelCells { labels: &top, h: small.h, w: small.w }.colors_png(|label| run.color(label))?));
        let listed = areas.iter().filter(|area| of_view(area.label));
        let mut first: Vec<Listed> = listed.map(|area| entry(run, area, image.maps.cells())).collect();
        let beyond = first.len().saturating_sub(LISTED_MAX);
        first.truncate(LISTED_MAX);
        for listed in &first {
            if let Entry::Vacant(place) = shades.entry(listed.label) {
                place.insert(png(shade(&small, listed.label)?));
            }
        }
        let folded = first.split_off(first.len().min(LISTED));
        legends.push((first, folded, beyond));
    }
    Ok(Article {
        name: image.name.clone(),
        picture,
        overlay: address(&image.overlay),
        layers,
        legends,
        shades: script_safe(&shades)?,
    })
}

fn entry(run: &Run<'_>, area: &Area, cells: usize) -> Listed {
    let [r, g, b] = run.color(area.label);
    let label = usize::from(area.label);
    Listed {
        label: area.label,
        name: run.vocabulary.names[label].clone(),
        category: run.vocabulary.categories[label].clone(),
        color: format!("#{r:02x}{g:02x}{b:02x}"),
        percent: percent(f64::from(area.cells) / cells as f64),
    }
}

/// A share in words: one digit behind the point, and never 0 for what is there.
fn percent(share: f64) -> String {
    if share < 0.0005 { "< 0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

/// What darkens the picture outside a label.
fn shade(maps: &LabelMaps, label: u16) -> Result<Vec<u8>> {
    let cells = maps.cells();
    let mut inside = vec![false; cells];
    for (at, _) in maps.labels.iter().enumerate().filter(|(_, found)| **found == label) {
        inside[at % cells] = true;
    }
    shade_png(&inside, maps.h, maps.w)
}

/// The maps at no more than [`SIDE_MAX`] a side: the cell at the centre of each part.
fn thinned(maps: &LabelMaps) -> LabelMaps {
    let (h, w) = (maps.h.min(SIDE_MAX), maps.w.min(SIDE_MAX));
    let centre =
        |at: u32, from: u32, to: u32| ((2 * u64::from(at) + 1) * u64::from(from) / (2 * u64::from(to))) as usize;
    let mut labels = Vec::with_capacity(maps.channels as usize * h as usize * w as usize);
    for channel in maps.labels.chunks_exact(maps.cells().max(1)) {
        for row in 0..h {
            let line = &channel[centre(row, maps.h, h) * maps.w as usize..];
            labels.extend((0..w).map(|column| line[centre(column, maps.w, w)]));
        }
    }
    LabelMaps { channels: maps.channels, h, w, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let owned = |words: [&str; 5]| words.map(str::to_owned).to_vec();
        Vocabulary {
            names: owned(["-", "sky", "<b>", "-", "blue"]),
            categories: owned(["object", "object", "part", "-", "color"]),
        }
    }

    fn shown(name: &str) -> LabelledImage {
        let maps = LabelMaps { channels: 2, h: 2, w: 2, labels: vec![1, 1, 1, 2, 4, 4, 0, 0] };
        LabelledImage {
            name: name.to_owned(),
            picture: format!("{name}.picture.jpg"),
            overlay: format!("{name}.overlay.png"),
            maps,
        }
    }

    fn rendered(images: usize, number: usize, shown: &[LabelledImage], bytes: usize) -> String {
        let (vocabulary, painted) = (vocabulary(), ["object".to_owned()]);
        let skipped = [Skipped { name: "broken.png".to_owned(), reason: "is no image".to_owned() }];
        let run = Run {
            images,
            vocabulary: &vocabulary,
            source: serde_json::json!({ "kind": "test" }),
            geometry: "as it is".to_owned(),
            downsample: 4,
            painted: &painted,
            skipped: &skipped,
        };
        page(&run, number, shown, &|_| Ok(vec![7; bytes])).unwrap()
    }

    #[test]
    fn a_page_lists_labels_with_areas_by_category_and_names_what_was_skipped() {
        let page = rendered(1, 0, &[shown("a b#.jpg")], 10);
        for text in
            ["a b#.jpg", "75.0 %", "25.0 %", "&lt;b&gt;", "broken.png", "is no image", "data:image/jpeg;base64,"]
        {
            assert!(page.contains(text), "{text}");
        }
        assert!(page.contains("a%20b%23.jpg.overlay.png"));
        assert_eq!(page.matches("data:image/jpeg").count(), 1);
        assert!(!page.contains("<b>") && !page.contains("index-2.html"));
        let views: Vec<&str> =
            page.split("name=\"view\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(views, ["object", "part", "color", "all"]);
    }

    #[test]
    fn pictures_that_do_not_fit_stay_files_and_many_images_make_several_pages() {
        let page = rendered(PER_PAGE * 2 + 1, 1, &[shown("x:y.jpg")], EMBED_LIMIT_BYTES + 1);
        assert!(
            page.contains("src=\"x%3Ay.jpg.picture.jpg\"") && page.contains("img-src data: &#x27;self&#x27; file:")
        );
        assert!(page.contains("href=\"index.html\"") && page.contains("href=\"index-3.html\""));
    }

    #[test]
    fn a_page_loads_nothing_and_runs_only_its_own_script() {
        let page = rendered(1, 0, &[shown("a.jpg")], 10);
        assert!(page.contains("default-src &#x27;none&#x27;"));
        for word in ["http://", "https://", "style=\"", "onclick"] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn large_maps_are_thinned_by_the_cells_at_the_centres() {
        let labels = (0..512u32 * 3).map(|at| (at % 512) as u16).collect();
        let small = thinned(&LabelMaps { channels: 1, h: 3, w: 512, labels });
        assert_eq!((small.h, small.w, small.labels[0], small.labels[255], small.labels[256]), (3, 256, 1, 511, 1));
    }

    #[test]
    fn shares_are_never_written_as_nothing() {
        assert_eq!([1.0, 0.00051, 0.0001].map(percent), ["100.0 %", "0.1 %", "< 0.1 %"]);
    }
}
