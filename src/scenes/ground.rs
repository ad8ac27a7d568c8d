//! The ground: a relief that rays run into, and zones that say what lies where.

use super::camera::Camera;
use super::labels::{Object, Part, Tag};
use super::light::Light;
use super::math::{Vec3, mix, power, sine, smooth, vec3};
use super::noise::{fractal, noise, ridged};
use super::sky::Sky;
use super::stage::{Stage, lit};
use super::surface::Surface;

/// A line over the ground: x as a function of z.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Curve {
    pub(crate) start: f32,
    pub(crate) slope: f32,
    /// Sideways swing in metres and its length.
    pub(crate) swing: f32,
    pub(crate) length: f32,
    /// Where in the swing it begins, turns.
    pub(crate) phase: f32,
}

impl Curve {
    /// A straight line.
    pub(crate) fn straight(start: f32, slope: f32) -> Curve {
        Curve { start, slope, swing: 0.0, length: 1.0, phase: 0.0 }
    }

    pub(crate) fn x(&self, z: f32) -> f32 {
        let swing = if self.swing == 0.0 { 0.0 } else { self.swing * sine(z / self.length + self.phase) };
        self.start + self.slope * z + swing
    }
}

/// Heights of the ground, metres.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relief {
    pub(crate) seed: u32,
    /// Rolling hills: height and length.
    pub(crate) hills: (f32, f32),
    /// Where they begin to rise and where they have risen, metres away.
    pub(crate) hills_from: (f32, f32),
    /// Crests: height, length.
    pub(crate) mountains: (f32, f32),
    pub(crate) mountains_from: (f32, f32),
    /// Slope of the ground away from the camera (rise a metre), from a distance on, up to a height.
    pub(crate) slope: (f32, f32, f32),
    /// Slope to the side.
    pub(crate) lean: f32,
    /// Bed of a river: line, half width, depth.
    pub(crate) bed: Option<(Curve, f32, f32)>,
    /// Hollow of a lake: x, z, half width, half depth, depth.
    pub(crate) hollow: Option<[f32; 5]>,
    /// Level of water; ground below it is water's surface.
    pub(crate) water: Option<f32>,
    /// Dunes: height, length.
    pub(crate) dunes: (f32, f32),
}

impl Relief {
    fn is_flat(&self) -> bool {
        self.hills.0 == 0.0
            && self.mountains.0 == 0.0
            && self.slope.0 == 0.0
            && self.lean == 0.0
            && self.bed.is_none()
            && self.hollow.is_none()
            && self.dunes.0 == 0.0
    }

    /// Height of the bare ground.
    fn bare(&self, x: f32, z: f32) -> f32 {
        if self.is_flat() {
            return 0.0;
        }
        let mut height = self.lean * x;
        let far = (x * x * 0.4 + z * z).sqrt();
        if self.hills.0 != 0.0 {
            let rise = smooth(self.hills_from.0, self.hills_from.1, far);
            if rise > 0.0 {
                height += rise * self.hills.0 * (0.55 + fractal(x / self.hills.1, z / self.hills.1, 3, 0.0, self.seed));
            }
        }
        if self.mountains.0 != 0.0 {
            let rise = smooth(self.mountains_from.0, self.mountains_from.1, far);
            if rise > 0.0 {
                let (u, v) = (x / self.mountains.1, z / self.mountains.1);
                let bend = 0.18 * noise(u * 2.0, v * 2.0, self.seed ^ 5);
                height += rise * self.mountains.0 * (ridged(u + bend, v - bend, 6, self.seed ^ 11) - 0.12);
            }
        }
        if self.dunes.0 != 0.0 {
            height += self.dunes.0 * self.dune(x, z) * smooth(14.0, 60.0, far);
        }
        if self.slope.0 != 0.0 {
            height += (self.slope.0 * (z - self.slope.1).max(0.0)).clamp(-self.slope.2.abs(), self.slope.2.abs());
        }
        if let Some((line, half, depth)) = self.bed {
            let off = (x - line.x(z)).abs() / half;
            height -= depth * smooth(1.5, 0.75, off + 0.15 * noise(x * 0.12, z * 0.12, self.seed ^ 21));
        }
        if let Some([cx, cz, wide, long, depth]) = self.hollow {
            let (u, v) = ((x - cx) / wide, (z - cz) / long);
            let off = (u * u + v * v).sqrt() + 0.22 * noise(x / wide * 2.2, z / long * 2.2, self.seed ^ 31);
            height -= depth * smooth(1.25, 0.85, off);
        }
        height
    }

    /// Dunes: gentle to windward, steep in the lee.
    fn dune(&self, x: f32, z: f32) -> f32 {
        let at = (z + 0.35 * x) / self.dunes.1
            + 0.9 * fractal(x / self.dunes.1 * 0.6, z / self.dunes.1 * 0.6, 2, 0.0, self.seed);
        let part = at - at.floor();
        let wave = if part < 0.72 { smooth(0.0, 0.72, part) } else { 1.0 - (part - 0.72) / 0.28 };
        wave * (0.45 + 0.55 * (0.5 + 0.5 * noise(x / self.dunes.1 * 0.5, z / self.dunes.1 * 0.3, self.seed ^ 3)))
    }

    /// Height of what one could stand or float on.
    pub(crate) fn height(&self, x: f32, z: f32) -> f32 {
        let bare = self.bare(x, z);
        self.water.map_or(bare, |water| bare.max(water))
    }

    fn under_water(&self, x: f32, z: f32) -> bool {
        self.water.is_some_and(|water| self.bare(x, z) < water)
    }
}

/// Where a zone lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Region {
    Everywhere,
    /// Along a line, from one distance to the right of it to another (left is negative).
    Band(Curve, f32, f32),
    /// Farther away than this.
    Beyond(f32),
    /// Higher than this, with an edge torn over so many metres.
    Above(f32, f32),
    /// Steeper than this slope.
    Steep(f32),
    /// Under the level of water.
    Water,
    /// Patches of a size that cover a share.
    Patches(f32, f32),
    /// A rectangle: x and z from and to.
    Plot((f32, f32), (f32, f32)),
}

/// A region with what lies there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone {
    pub(crate) region: Region,
    pub(crate) surface: Surface,
    pub(crate) tag: Tag,
}

impl Zone {
    pub(crate) fn new(region: Region, surface: Surface, tag: impl Into<Tag>) -> Zone {
        Zone { region, surface, tag: tag.into().of(surface.material) }
    }
}

/// All of the ground; of zones that overlap, the last counts.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) relief: Relief,
    pub(crate) zones: Vec<Zone>,
}

/// Nearest and farthest place that rays are followed to, metres.
const REACH: (f32, f32) = (0.8, 30_000.0);
/// Steps on the way.
const STEPS: usize = 190;

impl Ground {
    /// Paints the ground over the sky; returns the depth of each pixel's centre, infinite where there is none.
    pub(crate) fn paint(&self, stage: &mut Stage, sky: &Sky) -> Vec<f32> {
        let side = stage.canvas.side();
        let depths: Vec<f32> = geometric();
        let mut found = vec![f32::INFINITY; side * side];
        let mut hits = vec![[f32::INFINITY; 9]; side];
        for x in 0..side {
            for (column, offset) in [1.0 / 6.0, 0.5, 5.0 / 6.0].into_iter().enumerate() {
                self.march(
                    &stage.camera,
                    x as f32 + offset,
                    &depths,
                    |row, depth| hits[row / 3][row % 3 * 3 + column] = depth,
                    side,
                );
            }
            for y in 0..side {
                found[y * side + x] = hits[y][4];
                self.pixel(stage, sky, (x, y), hits[y]);
            }
            hits.iter_mut().for_each(|hit| *hit = [f32::INFINITY; 9]);
        }
        found
    }

    /// Depth at which the rays of a column of samples meet the ground, from the lowest row up.
    fn march(&self, camera: &Camera, x: f32, depths: &[f32], mut meet: impl FnMut(usize, f32), side: usize) {
        let level = camera.ray(x, camera.horizon);
        let flat = self.relief.is_flat();
        let height = |depth: f32| {
            let at = camera.at + level * depth;
            self.relief.height(at.x, at.z)
        };
        let heights: Vec<f32> = if flat { Vec::new() } else { depths.iter().map(|&depth| height(depth)).collect() };
        let mut at = 0;
        for row in (0..side * 3).rev() {
            let rise = (camera.horizon - (row as f32 + 0.5) / 3.0) / camera.focal;
            if flat {
                if rise >= 0.0 {
                    return;
                }
                let depth = -camera.at.y / rise;
                if depth < REACH.1 {
                    meet(row, depth);
                }
                continue;
            }
            while at < depths.len() && camera.at.y + rise * depths[at] > heights[at] {
                at += 1;
            }
            let Some(&depth) = depths.get(at) else { return };
            let near = if at == 0 { REACH.0 } else { depths[at - 1] };
            let over = |depth: f32, height: f32| camera.at.y + rise * depth - height;
            let (before, after) = (if at == 0 { 1.0 } else { over(near, heights[at - 1]) }, over(depth, heights[at]));
            let part = if before - after > 0.0 { (before / (before - after)).clamp(0.0, 1.0) } else { 1.0 };
            meet(row, near + (depth - near) * part);
        }
    }

    /// Paints one pixel from its nine depths.
    fn pixel(&self, stage: &mut Stage, sky: &Sky, (x, y): (usize, usize), hits: [f32; 9]) {
        let covered = hits.iter().filter(|hit| hit.is_finite()).count();
        if covered == 0 {
            return;
        }
        let place = |sample: usize| {
            let (row, column) = (sample / 3, sample % 3);
            (x as f32 + (column as f32 + 0.5) / 3.0, y as f32 + (row as f32 + 0.5) / 3.0)
        };
        let zone = |sample: usize| {
            let (px, py) = place(sample);
            let ray = stage.camera.ray(px, py);
            let at = stage.camera.at + ray * hits[sample];
            (hits[sample].is_finite()).then(|| self.zone_at(at, hits[sample] / stage.camera.focal))
        };
        let corners = [zone(0), zone(2), zone(4), zone(6), zone(8)];
        let centre = corners[2];
        let (low, high) = hits.iter().fold((f32::MAX, 0.0f32), |(low, high), &hit| (low.min(hit), high.max(hit)));
        let even = corners.iter().all(|corner| *corner == centre) && high < low * 1.35;
        let samples: &[usize] = if even { &[4] } else { &[0, 1, 2, 3, 4, 5, 6, 7, 8] };
        let mut sum = Vec3::ZERO;
        let mut count = 0;
        for &sample in samples.iter().filter(|sample| hits[**sample].is_finite()) {
            let zone = if even { centre } else { zone(sample) };
            if let Some(zone) = zone {
                sum += self.color(stage, sky, place(sample), hits[sample], zone);
                count += 1;
            }
        }
        if count > 0 {
            stage.canvas.tint(x, y, sum * (1.0 / count as f32), covered as f32 / 9.0);
        }
        if let Some(zone) = centre {
            stage.canvas.set_tag(x, y, self.zones[zone].tag);
        }
    }

    /// Index of the zone at a place; `blur` is what a pixel spans.
    fn zone_at(&self, at: Vec3, blur: f32) -> usize {
        let relief = &self.relief;
        let inside = |zone: &Zone| match zone.region {
            Region::Everywhere => true,
            Region::Band(line, from, to) => {
                let off = at.x - line.x(at.z);
                off >= from && off < to
            }
            Region::Beyond(z) => at.z > z,
            Region::Above(height, torn) => {
                at.y + torn * fractal(at.x / torn / 2.0, at.z / torn / 2.0, 3, blur / torn / 2.0, relief.seed ^ 41)
                    > height
            }
            Region::Steep(slope) => {
                let step = blur.max(0.5);
                let here = relief.bare(at.x, at.z);
                let (dx, dz) = (relief.bare(at.x + step, at.z) - here, relief.bare(at.x, at.z + step) - here);
                dx * dx + dz * dz > slope * slope * step * step
            }
            Region::Water => relief.under_water(at.x, at.z),
            Region::Patches(size, share) => {
                0.5 + 0.8 * fractal(at.x / size, at.z / size, 3, blur / size, relief.seed ^ 51) < share
            }
            Region::Plot(x, z) => at.x >= x.0 && at.x < x.1 && at.z >= z.0 && at.z < z.1,
        };
        self.zones.iter().rposition(inside).unwrap_or(0)
    }

    /// What the object of the ground at a place is called.
    pub(crate) fn object_at(&self, x: f32, z: f32) -> Option<Object> {
        let at = vec3(x, self.relief.height(x, z), z);
        self.zones.get(self.zone_at(at, 0.1)).and_then(|zone| zone.tag.object())
    }

    fn color(&self, stage: &Stage, sky: &Sky, (px, py): (f32, f32), depth: f32, zone: usize) -> Vec3 {
        let (camera, light) = (&stage.camera, &stage.light);
        let zone = &self.zones[zone];
        let ray = camera.ray(px, py);
        let at = camera.at + ray * depth;
        if matches!(zone.region, Region::Water) {
            return self.water(light, sky, zone, (at, ray, depth), camera.focal);
        }
        let span = depth / camera.focal;
        let normal = self.normal(at, span);
        let slant = (-ray.dot(normal) / ray.length()).max(0.06);
        let blur = span / slant.sqrt();
        let (u, v) = match zone.region {
            // Along a line, so that tracks and furrows follow it.
            Region::Band(line, _, _) => (at.x - line.x(at.z), at.z),
            _ => (at.x, at.z),
        };
        let mut albedo = zone.surface.albedo(u, v, blur);
        if zone.tag.object() == Some(Object::Mountain) || zone.tag == Object::Mountain.with(Part::SnowCap).of(None) {
            albedo = albedo
                * (0.92 + 0.5 * fractal(at.x / 90.0, at.y / 60.0 + at.z / 90.0, 4, span / 60.0, self.relief.seed));
        }
        lit(light, &zone.surface, albedo, (at, normal), (ray, depth))
    }

    fn normal(&self, at: Vec3, span: f32) -> Vec3 {
        if self.relief.is_flat() {
            return Vec3::UP;
        }
        let step = (span * 1.5).max(0.3);
        let height = |dx: f32, dz: f32| self.relief.height(at.x + dx, at.z + dz);
        let (dx, dz) = (height(step, 0.0) - height(-step, 0.0), height(0.0, step) - height(0.0, -step));
        vec3(-dx, 2.0 * step, -dz).unit()
    }

    /// Water: waves that mirror the sky, darker where one looks into it.
    fn water(&self, light: &Light, sky: &Sky, zone: &Zone, (at, ray, depth): (Vec3, Vec3, f32), focal: f32) -> Vec3 {
        let still = zone.tag.object() != Some(Object::Sea);
        let blur = depth / focal;
        let (size, strength) = if still { (0.9, 0.045) } else { (2.6, 0.13) };
        let wave = |shift: u32| fractal(at.x / size, at.z / size * 1.8, 4, blur * 1.4, self.relief.seed ^ shift);
        let normal = vec3(wave(61) * strength, 1.0, wave(62) * strength * 1.6).unit();
        let to = ray.unit();
        let facing = (-to.dot(normal)).clamp(0.0, 1.0);
        let mirrored = to - normal * (2.0 * to.dot(normal));
        let mirrored = vec3(mirrored.x, mirrored.y.abs().max(0.02), mirrored.z);
        let (seen, _, _) = sky.color(light, mirrored, 0.02);
        let deep = light.shade(at, Vec3::UP, zone.surface.color, 0.8);
        let shallow = light.shade(at, Vec3::UP, zone.surface.second, 0.8);
        let floor = self.relief.water.unwrap_or(0.0) - self.relief.bare(at.x, at.z);
        let body = mix(shallow, deep, smooth(0.05, if still { 1.2 } else { 2.2 }, floor));
        let mut color = mix(body, seen, 0.06 + 0.86 * power(1.0 - facing, 4));
        color += light.sun_color * (power(mirrored.dot(light.sun).max(0.0), 64) * 1.8);
        if !still {
            // Foam where it breaks, in lines along the shore.
            let crest = sine(floor * 1.3 + 0.35 * noise(at.x * 0.15, at.z * 0.3, self.relief.seed ^ 71));
            let foam = smooth(0.82, 1.0, crest) * smooth(1.9, 0.4, floor) + smooth(0.13, 0.02, floor);
            let torn = 0.5 + 0.9 * fractal(at.x * 0.8, at.z * 1.6, 3, blur, self.relief.seed ^ 72);
            let white = light.shade(at, Vec3::UP, Vec3::grey(0.82), 1.0);
            color = mix(color, white, (foam * torn).clamp(0.0, 0.92));
        }
        light.hazed(color, ray, depth)
    }
}

/// Depths that grow by the same share each.
fn geometric() -> Vec<f32> {
    // The ratio whose power makes the farthest of the nearest, found once by halving; no logarithm is the same everywhere.
    let (mut low, mut high) = (1.0f32, 2.0f32);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        let reached = (0..STEPS).fold(REACH.0, |depth, _| (depth * middle).min(1e9));
        if reached < REACH.1 { low = middle } else { high = middle }
    }
    (0..STEPS)
        .scan(REACH.0, |depth, _| {
            *depth *= low;
            Some(*depth)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_reach_as_far_as_they_should() {
        let depths = geometric();
        assert!((depths[STEPS - 1] / REACH.1 - 1.0).abs() < 0.01 && depths[0] > REACH.0);
    }

    #[test]
    fn rays_meet_hills_where_the_hills_are() {
        let relief = Relief { seed: 3, hills: (30.0, 120.0), hills_from: (20.0, 200.0), ..Relief::default() };
        let ground = Ground { relief, zones: Vec::new() };
        let camera = Camera::new(64, vec3(0.0, 3.0, 0.0), 0.02, 0.9, 0.45);
        let mut met = 0;
        ground.march(
            &camera,
            20.0,
            &geometric(),
            |row, depth| {
                let at = camera.at + camera.ray(20.0, (row as f32 + 0.5) / 3.0) * depth;
                assert!((ground.relief.height(at.x, at.z) - at.y).abs() < 0.05 + 0.01 * depth, "{depth}");
                met += 1;
            },
            64,
        );
        assert!(met > 64);
    }
}
