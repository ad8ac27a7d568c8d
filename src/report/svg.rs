//! The bar graph of concepts: how many units of a layer match each one (PNAS 2020, figure 1; geometry of its code).

use std::fmt::Write;

use super::palette::{Tone, category_order, tones};
use super::schema::{ConceptCount, Layer};

/// Height of the bars, and of the space for names below them.
const BAR_AREA: usize = 80;
const BAR: usize = 12;
const STEP: usize = BAR + 3;
const LEFT: usize = 32;
const RIGHT: usize = 8;
/// Width of a graph that has no bars but words.
const EMPTY_WIDTH: usize = 360;
/// Height of a layer's name above its graph where several layers share a file.
const TITLE: usize = 24;
/// Longest name that fits into the space below the bars, at 45 degrees.
const NAME_CHARS: usize = 15;
/// Width that a letter of a name takes at 45 degrees, in tenths of a pixel.
const LETTER_TENTHS: usize = 47;

pub(super) const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
    <!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n";
pub(super) const NAMESPACE: &str = "xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\"";
pub(super) const FONT: &str = "font-family=\"Helvetica, Arial, sans-serif\"";

/// Bar graph of one layer as an SVG 1.1 file.
pub(crate) fn file(layer: &Layer) -> String {
    overview(std::slice::from_ref(layer))
}

/// Bar graphs of several layers in one SVG 1.1 file, one below the other under their names; one layer stands alone.
pub(crate) fn overview(layers: &[Layer]) -> String {
    let title = if layers.len() > 1 { TITLE } else { 0 };
    let height = layers.len() * (title + 2 * BAR_AREA);
    let width = layers.iter().map(width).max().unwrap_or(EMPTY_WIDTH);
    let mut svg = format!(
        "{PROLOGUE}<svg {NAMESPACE} {FONT} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (index, layer) in layers.iter().enumerate() {
        let top = index * (title + 2 * BAR_AREA);
        if title > 0 {
            let (y, name) = (top + 17, escape(&layer.layer));
            let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{y}\" font-size=\"14\">{name}</text>");
        }
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", top + title);
        draw(&mut svg, layer, Style::File);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Bar graph of one layer for an HTML page: without prologue, coloured by classes, each bar a button that carries its label
/// number in `data-concept`.
pub(crate) fn embedded(layer: &Layer) -> String {
    let (width, height) = (width(layer), 2 * BAR_AREA);
    let label = escape(&format!("Units of {} by concept", layer.layer));
    let mut svg = format!(
        "<svg {NAMESPACE} class=\"graph\" role=\"group\" aria-label=\"{label}\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n"
    );
    draw(&mut svg, layer, Style::Page);
    svg.push_str("</svg>\n");
    svg
}

/// Where a graph is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A file of its own: fixed colours on white.
    File,
    /// Inside a page: the page's style sheet colours text, and its script reacts to bars.
    Page,
}

fn width(layer: &Layer) -> usize {
    match layer.concepts.len() {
        0 => EMPTY_WIDTH,
        bars => bars * STEP + 2 * LEFT + RIGHT,
    }
}

fn draw(svg: &mut String, layer: &Layer, style: Style) {
    let Some(most) = layer.concepts.iter().map(|concept| concept.units).max().filter(|most| *most > 0) else {
        let (x, y) = (EMPTY_WIDTH / 2, BAR_AREA);
        let text = format!("None of {} units matches a concept", layer.unit_count);
        let _ = writeln!(
            svg,
            "<text class=\"empty\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"14\">{text}</text>"
        );
        return;
    };
    axis(svg, most);
    let order = category_order(layer.concepts.iter().map(|concept| concept.category.as_str()));
    let tones = tones(&order);
    for (category, tone) in order.iter().zip(tones) {
        let is_here = |concept: &&ConceptCount| concept.category == *category;
        let first = layer.concepts.iter().take_while(|concept| !is_here(concept)).count();
        let bars: Vec<_> = layer.concepts.iter().filter(is_here).collect();
        background(svg, category, first, bars.len(), tone, style);
        for (index, concept) in bars.into_iter().enumerate() {
            bar(svg, concept, first + index, most, tone, style);
        }
        if style == Style::File {
            caption(svg, layer, category, first);
        }
    }
}

/// Ticks at 1, half and all of the longest bar, and the word "units".
fn axis(svg: &mut String, most: u64) {
    let mut ticks = vec![1, most.div_ceil(2), most];
    ticks.dedup();
    for tick in ticks {
        let y = BAR_AREA as f64 * (1.0 - tick as f64 / most as f64);
        // Half a digit lower than the bar's end; the uppermost one stays inside the picture.
        let (x, y) = (LEFT - 5, number((y + 3.5).max(8.0), 2));
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\" font-size=\"10\">{tick}</text>"
        );
    }
    let y = BAR_AREA / 2;
    let _ = writeln!(
        svg,
        "<text class=\"tick\" transform=\"translate(10 {y}) rotate(-90)\" text-anchor=\"middle\" font-size=\"10\">units</text>"
    );
}

fn background(svg: &mut String, category: &str, first: usize, bars: usize, tone: Tone, style: Style) {
    let (x, width, colour) = (LEFT + first * STEP, bars * STEP - (STEP - BAR), tone.background);
    let data = if style == Style::Page { format!(" data-category=\"{}\"", escape(category)) } else { String::new() };
    let _ = writeln!(
        svg,
        "<rect class=\"ground\"{data} x=\"{x}\" y=\"0\" width=\"{width}\" height=\"{BAR_AREA}\" fill=\"{colour}\"/>"
    );
}

fn bar(svg: &mut String, concept: &ConceptCount, index: usize, most: u64, tone: Tone, style: Style) {
    let x = LEFT + index * STEP;
    let height = BAR_AREA as f64 * concept.units as f64 / most as f64;
    let noun = if concept.units == 1 { "unit" } else { "units" };
    let title = escape(&format!("{} ({}): {} {noun}", concept.name, concept.category, concept.units));
    match style {
        Style::File => svg.push_str("<g>"),
        Style::Page => {
            let (number, category) = (concept.number, escape(&concept.category));
            let _ = write!(
                svg,
                "<g class=\"bar\" role=\"button\" tabindex=\"0\" aria-pressed=\"false\" aria-label=\"{title}\" \
                 data-concept=\"{number}\" data-category=\"{category}\">\
                 <rect class=\"target\" x=\"{x}\" y=\"0\" width=\"{BAR}\" height=\"{}\" fill-opacity=\"0\"/>",
                2 * BAR_AREA
            );
        }
    }
    let (y, height, colour) = (number(BAR_AREA as f64 - height, 2), number(height, 2), tone.bar);
    let (text_x, text_y) = (x + 10, BAR_AREA + 10);
    // Names reach to the left; in a file those of the first bars have less room, in a page they may leave the picture.
    let room = if style == Style::File { NAME_CHARS.min(text_x * 10 / LETTER_TENTHS) } else { NAME_CHARS };
    let name = escape(&shorten(&concept.name, room));
    let _ = writeln!(
        svg,
        "<title>{title}</title><rect class=\"value\" x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{height}\" fill=\"{colour}\"/>\
         <text transform=\"translate({text_x} {text_y}) rotate(-45)\" text-anchor=\"end\" font-size=\"12\">{name}</text></g>"
    );
}

/// "3 objects", reading upwards at the right edge of the category's background.
fn caption(svg: &mut String, layer: &Layer, category: &str, first: usize) {
    let count = layer.concepts.iter().filter(|concept| concept.category == category).count();
    let plural = if count == 1 { "" } else { "s" };
    let (x, name) = (LEFT + (first + count) * STEP - (STEP - BAR) - 3, escape(category));
    let _ = writeln!(
        svg,
        "<text class=\"caption\" transform=\"translate({x} 3) rotate(-90)\" text-anchor=\"end\" font-size=\"11\">{count} {name}{plural}</text>"
    );
}

/// Cuts a name that would run out of the picture; the whole one is in the bar's title.
pub(super) fn shorten(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_string();
    }
    let start: String = name.chars().take(most.saturating_sub(1)).collect();
    start.trim_end().to_string() + "…"
}

/// A number with at most so many decimals, and no zeros at their end.
pub(super) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Text for XML content and quoted attributes; characters that XML 1.0 forbids become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    /// A layer with bars of these names, categories and heights.
    fn layer(bars: &[(&str, &str, u64)]) -> Layer {
        let bars = bars.iter().map(|(name, category, units)| ConceptCount {
            number: 7,
            name: (*name).into(),
            category: (*category).into(),
            units: *units,
        });
        Layer::new("conv5_3", 10, Vec::new(), bars.collect())
    }

    #[test]
    fn bars_have_the_width_height_order_and_colours_of_the_reference() {
        let svg = file(&layer(&[("tree", "object", 2), ("sky", "object", 1), ("red", "color", 1)]));
        assert!(svg.starts_with("<?xml version=\"1.0\""));
        assert!(svg.contains("width=\"117\" height=\"160\""), "3 bars: 3 * 15 + 72\n{svg}");
        let at = |text: &str| svg.find(text).unwrap_or_else(|| panic!("{text} is not in\n{svg}"));
        assert!(at(">tree</text>") < at(">sky</text>") && at(">sky</text>") < at(">red</text>"));
        at("x=\"32\" y=\"0\" width=\"12\" height=\"80\" fill=\"#4B4CBF\"");
        at("x=\"47\" y=\"40\" width=\"12\" height=\"40\" fill=\"#4B4CBF\"");
        at("x=\"62\" y=\"40\" width=\"12\" height=\"40\" fill=\"#F0883B\"");
        at("x=\"32\" y=\"0\" width=\"27\" height=\"80\" fill=\"#B6B6F2\"");
        at(">2 objects</text>");
        at(">1 color</text>");
    }

    #[test]
    fn names_cannot_leave_their_text() {
        let layer = layer(&[("</text><script>alert(1)</script>", "\"><b>\0&", 1)]);
        for svg in [file(&layer), embedded(&layer)] {
            assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\0'), "{svg}");
            assert!(svg.contains("&lt;script&gt;"), "{svg}");
        }
    }

    #[test]
    fn a_layer_without_matches_says_so() {
        let svg = file(&Layer::new("conv1_1", 10, Vec::new(), Vec::new()));
        assert!(svg.contains("None of 0 units matches a concept") && svg.trim_end().ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn several_layers_share_one_file_under_their_names() {
        let mut layers = [layer(&[("sky", "object", 1)]), layer(&[("sky", "object", 1), ("red", "color", 1)])];
        layers[0].layer = "a<b".into();
        let svg = overview(&layers);
        assert!(svg.contains("width=\"102\" height=\"368\""), "{svg}");
        assert!(svg.contains(">a&lt;b</text>") && svg.contains(">conv5_3</text>"), "{svg}");
    }

    #[test]
    fn ticks_are_one_half_and_all_without_repeats() {
        for (units, want) in [(1, vec!["1"]), (2, vec!["1", "2"]), (5, vec!["1", "3", "5"])] {
            let svg = file(&layer(&[("sky", "object", units)]));
            let ticks: Vec<_> = svg
                .lines()
                .filter(|line| line.contains("class=\"tick\" x="))
                .map(|line| line.split(['>', '<']).nth(2).unwrap())
                .collect();
            assert_eq!(ticks, want);
        }
    }
}
