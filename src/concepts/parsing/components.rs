//! Connected pieces of equal values in a map, found by union-find in two passes.

/// Component of each cell of a map `[rows, w]`, and how many there are: cells of the same value that touch, corners included,
/// belong together. 0 is background and belongs to none; components are numbered from 1 in the order of their first cells, row by
/// row.
///
/// # Source
/// As `skimage.measure.label` numbers them (Fiorio and Gustedt 1996; Wu, Otoo and Suzuki 2005).
pub fn components(map: &[u16], w: usize) -> (Vec<u32>, u32) {
    let mut forest = Forest(vec![0]);
    let mut of_cell = vec![0u32; map.len()];
    for (cell, &value) in map.iter().enumerate().filter(|(_, value)| **value > 0) {
        let (row, column) = (cell / w, cell % w);
        let west = (column > 0).then(|| cell - 1);
        let north = |inside: bool, offset: usize| (row > 0 && inside).then(|| cell + offset - w - 1);
        let before = [west, north(column > 0, 0), north(true, 1), north(column + 1 < w, 2)];
        for neighbour in before.into_iter().flatten().filter(|&neighbour| map[neighbour] == value) {
            of_cell[cell] = match of_cell[cell] {
                0 => of_cell[neighbour],
                known => forest.join(known, of_cell[neighbour]),
            };
        }
        if of_cell[cell] == 0 {
            of_cell[cell] = forest.plant();
        }
    }
    let (number, count) = forest.numbers();
    of_cell.iter_mut().for_each(|tree| *tree = number[*tree as usize]);
    (of_cell, count)
}

/// Trees of pieces found to be one; a parent is never above its child. Tree 0 is the background.
struct Forest(Vec<u32>);

impl Forest {
    fn plant(&mut self) -> u32 {
        self.0.push(self.0.len() as u32);
        self.0.len() as u32 - 1
    }

    fn root(&mut self, mut tree: u32) -> u32 {
        while self.0[tree as usize] != tree {
            let above = self.0[self.0[tree as usize] as usize];
            self.0[tree as usize] = above;
            tree = above;
        }
        tree
    }

    /// The lower root becomes that of both: it was planted at the first cell.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
        a.min(b)
    }

    /// Number of each tree's component, from 1, and how many there are.
    fn numbers(&self) -> (Vec<u32>, u32) {
        let mut count = 0;
        let mut number = vec![0; self.0.len()];
        for (tree, &parent) in self.0.iter().enumerate().skip(1) {
            number[tree] = if parent as usize == tree {
                count += 1;
                count
            } else {
                number[parent as usize]
            };
        }
        (number, count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by flooding from each cell that is dry when its turn comes.
    fn flood(map: &[u16], w: usize) -> (Vec<u32>, u32) {
        let (h, mut of_cell, mut count) = (map.len() / w, vec![0; map.len()], 0);
        for start in 0..map.len() {
            if map[start] == 0 || of_cell[start] != 0 {
                continue;
            }
            count += 1;
            let mut wet = vec![start];
            while let Some(cell) = wet.pop() {
                if of_cell[cell] != 0 || map[cell] != map[start] {
                    continue;
                }
                of_cell[cell] = count;
                let (row, column) = (cell / w, cell % w);
                for y in row.saturating_sub(1)..=(row + 1).min(h - 1) {
                    for x in column.saturating_sub(1)..=(column + 1).min(w - 1) {
                        wet.push(y * w + x);
                    }
                }
            }
        }
        (of_cell, count)
    }

    #[test]
    fn pieces_that_meet_late_or_at_a_corner_are_one_and_keep_the_place_of_their_first_cell() {
        #[rustfmt::skip]
        let map = [
            2, 0, 2, 1, 0, 2,
            2, 0, 2, 0, 2, 0,
            0, 2, 0, 1, 0, 0,
        ];
        #[rustfmt::skip]
        let want = [
            1, 0, 1, 2, 0, 3,
            1, 0, 1, 0, 3, 0,
            0, 1, 0, 4, 0, 0,
        ];
        assert_eq!(components(&map, 6), (want.to_vec(), 4));
    }

    #[test]
    fn maps_of_background_and_of_nothing_have_no_component() {
        assert_eq!(components(&[0; 6], 3), (vec![0; 6], 0));
        assert_eq!(components(&[], 0), (vec![], 0));
        assert_eq!(components(&[7], 1), (vec![1], 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_map_is_divided_as_flooding_divides_it(
            (w, map) in (1usize..20, 1usize..20)
                .prop_flat_map(|(h, w)| (Just(w), proptest::collection::vec(0u16..4, h * w))),
        ) {
            prop_assert_eq!(components(&map, w), flood(&map, w));
        }
    }
}
