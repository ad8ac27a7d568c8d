//! Windows of a map that has changed in a rectangle. See `shaders/splice.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "splice",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("row >= places[at + 2u]", "row > places[at + 2u]"),
        ("row < places[at + 3u]", "row <= places[at + 3u]"),
        ("column >= places[at + 4u]", "column > places[at + 4u]"),
        ("column < places[at + 5u]", "column <= places[at + 5u]"),
        ("row - places[at + 6u]", "row - places[at + 7u]"),
        ("places[at + 1u] + j", "places[at] + j"),
        ("c * params.rows + row", "map * params.rows + row"),
        ("map * params.changed_rows", "c * params.changed_rows"),
        ("map / params.channels * 8u", "0u"),
    ],
};

fn shader() -> Shader {
    shader!("splice")
}

crate::params! {
    Params {
        count: u32, grid_stride: u32, channels: u32, rows: u32, columns: u32,
        changed_rows: u32, changed_columns: u32, window_rows: u32, window_columns: u32,
    }
}

/// Where an image's window lies in the base, and where the rectangle that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// First row and column of the window.
    pub(crate) first: [u32; 2],
    /// Rows of the rectangle, from and up to; the same twice if there is none.
    pub(crate) rows: [u32; 2],
    /// Its columns.
    pub(crate) columns: [u32; 2],
    /// Row and column of the base at which the changed maps begin.
    pub(crate) changed: [u32; 2],
}

impl Place {
    /// Words of a place.
    const WORDS: usize = 8;

    /// As the kernel reads it.
    pub(crate) fn words(&self) -> [u32; Place::WORDS] {
        let Place { first, rows, columns, changed } = self;
        [first[0], first[1], rows[0], rows[1], columns[0], columns[1], changed[0], changed[1]]
    }

    /// Whether the window lies in the base and what has changed of it in the changed maps.
    fn fits(&self, base: Shape, changed: Shape, window: Shape) -> bool {
        let along = |axis: usize, size: u32, changed_size: u32, length: u32, [from, to]: [u32; 2]| {
            let (first, last) = (u64::from(self.first[axis]), u64::from(self.first[axis]) + u64::from(length));
            let (from, to) = (u64::from(from).max(first), u64::from(to).min(last));
            let begin = u64::from(self.changed[axis]);
            last <= u64::from(size) && (from >= to || (from >= begin && to <= begin + u64::from(changed_size)))
        };
        along(0, base.h, changed.h, window.h, self.rows) && along(1, base.w, changed.w, window.w, self.columns)
    }
}

/// Buffers of a splice.
pub(crate) struct Buffers<'a> {
    /// The map as it is, of one image.
    pub(crate) base: &'a Buffer,
    /// What has changed, of each image.
    pub(crate) changed: &'a Buffer,
    /// [`Place::words`] of each image.
    pub(crate) places: &'a Buffer,
    /// The windows.
    pub(crate) y: &'a Buffer,
}

/// Appends the windows of this shape; `places` is what their buffer holds.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if a place does not fit; else as [`Recording::dispatch`].
pub(crate) fn splice(
    gpu: &Gpu,
    recording: &mut Recording,
    (base, changed, window): (Shape, Shape, Shape),
    places: &[Place],
    buffers: &Buffers<'_>,
) -> Result<()> {
    let channels = [base.c, changed.c].iter().all(|&c| c == window.c);
    if !channels || places.len() != window.n as usize || !places.iter().all(|place| place.fits(base, changed, window)) {
        return Err(Error::internal(format!("windows {window} of {base} with {changed} do not fit")).at("splice"));
    }
    let count = super::count(window)?;
    super::count(changed)?;
    let params = |grid_stride| Params {
        count,
        grid_stride,
        channels: window.c,
        rows: base.h,
        columns: base.w,
        changed_rows: changed.h,
        changed_columns: changed.w,
        window_rows: window.h,
        window_columns: window.w,
    };
    let bound = [
        buffers.base.holding(base.len()),
        buffers.changed.holding(changed.len()),
        buffers.places.holding(places.len() * Place::WORDS),
        buffers.y.holding(window.len()),
    ];
    walk(gpu, recording, &shader(), count, params, &bound)
}
