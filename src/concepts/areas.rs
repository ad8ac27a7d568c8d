//! How much of an image each label covers, and which label is seen where several lie on each other.

use super::LabelMaps;

/// How much of an image a label covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Its number; never 0.
    pub label: u16,
    /// Cells of the grid where any channel holds it.
    pub cells: u32,
}

impl LabelMaps {
    /// Cells of the grid.
    pub fn cells(&self) -> usize {
        self.h as usize * self.w as usize
    }

    /// Labels of a cell, one a channel.
    fn at(&self, cell: usize) -> impl Iterator<Item = u16> {
        (0..self.channels as usize).map(move |channel| self.labels[channel * self.cells() + cell])
    }

    /// The area of every label that occurs, largest first, equal ones by number.
    pub fn areas(&self) -> Vec<Area> {
        let mut counts = vec![0u32; self.labels.iter().max().map_or(0, |&most| usize::from(most) + 1)];
        let mut seen = Vec::with_capacity(self.channels as usize);
        for cell in 0..self.cells() {
            seen.clear();
            for label in self.at(cell).filter(|label| *label > 0) {
                // Two channels may hold one label, such as an object that is also a part.
                if !seen.contains(&label) {
                    seen.push(label);
                    counts[usize::from(label)] += 1;
                }
            }
        }
        let areas = counts.iter().enumerate().map(|(label, &cells)| Area { label: label as u16, cells });
        let mut areas: Vec<Area> = areas.filter(|area| area.cells > 0).collect();
        areas.sort_by_key(|area| (std::cmp::Reverse(area.cells), area.label));
        areas
    }

    /// The label that is seen in each cell, `[h, w]`, if those that `painted` picks are painted one after the other in the order of
    /// `areas`: small ones end on top. 0 where nothing is painted.
    pub fn topmost(&self, areas: &[Area], painted: impl Fn(u16) -> bool) -> Vec<u16> {
        let most = areas.iter().map(|area| usize::from(area.label)).max().unwrap_or(0);
        // Turn in which a label is painted, from 1.
        let mut turn = vec![0usize; most + 1];
        for (at, area) in areas.iter().enumerate().filter(|(_, area)| painted(area.label)) {
            turn[usize::from(area.label)] = at + 1;
        }
        let turn = |label: u16| turn.get(usize::from(label)).copied().unwrap_or(0);
        let top = |cell| self.at(cell).max_by_key(|label| turn(*label)).filter(|label| turn(*label) > 0).unwrap_or(0);
        (0..self.cells()).map(top).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> LabelMaps {
        LabelMaps { channels: 2, h: 2, w: 3, labels: vec![1, 1, 1, 1, 2, 0, 0, 3, 3, 2, 2, 3] }
    }

    fn areas(maps: &LabelMaps) -> Vec<(u16, u32)> {
        maps.areas().iter().map(|area| (area.label, area.cells)).collect()
    }

    #[test]
    fn a_cell_counts_once_for_a_label_that_two_channels_hold() {
        assert_eq!(areas(&maps()), [(1, 4), (3, 3), (2, 2)]);
        assert_eq!(areas(&LabelMaps { channels: 1, h: 1, w: 4, labels: vec![7, 3, 3, 7] }), [(3, 2), (7, 2)]);
        assert_eq!(areas(&LabelMaps { channels: 1, h: 1, w: 2, labels: vec![0, 0] }), []);
        assert_eq!(areas(&LabelMaps { channels: 0, h: 1, w: 2, labels: vec![] }), []);
    }

    #[test]
    fn small_labels_are_seen_above_large_ones_and_what_is_not_painted_is_not_seen() {
        let maps = maps();
        let areas = maps.areas();
        assert_eq!(maps.topmost(&areas, |_| true), [1, 3, 3, 2, 2, 3]);
        assert_eq!(maps.topmost(&areas, |label| label != 3), [1, 1, 1, 2, 2, 0]);
        assert_eq!(maps.topmost(&areas, |_| false), [0; 6]);
    }
}
