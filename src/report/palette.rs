//! Order and colours of concept categories, and a colour for every label number.

use serde::Serialize;

/// Colours of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Tone {
    /// Colour of its bars, `#RRGGBB`.
    pub(crate) bar: &'static str,
    /// Colour behind its bars, `#RRGGBB`.
    pub(crate) background: &'static str,
}

/// Categories with a place of their own, in the order in which people expect them (PNAS 2020, figure 1).
const KNOWN: [&str; 5] = ["object", "part", "material", "texture", "color"];

const TONES: [Tone; 8] = [
    Tone { bar: "#4B4CBF", background: "#B6B6F2" },
    Tone { bar: "#55B05B", background: "#B6F2BA" },
    Tone { bar: "#50BDAC", background: "#A5E5DB" },
    Tone { bar: "#81C679", background: "#C0FF9B" },
    Tone { bar: "#F0883B", background: "#F2CFB6" },
    Tone { bar: "#D4CF24", background: "#F2F1B6" },
    Tone { bar: "#D92E2B", background: "#F2B6B6" },
    Tone { bar: "#AB6BC6", background: "#CFAAFF" },
];

/// Distinct categories: the known ones in their order, then the others by name.
pub(crate) fn category_order<'a>(categories: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut order: Vec<String> = categories.into_iter().map(String::from).collect();
    let place = |name: &String| KNOWN.iter().position(|known| known == name).unwrap_or(KNOWN.len());
    order.sort_by(|a, b| (place(a), a).cmp(&(place(b), b)));
    order.dedup();
    order
}

/// Colours of each category of an [`category_order`]; categories without a place of their own share the spare ones.
pub(crate) fn tones(order: &[String]) -> Vec<Tone> {
    let mut spare = TONES[KNOWN.len()..].iter().cycle();
    order
        .iter()
        .map(|category| match KNOWN.iter().position(|name| name == category) {
            Some(index) => TONES[index],
            None => *spare.next().unwrap_or(&TONES[KNOWN.len()]),
        })
        .collect()
}

/// Saturation and brightness of label colours in turn, 0 to 255.
const LABEL_TONES: [(u32, u32); 5] = [(215, 255), (255, 175), (90, 250), (160, 215), (255, 115)];

/// Sixths of the colour circle are 256 apart; this many from one label to the next. Of all steps that visit the whole circle this
/// one and the order of the tones keep labels whose numbers are less than 25 apart furthest from each other, in OKLab.
const LABEL_HUE_STEP: u32 = 799;

/// Basic colour terms in their own colours: a map of colours should look like it.
const COLOR_TERMS: [(&str, [u8; 3]); 11] = [
    ("black", [24, 24, 26]),
    ("blue", [40, 90, 220]),
    ("brown", [128, 78, 40]),
    ("grey", [140, 140, 140]),
    ("green", [50, 160, 60]),
    ("orange", [245, 140, 30]),
    ("pink", [245, 150, 190]),
    ("purple", [130, 60, 170]),
    ("red", [215, 40, 40]),
    ("white", [245, 245, 245]),
    ("yellow", [250, 225, 50]),
];

/// Colour in which a label is drawn, 8-bit RGB. The same label has the same colour in every picture.
pub(crate) fn label_color(label: u16, name: &str, category: &str) -> [u8; 3] {
    if category == "color"
        && let Some((_, color)) = COLOR_TERMS.iter().find(|(term, _)| *term == name)
    {
        return *color;
    }
    let number = u32::from(label);
    let (saturation, brightness) = LABEL_TONES[(number * 3 % 5) as usize];
    let hue = number * LABEL_HUE_STEP % (6 * 256);
    let (sixth, part) = (hue / 256, hue % 256);
    let less = |share: u32| (brightness * (255 * 256 - saturation * share) / (255 * 256)) as u8;
    let (most, least, falling, rising) = (brightness as u8, less(256), less(part), less(256 - part));
    match sixth {
        0 => [most, rising, least],
        1 => [falling, most, least],
        2 => [least, most, rising],
        3 => [least, falling, most],
        4 => [rising, least, most],
        _ => [most, least, falling],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OKLab, from Ottosson, "A perceptual color space for image processing", 2020.
    fn oklab(rgb: [u8; 3]) -> [f64; 3] {
        let linear = |value: u8| match f64::from(value) / 255.0 {
            value if value <= 0.04045 => value / 12.92,
            value => ((value + 0.055) / 1.055).powf(2.4),
        };
        let rgb = rgb.map(linear);
        let mix =
            |rows: [[f64; 3]; 3], of: [f64; 3]| rows.map(|row| row.iter().zip(of).map(|(a, b)| a * b).sum::<f64>());
        let cones = mix([[0.412, 0.536, 0.051], [0.212, 0.681, 0.107], [0.088, 0.282, 0.630]], rgb).map(f64::cbrt);
        mix([[0.210, 0.794, -0.004], [1.978, -2.429, 0.451], [0.026, 0.783, -0.809]], cones)
    }

    #[test]
    fn labels_with_neighbouring_numbers_look_different_and_no_two_of_the_paper_s_are_equal() {
        let colors: Vec<[u8; 3]> = (1..=1825).map(|label| label_color(label, "-", "object")).collect();
        for (at, &one) in colors.iter().enumerate().take(60) {
            for &other in &colors[at + 1..at + 20] {
                let distance: f64 = oklab(one).iter().zip(oklab(other)).map(|(a, b)| (a - b).powi(2)).sum();
                assert!(distance.sqrt() > 0.07, "{one:?} and {other:?}: {distance}");
            }
        }
        let distinct: std::collections::BTreeSet<_> = colors.iter().collect();
        assert!(distinct.len() > 1700, "{}", distinct.len());
    }

    #[test]
    fn colour_terms_are_drawn_in_their_own_colour_and_only_they() {
        assert_eq!(label_color(7, "blue", "color"), [40, 90, 220]);
        assert_ne!(label_color(7, "blue", "object"), [40, 90, 220]);
        assert_eq!(label_color(7, "beige", "color"), label_color(7, "beige", "object"));
    }

    #[test]
    fn known_categories_come_first_and_keep_their_colours() {
        let order = category_order(["scene", "color", "odd", "object", "scene"]);
        assert_eq!(order, ["object", "color", "odd", "scene"]);
        let bars: Vec<_> = tones(&order).iter().map(|tone| tone.bar).collect();
        assert_eq!(bars, ["#4B4CBF", "#F0883B", "#D4CF24", "#D92E2B"]);
    }
}
