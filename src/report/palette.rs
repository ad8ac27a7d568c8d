//! Order and colours of concept categories.

use serde::Serialize;

/// Colours of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tone {
    /// Colour of its bars, `#RRGGBB`.
    pub bar: &'static str,
    /// Colour behind its bars, `#RRGGBB`.
    pub background: &'static str,
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
pub fn category_order<'a>(categories: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut order: Vec<String> = categories.into_iter().map(String::from).collect();
    let place = |name: &String| KNOWN.iter().position(|known| known == name).unwrap_or(KNOWN.len());
    order.sort_by(|a, b| (place(a), a).cmp(&(place(b), b)));
    order.dedup();
    order
}

/// Colours of each category of an [`category_order`]; categories without a place of their own share the spare ones.
pub fn tones(order: &[String]) -> Vec<Tone> {
    let mut spare = TONES[KNOWN.len()..].iter().cycle();
    order
        .iter()
        .map(|category| match KNOWN.iter().position(|name| name == category) {
            Some(index) => TONES[index],
            None => *spare.next().unwrap_or(&TONES[KNOWN.len()]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_categories_come_first_and_keep_their_colours() {
        let order = category_order(["scene", "color", "odd", "object", "scene"]);
        assert_eq!(order, ["object", "color", "odd", "scene"]);
        let bars: Vec<_> = tones(&order).iter().map(|tone| tone.bar).collect();
        assert_eq!(bars, ["#4B4CBF", "#F0883B", "#D4CF24", "#D92E2B"]);
    }
}
