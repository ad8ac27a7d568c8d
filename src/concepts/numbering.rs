//! A vocabulary whose numbers come from a table and may leave gaps.

use super::table::LabelRow;
use super::{LabelMaps, Vocabulary};
use crate::error::{Error, Result};

/// Names and categories by label number, and which numbers have been given out.
#[derive(Debug)]
pub(super) struct Numbering {
    pub(super) vocabulary: Vocabulary,
    known: Vec<bool>,
}

impl Numbering {
    /// Only 0: no label.
    pub(super) fn new() -> Numbering {
        let none = || vec!["-".to_owned()];
        Numbering { vocabulary: Vocabulary { names: none(), categories: none() }, known: vec![true] }
    }

    /// Gives a number its name; `row` is where both stand. A row for 0 is allowed, for tables that list "no label".
    pub(super) fn add(&mut self, row: LabelRow<'_>, label: u16, name: &str, category: &str) -> Result<()> {
        let place = usize::from(label);
        if place == 0 {
            return Ok(());
        }
        if self.known.len() <= place {
            self.known.resize(place + 1, false);
            self.vocabulary.names.resize(place + 1, "-".to_owned());
            self.vocabulary.categories.resize(place + 1, "-".to_owned());
        }
        if self.known[place] {
            return Err(row.error(format!("number {label} comes twice")));
        }
        self.known[place] = true;
        name.clone_into(&mut self.vocabulary.names[place]);
        category.clone_into(&mut self.vocabulary.categories[place]);
        Ok(())
    }

    /// Whether a label may occur: 0, or a number with a name.
    pub(super) fn has(&self, label: u16) -> bool {
        self.known.get(usize::from(label)) == Some(&true)
    }

    /// Whether there is no label at all.
    pub(super) fn is_empty(&self) -> bool {
        self.known.len() == 1
    }
}

/// Appends a channel to `maps`, cell by cell, from the number at `(row, column)` of the grid.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a label has no number in `table`, the name of the file that lists them; those of `label_of`.
pub(super) fn append_channel(
    maps: &mut LabelMaps,
    numbering: &Numbering,
    table: &str,
    number_at: impl Fn(u32, u32) -> u16,
    label_of: impl Fn(u16) -> Result<u16>,
) -> Result<()> {
    for row in 0..maps.h {
        for column in 0..maps.w {
            let label = label_of(number_at(row, column))?;
            if !numbering.has(label) {
                let (h, w) = (maps.h, maps.w);
                let message = format!("label {label} at cell ({row}, {column}) of the {h}x{w} grid is not in {table}");
                return Err(Error::input(message));
            }
            maps.labels.push(label);
        }
    }
    maps.channels += 1;
    Ok(())
}
