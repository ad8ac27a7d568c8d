//! Which layers of a file are the fully connected ones, one to three: by their names, else by their sizes alone.

use super::found::{FoundLayer, counting_order, pattern};
use super::layers::{HEADS, LINEAR};
use crate::error::{Error, Result};

/// The fully connected layers of a file.
pub(super) struct Head {
    /// Names of the layers in order; one may be missing in the file.
    pub(super) names: Vec<String>,
    /// How they were found, where it is not certain.
    pub(super) note: Option<String>,
}

/// Canonical short names of a head of so many layers, one to three.
pub(super) fn canonical(count: usize) -> &'static [&'static str] {
    match count {
        1 => &["fc8a"],
        2 => &["fc6", "fc8a"],
        _ => &LINEAR,
    }
}

/// Finds the layers that turn a map of so many channels into classes, among those that are no convolutions of the body.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there are too many, or they fit one another in more than one order or in none.
pub(super) fn head(layers: &[FoundLayer<'_>], channels: usize) -> Result<Head> {
    let linear: Vec<&FoundLayer<'_>> = layers.iter().filter(|layer| layer.linear().is_some()).collect();
    if let Some(names) = known(&linear, channels) {
        return Ok(Head { names, note: None });
    }
    let described =
        || linear.iter().map(|layer| format!("`{}` {:?}", layer.name, layer.sizes())).collect::<Vec<_>>().join(", ");
    match linear.len() {
        0 => {
            let error =
                Error::input("there are convolutions only; VGG-16 has up to three fully connected layers behind them");
            return Err(error.hint("if the convolutions are what is wanted, pass `--body`"));
        }
        1..=3 => {}
        count => {
            let message = format!("{count} fully connected layers; VGG-16 has up to three");
            return Err(Error::input(message));
        }
    }
    let mut orders = fitting_orders(&linear, channels);
    if orders.len() > 1 && linear.iter().all(|layer| pattern(&layer.name) == pattern(&linear[0].name)) {
        orders.retain(|order| order.is_sorted_by_key(|layer| counting_order(&layer.name)));
    }
    match orders.as_slice() {
        [order] => {
            let names: Vec<String> = order.iter().map(|layer| layer.name.clone()).collect();
            let note = (names.len() > 1).then(|| {
                let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("the fully connected layers {} were put in order by their sizes", shown.join(", "))
            });
            Ok(Head { names, note })
        }
        [] => Err(Error::input(format!(
            "the fully connected layers do not fit a map of {channels} channels and one another: {}",
            described()
        ))),
        _ => Err(Error::input(format!("the fully connected layers fit in more than one order: {}", described()))),
    }
}

/// The layers under names that are known, behind any common prefix; some may be missing where the names tell which.
fn known(linear: &[&FoundLayer<'_>], channels: usize) -> Option<Vec<String>> {
    let matched = |names: &&[&str]| {
        let first = linear.first()?;
        let tail = names.iter().find(|tail| ends_with(&first.name, tail))?;
        let prefix = first.name.strip_suffix(tail)?;
        let full: Vec<String> = names.iter().map(|tail| format!("{prefix}{tail}")).collect();
        linear.iter().all(|layer| full.contains(&layer.name)).then_some(full)
    };
    // A last layer that does not fit the map is one whose predecessors are missing.
    let stands_alone = linear.len() > 1 || !fitting_orders(linear, channels).is_empty();
    let whole = HEADS.iter().filter(|names| stands_alone && names.len() == linear.len()).find_map(matched);
    // A position says nothing of how many there are: a head of two may well stand at 0 and 3.
    let telling = |names: &&&[&str]| names.iter().all(|name| !name.rsplit('.').next().is_some_and(is_number));
    whole.or_else(|| HEADS.iter().filter(telling).find_map(matched))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn ends_with(name: &str, tail: &str) -> bool {
    name.strip_suffix(tail).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(['.', '/', '_']))
}

/// Every order in which each layer takes what the one before makes, the first a square map of all channels.
fn fitting_orders<'a>(linear: &[&'a FoundLayer<'a>], channels: usize) -> Vec<Vec<&'a FoundLayer<'a>>> {
    let sizes = |layer: &FoundLayer<'_>| layer.linear().unwrap_or_default();
    let mut chains: Vec<Vec<&FoundLayer<'_>>> = vec![Vec::new()];
    for _ in 0..linear.len() {
        let longer = |chain: &Vec<&'a FoundLayer<'a>>| {
            let follows = |next: &&&FoundLayer<'_>| match chain.last() {
                None => map_side(sizes(next).1, channels).is_some(),
                Some(last) => sizes(last).0 == sizes(next).1,
            };
            let unused = linear.iter().filter(|next| chain.iter().all(|layer| layer.name != next.name));
            unused.filter(follows).map(|&next| [chain.as_slice(), &[next]].concat()).collect::<Vec<_>>()
        };
        chains = chains.iter().flat_map(longer).collect();
    }
    chains
}

/// Side of the square map of so many channels that has so many numbers.
pub(super) fn map_side(inputs: usize, channels: usize) -> Option<usize> {
    let positions = inputs.checked_div(channels).filter(|positions| positions * channels == inputs)?;
    let side = positions.isqrt();
    (side > 0 && side * side == positions).then_some(side)
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;
    use crate::weights::Tensor;

    fn ordered(tensors: &[(&str, &[usize])]) -> Result<Vec<String>> {
        let tensor = |&(name, dims): &(&str, &[usize])| {
            Tensor::from_values(format!("{name}.weight"), dims.to_vec(), &vec![0.0; dims.iter().product()]).unwrap()
        };
        let tensors: Vec<Tensor> = tensors.iter().map(tensor).collect();
        head(&found::layers(&tensors), 2).map(|head| head.names)
    }

    #[test]
    fn sizes_put_layers_in_order_where_there_is_only_one() {
        let names = ordered(&[("out", &[7, 5]), ("hidden", &[5, 98])]).unwrap();
        assert_eq!(names, ["hidden", "out"]);
        assert_eq!(ordered(&[("c.1", &[8, 8]), ("c.4", &[8, 8])]).unwrap(), ["c.1", "c.4"], "the numbers decide");
        let error = ordered(&[("a", &[8, 8]), ("b", &[8, 8])]).unwrap_err().to_string();
        assert!(error.contains("in more than one order: `a` [8, 8], `b` [8, 8]"), "{error}");
        let error = ordered(&[("a", &[8, 9])]).unwrap_err().to_string();
        assert!(error.contains("do not fit a map of 2 channels"), "{error}");
    }

    #[test]
    fn names_that_tell_which_layer_is_missing_are_believed() {
        let names = ordered(&[("net.fc6", &[5, 98]), ("net.fc7", &[5, 5])]).unwrap();
        assert_eq!(names, ["net.fc6", "net.fc7", "net.fc8a"]);
        assert_eq!(ordered(&[("classifier.0", &[5, 98]), ("classifier.3", &[4, 5])]).unwrap().len(), 2);
        assert_eq!(
            ordered(&[("pre_logits.fc1", &[5, 2, 7, 7]), ("head.fc", &[4, 5]), ("pre_logits.fc2", &[5, 5, 1, 1])])
                .unwrap()[2],
            "head.fc"
        );
    }

    #[test]
    fn one_layer_under_the_name_of_any_is_a_head_if_it_fits_the_map() {
        for name in ["classifier.fc8a", "fc8", "predictions", "head.fc", "fc", "fc1", "classifier.0", "classifier.6"] {
            assert_eq!(ordered(&[(name, &[5, 98])]).unwrap(), [name]);
            assert_eq!(ordered(&[(name, &[5, 2])]).unwrap(), [name]);
        }
        assert_eq!(ordered(&[("fc8", &[5, 6])]).unwrap(), ["fc6", "fc7", "fc8"], "the layers before it are missing");
        assert_eq!(ordered(&[("predictions", &[5, 6]), ("fc1", &[6, 98])]).unwrap(), ["fc1", "predictions"]);
    }

    #[test]
    fn a_map_is_square() {
        assert_eq!([map_side(98, 2), map_side(2, 2), map_side(6, 2), map_side(97, 2)], [Some(7), Some(1), None, None]);
        assert_eq!(map_side(0, 2), None);
        assert_eq!(map_side(3, 0), None);
    }
}
