//! Which layers of a file are the thirteen convolutions: by their names, and where those are not known by order and sizes.

use std::collections::{BTreeMap, HashMap};

use super::found::{FoundLayer, counting_order, pattern};
use super::layers::{COUNT, NAMINGS, Place};
use crate::error::{Error, Result};

/// Fewer of the known names are a coincidence: VGG-19 has ten of torchvision's positions.
const NAMES_MIN: usize = 11;

/// The convolutions of a file.
pub(super) struct Convolutions {
    /// Names of the thirteen layers in order; one may be missing in the file.
    pub(super) names: Vec<String>,
    /// How they were found, where it is not certain.
    pub(super) note: Option<String>,
}

/// Finds the convolutions. `ordered` says that the file keeps its tensors in the order of the network.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there are none, or more than one answer.
pub(super) fn convolutions(layers: &[FoundLayer<'_>], ordered: bool) -> Result<Convolutions> {
    match known(layers)? {
        Some(names) => Ok(Convolutions { names, note: None }),
        None => by_order(layers, ordered),
    }
}

/// Convolutions under names that are known, behind any common prefix.
fn known(layers: &[FoundLayer<'_>]) -> Result<Option<Vec<String>>> {
    // By prefix: how many of the names are there behind it.
    let mut found: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for layer in layers.iter().filter(|layer| layer.sizes().len() > 2) {
        for (naming, name) in NAMINGS.iter().enumerate() {
            for prefix in Place::all().filter_map(|place| prefix(&layer.name, &name(place))) {
                *found.entry((naming, prefix)).or_default() += 1;
            }
        }
    }
    let most = found.values().copied().max().filter(|&most| most >= NAMES_MIN);
    let best: Vec<(usize, &str)> =
        found.iter().filter(|(_, count)| Some(**count) == most).map(|(&key, _)| key).collect();
    match best.as_slice() {
        [] => Ok(None),
        &[(naming, prefix)] => {
            Ok(Some(Place::all().map(|place| format!("{prefix}{}", NAMINGS[naming](place))).collect()))
        }
        several => {
            let prefixes: Vec<String> = several.iter().map(|(_, prefix)| format!("`{prefix}`")).collect();
            let message =
                format!("the file holds {} networks that fit: {}; needed one", several.len(), prefixes.join(", "));
            Err(Error::input(message).hint("save the one that is meant alone: `torch.save(model.state_dict(), FILE)`"))
        }
    }
}

/// What stands before `tail`, if `name` ends with it after a separator or is no more than it.
fn prefix<'a>(name: &'a str, tail: &str) -> Option<&'a str> {
    let prefix = name.strip_suffix(tail)?;
    (prefix.is_empty() || prefix.ends_with(['.', '/', '_'])).then_some(prefix)
}

/// Convolutions by the numbers in their names, and by the order of the file where that means something.
fn by_order(layers: &[FoundLayer<'_>], ordered: bool) -> Result<Convolutions> {
    let convolutions: Vec<&FoundLayer<'_>> = layers.iter().filter(|layer| layer.is_convolution()).collect();
    let mut kinds: HashMap<String, Vec<&FoundLayer<'_>>> = HashMap::new();
    for layer in &convolutions {
        kinds.entry(pattern(&layer.name)).or_default().push(layer);
    }
    let mut candidates: Vec<Vec<&FoundLayer<'_>>> = kinds.into_values().collect();
    for kind in &mut candidates {
        kind.sort_by_key(|layer| counting_order(&layer.name));
    }
    let by_numbers = candidates.len();
    if ordered {
        candidates.push(convolutions.clone());
    }
    let fitting = |(_, candidate): &(usize, &Vec<&FoundLayer<'_>>)| candidate.len() == COUNT && is_chain(candidate);
    let fitting: Vec<(usize, &Vec<&FoundLayer<'_>>)> = candidates.iter().enumerate().filter(fitting).collect();
    let names = |chain: &[&FoundLayer<'_>]| chain.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    let Some(&(first, chain)) = fitting.first() else { return Err(no_chain(&convolutions)) };
    if fitting.iter().any(|(_, other)| names(other) != names(chain)) {
        let message = "the order of the names and that of the file both fit VGG-16, and are not the same";
        return Err(Error::input(message)
            .hint("name the layers as torchvision does: `features.0.weight`, `features.2.weight`, ..."));
    }
    check_positions(&names(chain))?;
    let order = if first < by_numbers { "the numbers in their names" } else { "the file" };
    let (from, to) = (&chain[0].name, &chain[COUNT - 1].name);
    let note = format!(
        "the names are not known: {COUNT} convolutions of fitting sizes, `{from}` to `{to}`, were taken in the order of {order}; \
         that poolings stand behind the 2nd, 4th, 7th, 10th and 13th is assumed"
    );
    Ok(Convolutions { names: names(chain), note: Some(note) })
}

/// Positions in one chain of modules tell where more stands between convolutions than elsewhere: the poolings.
fn check_positions(names: &[String]) -> Result<()> {
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let shared = names.first().map(|name| stem(name)).unwrap_or_default();
    let at = |name: &String| name.strip_prefix(&shared)?.parse::<u64>().ok();
    let Some(positions) = names.iter().map(at).collect::<Option<Vec<u64>>>() else { return Ok(()) };
    let gaps = positions.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let (across, within): (Vec<_>, Vec<_>) = Place::all().zip(gaps).partition(|(place, _)| place.is_pooled());
    let even = |gaps: &[(Place, u64)]| gaps.iter().all(|(_, gap)| *gap == gaps[0].1);
    if even(&across) && even(&within) && across[0].1 >= within[0].1 {
        return Ok(());
    }
    let shown: Vec<String> = positions.iter().map(u64::to_string).collect();
    let message = format!(
        "the convolutions `{shared}...` stand at {}, which are not the places of VGG-16: it has groups of 2, 2, 3, 3 and 3",
        shown.join(", ")
    );
    Err(Error::input(message).hint("poolings at other places make another network, which is not read"))
}

/// Whether each layer takes the channels that the one before makes, the first those of an image.
fn is_chain(layers: &[&FoundLayer<'_>]) -> bool {
    let mut channels = 3;
    layers.iter().all(|layer| match layer.sizes() {
        &[outputs, inputs, ..] => inputs == std::mem::replace(&mut channels, outputs),
        _ => false,
    })
}

fn no_chain(convolutions: &[&FoundLayer<'_>]) -> Error {
    let count = convolutions.len();
    let message = match count {
        COUNT => {
            format!("{COUNT} convolutions of 3x3 whose sizes fit in no order that the names tell; needed VGG-16's")
        }
        _ => format!(
            "{count} convolutions of 3x3; VGG-16 has {COUNT}, each taking the channels that the one before makes"
        ),
    };
    Error::input(message)
}
