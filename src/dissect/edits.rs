//! Changes of units in words, such as `layer4:0-19=3.0@2,5`, and the edits of a session that they add up to.

use std::path::{Path, PathBuf};

use super::ranking::Dissected;
use crate::data::latents::parse_indices;
use crate::error::{Error, Result};
use crate::geometry::Extent;
use crate::session::Edit;
use crate::tensor::Shape;

/// Units of a layer and what they are set to.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Change {
    /// The layer, by the name users type.
    pub layer: String,
    /// Each unit with its new activation, in the layer's own scale.
    pub units: Vec<(u32, f32)>,
    /// Row and column of the layer's own map; everywhere if there is none.
    pub at: Option<(u32, u32)>,
}

/// A change in words: units by number, or by a finished run's ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    target: Target,
    /// The new activation; each unit's own level in the run if there is none.
    value: Option<f32>,
    at: Option<(u32, u32)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Target {
    Units { layer: String, units: Vec<u32> },
    Ranked { folder: PathBuf, concept: String, count: usize },
}

impl Words {
    /// `LAYER:UNITS`, such as `layer4:0-19,30`, or `RUN:CONCEPT:COUNT`, such as `run:tree:20`: switched off everywhere.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn zero(words: &str) -> Result<Words, String> {
        Ok(Words { target: target(words, "layer4:0-19,30 or run:tree:20")?, value: Some(0.0), at: None })
    }

    /// `LAYER:UNITS=VALUE`, such as `layer4:0-19=3.0`, or `RUN:CONCEPT:COUNT`, with `=VALUE` or at the units' levels in the
    /// run; behind either `@ROW,COLUMN`.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn set(words: &str) -> Result<Words, String> {
        let example = "layer4:0-19=3.0@2,5 or run:door:20@2,5";
        // A folder's name may hold these characters too.
        let start = words.rfind(':').unwrap_or(0);
        let (rest, at) = match words[start..].split_once('@') {
            Some((rest, place)) => (&words[..start + rest.len()], Some(position(place)?)),
            None => (words, None),
        };
        let (rest, value) = match rest[start..].split_once('=') {
            Some((units, value)) => {
                let number = value.trim().parse::<f32>().ok().filter(|number| number.is_finite());
                let number = number.ok_or_else(|| format!("`{value}` is no finite number; such as {example}"))?;
                (&words[..start + units.len()], Some(number))
            }
            None => (rest, None),
        };
        let target = target(rest, example)?;
        if value.is_none() && matches!(target, Target::Units { .. }) {
            return Err(format!("`{words}` sets nothing; needed a value, such as {example}"));
        }
        Ok(Words { target, value, at })
    }

    /// The folder of the run whose ranking says which units are meant, if one does.
    pub fn run(&self) -> Option<&Path> {
        match &self.target {
            Target::Units { .. } => None,
            Target::Ranked { folder, .. } => Some(folder),
        }
    }

    /// The change that is meant; a ranking is read from its run.
    ///
    /// # Errors
    /// As [`Dissected::open`] and [`Dissected::first`].
    pub fn change(&self, weights_sha256: &str) -> Result<Change> {
        let (layer, units) = match &self.target {
            Target::Units { layer, units } => (layer.clone(), units.iter().map(|&unit| (unit, 0.0)).collect()),
            Target::Ranked { folder, concept, count } => {
                let run = Dissected::open(folder)?;
                run.check_weights(weights_sha256)?;
                let units = run.first(concept, *count).map_err(|error| error.at(folder.display()))?;
                (run.layer, units)
            }
        };
        let units: Vec<(u32, f32)> = units;
        let units = units.into_iter().map(|(unit, level)| (unit, self.value.unwrap_or(level))).collect();
        Ok(Change { layer, units, at: self.at })
    }
}

fn target(words: &str, example: &str) -> Result<Target, String> {
    let none = || format!("`{words}` names no units; such as {example}");
    let (before, last) = words.rsplit_once(':').filter(|(before, _)| !before.is_empty()).ok_or_else(none)?;
    let Some((folder, concept)) = before.rsplit_once(':') else {
        return Ok(Target::Units { layer: before.to_owned(), units: parse_indices(last)? });
    };
    let count = last.parse::<usize>().ok().filter(|&count| count > 0);
    let count = count.ok_or_else(|| format!("`{last}` is no number of units; such as {example}"))?;
    if folder.is_empty() || concept.is_empty() {
        return Err(none());
    }
    Ok(Target::Ranked { folder: PathBuf::from(folder), concept: concept.to_owned(), count })
}

/// Row and column, such as `2,5`.
///
/// # Errors
/// What is wrong with the words.
pub fn position(words: &str) -> Result<(u32, u32), String> {
    let numbers = words.split_once(',').map(|(row, column)| (row.trim().parse(), column.trim().parse()));
    match numbers {
        Some((Ok(row), Ok(column))) => Ok((row, column)),
        _ => Err(format!("`{words}` is no place; needed row and column of the layer's map, such as 2,5")),
    }
}

/// One edit for each layer that changes, in the order in which they are first named. Later changes win over earlier ones.
///
/// `shape_of` gives the shape of a layer for one image.
///
/// # Errors
/// What `shape_of` returns; [`crate::error::Kind::Input`] naming the layer if it has no such unit or place.
pub fn by_layer(changes: &[Change], shape_of: impl Fn(&str) -> Result<Shape>) -> Result<Vec<(String, Edit)>> {
    let mut layers: Vec<&str> = Vec::new();
    for change in changes {
        if !layers.contains(&change.layer.as_str()) {
            layers.push(&change.layer);
        }
    }
    let edit_of = |layer: &str| {
        let shape = shape_of(layer)?.with_batch(1);
        let own: Vec<&Change> = changes.iter().filter(|change| change.layer == layer).collect();
        let edit = merged(&own, shape).map_err(|error| error.at(layer))?;
        Ok((layer.to_owned(), edit))
    };
    layers.into_iter().map(edit_of).collect()
}

fn merged(changes: &[&Change], shape: Shape) -> Result<Edit> {
    let extent = Extent { per_image: false, per_position: changes.iter().any(|change| change.at.is_some()) };
    let positions = if extent.per_position { shape.positions() as usize } else { 1 };
    let count = extent.shape(shape).len();
    let mut edit = Edit { extent, amount: vec![0.0; count], value: vec![0.0; count] };
    for change in changes {
        let places = match change.at {
            Some((row, column)) if row < shape.h && column < shape.w => {
                let place = (row * shape.w + column) as usize;
                place..place + 1
            }
            Some((row, column)) => {
                let message = format!("there is no place {row},{column}; its maps are {}x{}", shape.h, shape.w);
                return Err(Error::input(message).hint("row and column count from 0"));
            }
            None => 0..positions,
        };
        for &(unit, value) in &change.units {
            if unit >= shape.c {
                let message = format!("there is no unit {unit}; it has {} units, counted from 0", shape.c);
                return Err(Error::input(message));
            }
            for place in places.clone() {
                edit.amount[unit as usize * positions + place] = 1.0;
                edit.value[unit as usize * positions + place] = value;
            }
        }
    }
    Ok(edit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::new(1, 3, 2, 2);

    fn edit(changes: &[Change]) -> Result<Edit> {
        Ok(by_layer(changes, |_| Ok(SHAPE))?.remove(0).1)
    }

    fn zero(words: &str) -> Change {
        Words::zero(words).unwrap().change("").unwrap()
    }

    fn set(words: &str) -> Change {
        Words::set(words).unwrap().change("").unwrap()
    }

    #[test]
    fn words_are_read_and_nonsense_is_refused() {
        let units = vec![(0, -3.5), (1, -3.5), (2, -3.5), (9, -3.5)];
        assert_eq!(set("layer4:0-2,9=-3.5@2,5"), Change { layer: "layer4".into(), units, at: Some((2, 5)) });
        assert_eq!(zero("b:7"), Change { layer: "b".into(), units: vec![(7, 0.0)], at: None });
        let ranked = |folder: &str, count| Target::Ranked { folder: folder.into(), concept: "door".into(), count };
        let words = Words::set(r"C:\run:door:20@2,5").unwrap();
        assert_eq!(words, Words { target: ranked(r"C:\run", 20), value: None, at: Some((2, 5)) });
        assert_eq!(Words::set("a=b@c/run:door:3").unwrap().target, ranked("a=b@c/run", 3));
        assert_eq!(Words::zero("a=b@c/run:door:3").unwrap().target, ranked("a=b@c/run", 3));
        for words in ["layer4", "layer4:", ":3", "layer4:x", "layer4:3-1", "run:door:0", "run::3", ":door:3"] {
            assert!(Words::zero(words).is_err(), "{words}");
        }
        for words in ["layer4:1", "layer4:1=", "layer4:1=x", "layer4:1=inf", "layer4:1=2@3", "layer4:1=2@3,-1"] {
            assert!(Words::set(words).is_err(), "{words}");
        }
    }

    #[test]
    fn changes_everywhere_need_no_positions_and_later_ones_win() {
        let edit = edit(&[set("l:0-1=2"), zero("l:1")]).unwrap();
        assert_eq!((edit.amount, edit.value), (vec![1.0, 1.0, 0.0], vec![2.0, 0.0, 0.0]));
        assert!(!edit.extent.per_position);
    }

    #[test]
    fn a_change_in_one_place_leaves_the_others_alone() {
        let edit = edit(&[zero("l:2"), set("l:0,2=5@1,0")]).unwrap();
        assert_eq!(edit.amount, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(edit.value, [0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0]);
    }

    #[test]
    fn units_and_places_that_are_not_there_are_named() {
        let refusal = |words: &str| edit(&[set(words)]).unwrap_err().to_string();
        assert_eq!(refusal("l:1-3=0"), "l: there is no unit 3; it has 3 units, counted from 0");
        assert_eq!(refusal("l:0=1@0,2"), "l: there is no place 0,2; its maps are 2x2");
    }
}
