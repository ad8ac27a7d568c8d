//! Networks that have learned nothing, or whose units are no axes of what was learned: what a dissection finds by chance.

use crate::data::latents::Latents;
use crate::error::Result;
use crate::weights::{Stored, WeightFile};

/// Tensors of a network: name and sizes, and elements.
pub type Tensors = Vec<(Stored, Vec<f32>)>;

/// The network with random weights: filters and matrices normal with variance `2 / inputs`, biases zero.
///
/// # Errors
/// As [`WeightFile::tensor`].
///
/// # Source
/// The initial weights of He et al., ICCV 2015.
pub fn random(file: &WeightFile, seed: u32) -> Result<Tensors> {
    let mut tensors = all(file)?;
    for ((stored, values), row) in tensors.iter_mut().zip(0..) {
        let inputs: usize = stored.dims.iter().skip(1).product();
        let scale = if stored.dims.len() > 1 { (2.0 / inputs as f64).sqrt() as f32 } else { 0.0 };
        let normal = normals(seed.wrapping_add(row), values.len())?;
        values.iter_mut().zip(normal).for_each(|(value, normal)| *value = normal * scale);
    }
    Ok(tensors)
}

/// The network with the units of a layer turned by a random rotation before their ReLU, without what follows. `stem` names the
/// layer's tensors, `STEM.weight` and `STEM.bias`; tensors whose names start with `dropped` are left out.
///
/// # Errors
/// As [`WeightFile::tensor`].
///
/// # Source
/// The rotations of Bau et al., CVPR 2017, section 3.2.
pub fn rotated(file: &WeightFile, stem: &str, dropped: &str, seed: u32) -> Result<Tensors> {
    let mut tensors = all(file)?;
    tensors.retain(|(stored, _)| !stored.name.starts_with(dropped));
    let names = [format!("{stem}.weight"), format!("{stem}.bias")];
    for (stored, values) in tensors.iter_mut().filter(|(stored, _)| names.contains(&stored.name)) {
        let units = stored.dims.first().copied().unwrap_or(0);
        *values = turned(&rotation(units, seed)?, values);
    }
    Ok(tensors)
}

/// `rotation` times the rows of a matrix.
fn turned(rotation: &[Vec<f64>], values: &[f32]) -> Vec<f32> {
    let columns = values.len() / rotation.len().max(1);
    let entry = |row: &Vec<f64>, column: usize| {
        row.iter().enumerate().map(|(at, share)| share * f64::from(values[at * columns + column])).sum::<f64>() as f32
    };
    rotation.iter().flat_map(|row| (0..columns).map(move |column| entry(row, column))).collect()
}

/// A random orthonormal basis: normal vectors, each made orthogonal to those before it.
fn rotation(units: usize, seed: u32) -> Result<Vec<Vec<f64>>> {
    let normal = normals(seed, units * units)?;
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(units);
    for row in normal.chunks_exact(units.max(1)) {
        let mut row: Vec<f64> = row.iter().map(|&value| f64::from(value)).collect();
        // Twice, since the first leaves rounding errors.
        for other in basis.iter().chain(&basis) {
            let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
        }
        let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        basis.push(row.into_iter().map(|value| value / length).collect());
    }
    Ok(basis)
}

fn normals(seed: u32, count: usize) -> Result<Vec<f32>> {
    Latents::seeded(seed, count).reader()?.rows(&[0])
}

fn all(file: &WeightFile) -> Result<Tensors> {
    let one = |name: &str| {
        let (dims, values) = file.tensor(name)?;
        Ok((Stored { name: name.to_owned(), dims }, values.into_owned()))
    };
    file.names().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_keeps_lengths_and_angles() {
        let basis = rotation(12, 3).unwrap();
        for (a, row) in basis.iter().enumerate() {
            for (b, other) in basis.iter().enumerate() {
                let product: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(a == b))).abs() < 1e-12, "{a} {b} {product}");
            }
        }
        assert!(basis[0].iter().all(|share| share.abs() < 0.99), "it mixes units");
    }

    #[test]
    fn turning_is_a_matrix_product() {
        let quarter = vec![vec![0.0, -1.0], vec![1.0, 0.0]];
        assert_eq!(turned(&quarter, &[1.0, 2.0, 3.0, 4.0]), [-3.0, -4.0, 1.0, 2.0]);
    }
}
