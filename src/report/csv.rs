//! `units.csv`: one row a unit, for spreadsheets and scripts.

use std::io::{self, Write};

use super::schema::{Report, Unit};

/// Images named in a row.
const IMAGES: usize = 5;

/// Writes the units of all layers as comma-separated values with a header.
///
/// Numbers have all their digits; `label`, `category` and `iou` are empty for a unit that never fires, and `threshold` for one that
/// is not finite on some image.
///
/// # Errors
/// What `out` returns.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    let mut header: Vec<String> =
        ["layer", "unit", "label", "category", "iou", "matched", "threshold", "area", "fires"].map(String::from).into();
    header.extend((1..=IMAGES).map(|rank| format!("image_{rank}")));
    table.write_record(&header)?;
    for layer in &report.layers {
        for unit in &layer.units {
            table.write_record(row(&layer.layer, unit))?;
        }
    }
    table.flush()
}

fn row(layer: &str, unit: &Unit) -> Vec<String> {
    let label = unit.label.as_ref();
    let mut row = vec![
        layer.to_string(),
        unit.unit.to_string(),
        label.map_or_else(String::new, |label| label.name.clone()),
        label.map_or_else(String::new, |label| label.category.clone()),
        label.map_or_else(String::new, |label| label.iou.to_string()),
        unit.matched.to_string(),
        unit.threshold.map_or_else(String::new, |threshold| threshold.to_string()),
        unit.area.to_string(),
        unit.fires.to_string(),
    ];
    let images = unit.top.iter().map(|image| image.name.clone());
    row.extend(images.chain(std::iter::repeat(String::new())).take(IMAGES));
    row
}
