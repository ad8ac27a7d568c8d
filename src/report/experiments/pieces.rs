//! What sections are made of: numbers in words, tables as files, plots, bars with their intervals.

use std::path::Path;

use super::page::Figure;
use crate::error::Result;
use crate::files::{write_atomic, write_atomic_with};
use crate::report::chart::{Anchor, Axis, Cells, Chart, Paint, signed};

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", signed(share * 100.0, 1))
}

/// A number in words, or what stands where there is none.
pub(super) fn or_none(value: Option<f64>, words: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), words)
}

/// Both ends of an interval of shares with a word between; nothing where there is no interval.
pub(super) fn interval(low: Option<f64>, high: Option<f64>, between: &str) -> Option<String> {
    low.zip(high).map(|(low, high)| format!("{} {between} {}", percent(low), percent(high)))
}

/// A number of a CSV file; nothing where there is none.
pub(super) fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A table as a file of comma-separated values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    /// Names of the columns.
    pub head: Vec<&'static str>,
    /// Cells, as many in each row as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Csv {
    /// Writes the file.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic_with(path, |out| {
            let mut table = csv::Writer::from_writer(out);
            table.write_record(&self.head)?;
            self.rows.iter().try_for_each(|row| table.write_record(row))?;
            table.flush()
        })
    }
}

/// A plot, which is both a file and a figure of the page.
#[derive(Debug, Clone)]
pub struct Plot {
    /// Name of the file.
    pub file: &'static str,
    /// What is drawn.
    pub drawing: Drawing,
    /// What is said below it in the page.
    pub caption: String,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub enum Drawing {
    /// Curves, dots or bars between axes.
    Chart(Chart),
    /// A map of numbers.
    Cells(Cells),
}

impl Plot {
    /// Writes the file.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let svg = match &self.drawing {
            Drawing::Chart(chart) => chart.file(),
            Drawing::Cells(cells) => cells.file(),
        };
        write_atomic(&dir.join(self.file), svg.as_bytes())
    }

    /// The figure of the page.
    pub(super) fn figure(self) -> Figure {
        let svg = match &self.drawing {
            Drawing::Chart(chart) => chart.embedded(&self.caption),
            Drawing::Cells(cells) => cells.embedded(&self.caption),
        };
        Figure { svg, caption: self.caption }
    }
}

/// A bar of a plot of changes by label.
pub(super) struct Bar {
    /// The label.
    pub(super) name: String,
    /// Whether it is the concept that the experiment is about.
    pub(super) is_own: bool,
    /// Its length.
    pub(super) value: f64,
    /// Both ends of the value's interval, if one is known.
    pub(super) interval: Option<(f64, f64)>,
    /// What the pointer is told.
    pub(super) title: String,
}

/// Bars with whiskers, the first on top; `axis` says what is measured, and `empty` that there is nothing to show.
pub(super) fn bars(axis: &str, bars: &[Bar], empty: &str) -> Chart {
    let ends = bars.iter().flat_map(|bar| {
        let (low, high) = bar.interval.unwrap_or((bar.value, bar.value));
        [bar.value, low, high]
    });
    let x = Axis::round(axis, ends.chain([0.0]), 6);
    let names: Vec<String> = bars.iter().map(|bar| bar.name.clone()).collect();
    let mut chart = Chart::rows(640.0, &names, x);
    for (row, bar) in bars.iter().enumerate() {
        // The concept has the tone that it has in every other plot; all others share one that says nothing.
        let paint = if bar.is_own { Paint::Tone(0) } else { Paint::Tone(5) };
        chart.row_bar(row, bar.value, paint, &bar.title);
        if let Some(interval) = bar.interval {
            chart.row_whisker(row, interval);
        }
    }
    if bars.is_empty() {
        chart.label((0.0, 0.0), (8.0, 0.0), empty, Paint::Muted, Anchor::Start);
    }
    chart
}
