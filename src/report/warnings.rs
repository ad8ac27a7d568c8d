//! What makes the results of a dissection mean less than they seem to.

use super::schema::{Layer, Settings, Warning, WarningKind};

/// Fewer images than these are few: a unit's best concept is mostly chance.
const FEW_IMAGES: u64 = 30;
/// Fewer positions above a unit's level than these are few.
const FEW_POSITIONS: f64 = 1000.0;

/// What is to be said of the results of so many images.
pub fn of(images: u64, settings: &Settings, layers: &[Layer]) -> Vec<Warning> {
    let mut found = Vec::new();
    if images < FEW_IMAGES {
        let images = if images == 1 { "1 image is".to_owned() } else { format!("{images} images are") };
        let message = format!(
            "{images} few: which concept a unit matches is mostly chance; take at least {FEW_IMAGES}, better a thousand"
        );
        found.push(Warning { kind: WarningKind::FewImages, layer: None, message });
    }
    let tail = settings.quantile_tail;
    if tail > 0.5 {
        let message = format!(
            "units fire at {:.4} of all positions: the quantile is the fraction above the level, so {:.4} may be meant",
            tail,
            1.0 - tail
        );
        found.push(Warning { kind: WarningKind::HighTail, layer: None, message });
    }
    found.extend(layers.iter().flat_map(|layer| of_layer(images, tail, layer)));
    found
}

fn of_layer(images: u64, tail: f64, layer: &Layer) -> Vec<Warning> {
    let name = &layer.layer;
    let lost = layer.not_finite.as_ref().map(|lost| {
        let what = format!("{name}: {} of {} units", lost.units, layer.unit_count);
        not_finite(Some(name), &what, (lost.images, images), &lost.first, "they have no level and no label")
    });
    let no_map = (layer.map == Some([1, 1])).then(|| {
        let message = format!(
            "{name} has no map: a unit is one number an image, so its label says what such images show, not what it responds to"
        );
        Warning { kind: WarningKind::NoMap, layer: Some(name.clone()), message }
    });
    let above = tail * layer.positions as f64;
    let few = (above < FEW_POSITIONS).then(|| {
        let message = format!(
            "{name}: a unit's level is exceeded at about {above:.0} positions; labels from fewer than {FEW_POSITIONS} mean little"
        );
        Warning { kind: WarningKind::FewPositions, layer: Some(name.clone()), message }
    });
    [lost, no_map, few].into_iter().flatten().collect()
}

/// That `what` is not finite on some of so many images, the first of this name, and what follows from that.
pub(crate) fn not_finite(
    layer: Option<&str>,
    what: &str,
    (lost, images): (u64, u64),
    first: &str,
    consequence: &str,
) -> Warning {
    // Names of files are strangers' text.
    let message = format!(
        "{what} are NaN or infinite on {lost} of {images} images, the first {}: {consequence}; check the weights and the preprocessing",
        first.escape_debug()
    );
    Warning { kind: WarningKind::NotFinite, layer: layer.map(str::to_owned), message }
}

#[cfg(test)]
mod tests {
    use super::super::schema::NotFiniteUnits;
    use super::*;

    fn settings(quantile_tail: f64) -> Settings {
        Settings { quantile_tail, min_iou: 0.04, grid: [56, 56], pre_relu: false, layers: vec!["conv1".into()] }
    }

    fn kinds(images: u64, tail: f64, change: impl Fn(&mut Layer)) -> Vec<WarningKind> {
        let mut layer = Layer::new("conv1", images * 56 * 56, Vec::new(), Vec::new());
        change(&mut layer);
        of(images, &settings(tail), &[layer]).into_iter().map(|warning| warning.kind).collect()
    }

    #[test]
    fn little_evidence_is_told_and_enough_is_not() {
        assert_eq!(kinds(1000, 0.01, |layer| layer.map = Some([14, 14])), []);
        assert_eq!(kinds(29, 0.1, |_| ()), [WarningKind::FewImages]);
        assert_eq!(kinds(30, 0.1, |_| ()), []);
        assert_eq!(kinds(31, 0.01, |_| ()), [WarningKind::FewPositions]);
        assert_eq!(kinds(1000, 0.01, |layer| layer.map = Some([1, 1])), [WarningKind::NoMap]);
        assert_eq!(kinds(1000, 0.99, |_| ()), [WarningKind::HighTail]);
    }

    #[test]
    fn units_that_are_not_finite_are_told_with_the_first_image() {
        let lost = NotFiniteUnits { units: 3, images: 2, first: "a b.png".into() };
        let mut layer = Layer::new("conv1", 3_136_000, Vec::new(), Vec::new());
        layer.not_finite = Some(lost);
        let [warning] = &of(1000, &settings(0.01), &[layer])[..] else { panic!("one warning is needed") };
        assert_eq!((warning.kind, warning.layer.as_deref()), (WarningKind::NotFinite, Some("conv1")));
        assert!(warning.message.contains("on 2 of 1000 images, the first a b.png"), "{}", warning.message);
    }
}
