//! `report.html`: the whole report as one page that needs no network and no other file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::palette::{Tone, category_order, tones};
use super::schema::{Adapter, Images, Model, Report, Settings, Tool, Warning};
use super::svg;
use crate::error::{Error, Result};

/// Strips of more bytes than this stay files beside the page.
pub const EMBED_LIMIT_BYTES: usize = 40_000_000;

const TEMPLATE: &str = include_str!("assets/report.html");
const STYLE: &str = concat!(include_str!("assets/base.css"), include_str!("assets/units.css"));
/// One script in pieces that are read top to bottom.
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("assets/model.js"),
    include_str!("assets/cards.js"),
    include_str!("assets/concepts.js"),
    include_str!("assets/lightbox.js"),
    include_str!("assets/page.js"),
);

/// What the page's script reads beside the report.
#[derive(Serialize)]
struct Look {
    categories: Vec<CategoryLook>,
}

#[derive(Serialize)]
struct CategoryLook {
    name: String,
    #[serde(flatten)]
    tone: Tone,
}

/// What the template is filled with.
#[derive(Serialize)]
struct ReportPage<'a> {
    schema_version: u32,
    tool: &'a Tool,
    model: &'a Model,
    images: &'a Images,
    left_out: String,
    concepts: usize,
    source: String,
    settings: &'a Settings,
    tail_percent: String,
    adapter: &'a Adapter,
    kernels: String,
    warnings: &'a [Warning],
    layers: Vec<LayerView<'a>>,
    embedded: bool,
    policy: String,
    style: &'static str,
    script: &'static str,
    data: String,
    look: String,
}

/// One layer as the template shows it.
#[derive(Serialize)]
struct LayerView<'a> {
    name: &'a str,
    graph: String,
    strips: String,
}

/// Renders the page. `read_strip` is given the path of a strip and returns its JPEG; where all strips together exceed
/// `embed_limit` bytes, the page refers to them as files instead, and says so.
///
/// # Errors
/// What `read_strip` returns; [`crate::error::Kind::Internal`] if the page cannot be rendered.
pub fn page(report: &Report, read_strip: &dyn Fn(&str) -> Result<Vec<u8>>, embed_limit: usize) -> Result<String> {
    let strips = Strips::collect(report, read_strip, embed_limit)?;
    let layers = report.layers.iter().zip(&strips.layers).map(|(layer, strips)| {
        Ok(LayerView { name: &layer.layer, graph: svg::embedded(layer), strips: script_safe(strips)? })
    });
    let kernels = report.kernels.iter().map(|(name, choice)| format!("{name}: {choice}"));
    let page = ReportPage {
        schema_version: report.schema_version,
        tool: &report.tool,
        model: &report.model,
        images: &report.images,
        left_out: report.images.left_out.to_string(),
        concepts: report.concepts.vocabulary.len().saturating_sub(1),
        source: readable(&report.concepts.source),
        settings: &report.settings,
        tail_percent: svg::number(report.settings.quantile_tail * 100.0, 4),
        adapter: &report.adapter,
        kernels: kernels.collect::<Vec<_>>().join(" · "),
        warnings: &report.warnings,
        layers: layers.collect::<Result<_>>()?,
        embedded: strips.embedded,
        policy: policy(STYLE, Some(SCRIPT), strips.embedded),
        style: STYLE,
        script: SCRIPT,
        data: script_safe(report)?,
        look: script_safe(&look(report))?,
    };
    render("report.html", TEMPLATE, page)
}

/// Fills a template; its name, which ends in `.html`, makes every value escaped as HTML unless it says otherwise.
pub(super) fn render(name: &str, template: &str, page: impl Serialize) -> Result<String> {
    let broken = |error: minijinja::Error| Error::internal(format!("{name} cannot be rendered: {error:#}"));
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(broken)?);
    environment.add_template(name, template).map_err(broken)?;
    environment.get_template(name).and_then(|template| template.render(Serde(page))).map_err(broken)
}

/// Strips of all units, as JPEGs in base64 or as paths.
struct Strips {
    embedded: bool,
    layers: Vec<Vec<Option<String>>>,
}

impl Strips {
    fn collect(report: &Report, read: &dyn Fn(&str) -> Result<Vec<u8>>, limit: usize) -> Result<Self> {
        let mut total = 0_usize;
        let mut layers = Vec::with_capacity(report.layers.len());
        for layer in &report.layers {
            let mut strips = Vec::with_capacity(layer.units.len());
            for unit in &layer.units {
                let bytes = unit.strip.as_deref().map(read).transpose()?;
                total = total.saturating_add(bytes.as_ref().map_or(0, Vec::len));
                if total > limit {
                    return Ok(Strips::paths(report));
                }
                strips.push(bytes.map(|bytes| STANDARD.encode(bytes)));
            }
            layers.push(strips);
        }
        Ok(Strips { embedded: true, layers })
    }

    fn paths(report: &Report) -> Self {
        let layers = report.layers.iter().map(|layer| layer.units.iter().map(|unit| unit.strip.clone()).collect());
        Strips { embedded: false, layers: layers.collect() }
    }
}

/// Categories in the order and colours of the bar graph, over all layers.
fn look(report: &Report) -> Look {
    let matches = report.layers.iter().flat_map(|layer| &layer.units).flat_map(|unit| &unit.best);
    let order = category_order(matches.map(|found| found.category.as_str()));
    let tones = tones(&order);
    Look { categories: order.into_iter().zip(tones).map(|(name, tone)| CategoryLook { name, tone }).collect() }
}

/// Nothing may be loaded, and nothing may run but our own script, if there is one.
pub(super) fn policy(style: &str, script: Option<&str>, embedded: bool) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let images = if embedded { "data:" } else { "data: 'self' file:" };
    let (style, script) = (hash(style), script.map_or("'none'".to_owned(), hash));
    format!(
        "default-src 'none'; img-src {images}; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    )
}

/// JSON that cannot end the script element it stands in.
pub(super) fn script_safe(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string(value).map_err(|error| Error::internal(format!("report is no JSON: {error}")))?;
    Ok(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

/// A source of concepts in one line.
pub(super) fn readable(source: &serde_json::Value) -> String {
    let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    match source.as_object() {
        Some(fields) => {
            fields.iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect::<Vec<_>>().join(" · ")
        }
        None => plain(source),
    }
}
