//! What happens between the scene and the picture: reflections in water, rain, snow, bloom, grain, and the bytes.

use super::labels::Object;
use super::light::Weather;
use super::math::{Vec3, mix, power, smooth, vec3};
use super::noise::{lattice, noise};
use super::random::Random;
use super::stage::{Stage, soften};

/// Mirrors what stands behind water in it, column by column round the line where water begins; wet roads do the same, dimly.
pub(crate) fn reflections(stage: &mut Stage, seed: u32) {
    let side = stage.canvas.side();
    let wet = stage.light.weather == Weather::Rain;
    let colors = stage.canvas.colors();
    let unit = side as f32 / 128.0;
    for x in 0..side {
        let mut shore = None;
        for y in 0..side {
            let strength = match stage.canvas.tag(x, y).object() {
                Some(Object::Lake | Object::River) => 0.75,
                Some(Object::Sea) => 0.30,
                Some(Object::Road | Object::Pavement | Object::Sidewalk | Object::Runway) if wet => 0.42,
                _ => {
                    shore = None;
                    continue;
                }
            };
            let shore = *shore.get_or_insert(y);
            let below = (y - shore) as f32 / unit;
            let wave = noise(x as f32 / unit * 0.10, y as f32 / unit * 0.9, seed)
                + 0.6 * noise(x as f32 / unit * 0.33, y as f32 / unit * 1.7, seed ^ 3);
            let sway = wave * (0.25 + below * 0.035) * unit;
            let from = (2.0 * shore as f32 - y as f32 - 1.0 + sway * 1.6).max(0.0) as usize;
            let column = (x as f32 + sway * 0.5).clamp(0.0, side as f32 - 1.0) as usize;
            let seen = colors[from.min(shore.saturating_sub(1)) * side + column];
            let keep = strength * smooth(70.0, 6.0, below) * (0.86 + 0.2 * wave);
            stage.canvas.change(x, y, |own| mix(own, seen, keep.clamp(0.0, 0.9)));
        }
    }
}

/// The picture as bytes, red, green and blue.
pub(crate) fn develop(stage: &Stage, random: &mut Random) -> Vec<u8> {
    let side = stage.canvas.side();
    let mut colors = stage.canvas.colors();
    match stage.light.weather {
        Weather::Rain => rain(&mut colors, side, random),
        Weather::Snow => flakes(&mut colors, side, random),
        _ => {}
    }
    bloom(&mut colors, side);
    let seed = random.seed();
    // As cameras and their owners differ: white balance, exposure, saturation, contrast.
    let (warm, green) = (random.about(0.20), random.about(0.09));
    let cast = vec3(1.0 + warm, 1.0 + green, 1.0 - warm) * (exposure(&colors) * random.range(0.74, 1.32));
    let (saturation, contrast) = (random.range(0.58, 1.25), random.range(0.82, 1.22));
    let grain = random.range(0.002, 0.008);
    let mut bytes = Vec::with_capacity(side * side * 3);
    for (at, &color) in colors.iter().enumerate() {
        let (x, y) = (at % side, at / side);
        let (dx, dy) = (x as f32 / side as f32 - 0.5, y as f32 / side as f32 - 0.5);
        let corner = 1.0 - 0.30 * power(dx * dx + dy * dy, 2) * 4.0;
        let speck = grain * (2.0 * lattice(x as i32, y as i32, seed) - 1.0);
        let color = color * cast * corner;
        let grey = Vec3::grey(color.luminance());
        let color = grey + (color - grey) * saturation;
        for value in [color.x, color.y, color.z] {
            let level = shoulder(value).sqrt();
            let level = 0.45 + (level - 0.45) * contrast + speck;
            bytes.push((level * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
        }
    }
    bytes
}

/// How much a camera would open up: half way (in stops) to a mean of 0.26, within limits.
fn exposure(colors: &[Vec3]) -> f32 {
    let mean = colors.iter().map(|color| color.luminance().min(1.0)).sum::<f32>() / colors.len() as f32;
    (0.26 / mean.max(1e-3)).sqrt().clamp(0.85, 2.4)
}

/// Linear up to two thirds, then bent so that lights keep their colour.
fn shoulder(value: f32) -> f32 {
    const KNEE: f32 = 0.62;
    if value <= KNEE {
        return value.max(0.0);
    }
    let over = value - KNEE;
    KNEE + (1.0 - KNEE) * over / (over + (1.0 - KNEE))
}

/// Bright places shine into their neighbours.
fn bloom(colors: &mut [Vec3], side: usize) {
    let bright = |color: &Vec3| (color.luminance() - 0.85).clamp(0.0, 3.0);
    if !colors.iter().any(|color| bright(color) > 0.0) {
        return;
    }
    let radius = 2.2 * side as f32 / 128.0;
    let plane = |channel: fn(&Vec3) -> f32| {
        let mut plane: Vec<f32> =
            colors.iter().map(|color| channel(color) * bright(color) / color.luminance().max(0.1)).collect();
        soften(&mut plane, side, radius);
        plane
    };
    let (r, g, b) = (plane(|c| c.x), plane(|c| c.y), plane(|c| c.z));
    colors.iter_mut().enumerate().for_each(|(at, color)| *color += vec3(r[at], g[at], b[at]) * 0.5);
}

/// Streaks, all at about one slant.
fn rain(colors: &mut [Vec3], side: usize, random: &mut Random) {
    let unit = side as f32 / 128.0;
    let slant = random.range(-0.25, 0.25);
    let bright = colors.iter().map(|color| color.luminance()).sum::<f32>() / colors.len() as f32;
    for _ in 0..random.whole(130, 260) {
        let (mut x, y) = (random.range(-10.0, 138.0) * unit, random.range(-8.0, 128.0) * unit);
        let (length, strength) = (random.range(4.0, 12.0) * unit, random.range(0.05, 0.20));
        let tone = Vec3::grey(0.25 + bright * 1.3);
        for step in 0..length as i32 {
            x += slant;
            let row = y as i32 + step;
            if (0..side as i32).contains(&row) && x >= 0.0 && x < side as f32 {
                let pixel = &mut colors[row as usize * side + x as usize];
                *pixel = mix(*pixel, tone, strength);
            }
        }
    }
}

/// Flakes: many small, some large and soft.
fn flakes(colors: &mut [Vec3], side: usize, random: &mut Random) {
    let unit = side as f32 / 128.0;
    let bright = colors.iter().map(|color| color.luminance()).sum::<f32>() / colors.len() as f32;
    let white = Vec3::grey((0.35 + bright).min(1.0));
    for _ in 0..random.whole(140, 320) {
        let (x, y) = (random.range(0.0, 128.0) * unit, random.range(0.0, 128.0) * unit);
        let near = power(random.unit(), 4);
        let (radius, strength) = ((0.45 + 1.3 * near) * unit, 0.85 - 0.45 * near);
        let range = |middle: f32| {
            (middle - radius - 1.0).clamp(0.0, side as f32) as usize
                ..(middle + radius + 1.0).clamp(0.0, side as f32) as usize
        };
        for row in range(y) {
            for column in range(x) {
                let (dx, dy) = (column as f32 + 0.5 - x, row as f32 + 0.5 - y);
                let inside = smooth(radius + 0.5, radius - 0.5, (dx * dx + dy * dy).sqrt());
                let pixel = &mut colors[row * side + column];
                *pixel = mix(*pixel, white, inside * strength);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shoulder_rises_all_the_way_and_never_reaches_one() {
        let values: Vec<f32> = (0..400).map(|step| shoulder(step as f32 * 0.05)).collect();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]) && values[399] < 1.0);
        assert_eq!((shoulder(0.5), shoulder(-1.0)), (0.5, 0.0));
    }
}
