//! Pieces on the canvas: projected, textured, lit and hazed.

use super::camera::Camera;
use super::canvas::Canvas;
use super::group::{Form, Piece};
use super::labels::Tag;
use super::light::Light;
use super::math::{Vec3, mix, power, smooth, vec3};
use super::noise::lattice;
use super::outline::Outline;
use super::surface::Surface;

/// A camera, its light and what has been painted so far.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) camera: Camera,
    pub(crate) light: Light,
    pub(crate) canvas: Canvas,
}

impl Stage {
    /// Draws a piece over what is there.
    pub(crate) fn draw(&mut self, piece: &Piece) {
        match &piece.form {
            Form::Face(points, normal) => self.face(points, *normal, piece),
            Form::Ball { centre, radius, rough, crown, half } => {
                self.ball(*centre, *radius, (*rough, *crown, *half), piece);
            }
            Form::Limb { from, to, radii, round } => self.limb((*from, *to), *radii, *round, piece),
            Form::Halo { at, radius } => self.halo(*at, *radius, piece.surface.color),
        }
    }

    fn face(&mut self, points: &[Vec3], normal: Vec3, piece: &Piece) {
        let outline = Outline::new(self.camera.outline(points));
        let (camera, light, surface) = (&self.camera, &self.light, &piece.surface);
        let height = normal.dot(points[0] - camera.at);
        let axes = Axes::of(points[0], points[1], normal);
        self.canvas.fill(&outline, Some(piece.tag), |x, y| {
            let ray = camera.ray(x, y);
            let against = normal.dot(ray);
            let depth = if against < -1e-6 { (height / against).clamp(0.05, 1e5) } else { 1e5 };
            let at = camera.at + ray * depth;
            let from = at - points[0];
            let slant = (-against / ray.length()).max(0.15);
            let blur = depth / camera.focal / slant;
            let albedo = surface.albedo(axes.along.dot(from), axes.up.dot(from), blur);
            (lit(light, surface, albedo, (at, normal), (ray, depth)), 1.0)
        });
    }

    fn ball(&mut self, centre: Vec3, radius: Vec3, (rough, crown, half): (f32, Option<Vec3>, bool), piece: &Piece) {
        let view = self.camera.view(centre);
        if view.z < 0.4 {
            return;
        }
        let scale = self.camera.focal / view.z;
        let (x, y) = self.camera.pixel(view);
        let (wide, high) = (radius.x * scale, radius.y * scale);
        if wide.min(high) < 0.05 {
            return;
        }
        let corners = ((wide.max(high) * 1.5) as u32).clamp(7, 40);
        let seed = piece.surface.seed ^ (centre.x.to_bits() >> 3) ^ centre.y.to_bits();
        let outline = if half {
            half_ellipse((x, y), (wide, high), corners)
        } else {
            Outline::ellipse((x, y), (wide, high), corners, |corner| {
                rough * (2.0 * lattice(corner as i32, 0, seed) - 1.0)
            })
        };
        let (camera, light, surface) = (&self.camera, &self.light, &piece.surface);
        self.canvas.fill(&outline, Some(piece.tag), |px, py| {
            let (u, v) = (((px - x) / wide).clamp(-1.0, 1.0), ((y - py) / high).clamp(-1.0, 1.0));
            let bulge = (1.0 - (u * u + v * v).min(0.97)).sqrt();
            let own = camera.world(vec3(u, v, -bulge));
            let at = centre + vec3(own.x * radius.x, own.y * radius.y, own.z * radius.z);
            let normal = crown.map_or(own, |crown| (own * 0.55 + (at - crown).unit() * 0.8).unit());
            let (along, up) = (u * radius.x + centre.x, v * radius.y + centre.y);
            let albedo = surface.albedo(along, up, view.z / camera.focal);
            (lit(light, surface, albedo, (at, normal), (camera.ray(px, py), view.z)), 1.0)
        });
    }

    fn limb(&mut self, (from, to): (Vec3, Vec3), radii: (f32, f32), round: bool, piece: &Piece) {
        let (a, b) = (self.camera.view(from), self.camera.view(to));
        if a.z.min(b.z) < 0.3 {
            return;
        }
        let (pa, pb) = (self.camera.pixel(a), self.camera.pixel(b));
        // Never thinner than what still shows.
        let thin = 0.22;
        let ra = (radii.0 * self.camera.focal / a.z).max(if radii.0 > 0.0 { thin } else { 0.0 });
        let rb = (radii.1 * self.camera.focal / b.z).max(if radii.1 > 0.0 { thin } else { 0.0 });
        let (dx, dy) = (pb.0 - pa.0, pb.1 - pa.1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-3);
        let (ux, uy) = (dx / length, dy / length);
        let outline = limb_outline(pa, pb, (ra, rb), (ux, uy), round);
        let (camera, light, surface) = (&self.camera, &self.light, &piece.surface);
        let (long, axis) = ((to - from).length(), (to - from).unit());
        self.canvas.fill(&outline, Some(piece.tag), |x, y| {
            let (fx, fy) = (x - pa.0, y - pa.1);
            let along = ((fx * ux + fy * uy) / length).clamp(0.0, 1.0);
            let wide = mix(ra, rb, along).max(0.05);
            let across = ((fx * -uy + fy * ux) / wide).clamp(-1.0, 1.0);
            let bulge = (1.0 - across * across * 0.97).sqrt();
            let own = camera.world(vec3(-uy * across, -ux * across, -bulge));
            let normal = (own - axis * own.dot(axis)).unit();
            let depth = mix(a.z, b.z, along);
            let at = mix(from, to, along) + normal * mix(radii.0, radii.1, along);
            let albedo = surface.albedo(
                across * mix(radii.0, radii.1, along) * 1.3 + from.x,
                along * long,
                depth / camera.focal,
            );
            (lit(light, surface, albedo, (at, normal), (camera.ray(x, y), depth)), 1.0)
        });
    }

    fn halo(&mut self, at: Vec3, radius: f32, color: Vec3) {
        let view = self.camera.view(at);
        if view.z < 0.3 {
            return;
        }
        let (x, y) = self.camera.pixel(view);
        let wide = radius * self.camera.focal / view.z;
        let side = self.canvas.side() as f32;
        let range = |middle: f32| (middle - wide).clamp(0.0, side) as usize..(middle + wide).clamp(0.0, side) as usize;
        for row in range(y) {
            for column in range(x) {
                let (dx, dy) = ((column as f32 + 0.5 - x) / wide, (row as f32 + 0.5 - y) / wide);
                let near = (1.0 - (dx * dx + dy * dy).sqrt()).max(0.0);
                self.canvas.change(column, row, |own| own + color * power(near, 3));
            }
        }
    }

    /// Soft darkening of the ground under pieces: their shadows along `to_light`, blurred by `blur` pixels of 128. Called after the ground
    /// has been painted and before what stands on it; only pixels that `on` accepts are touched.
    pub(crate) fn shadows(
        &mut self,
        pieces: &[(f32, &Piece)],
        to_light: Vec3,
        (strength, blur): (f32, f32),
        on: impl Fn(Tag) -> bool,
    ) {
        let side = self.canvas.side();
        let mut mask = vec![0.0f32; side * side];
        let up = to_light.y.max(0.12);
        for &(ground, piece) in pieces.iter().filter(|(_, piece)| piece.casts) {
            let fall = |p: Vec3| {
                let drop = ((p.y - ground) / up).max(0.0);
                vec3(p.x - to_light.x * drop, ground, p.z - to_light.z * drop)
            };
            let points = shadow_of(&piece.form, to_light, fall);
            let outline = self.camera.outline(&points);
            if outline.len() > 2 {
                self.canvas.mask(&Outline::new(outline), &mut mask);
            }
        }
        soften(&mut mask, side, blur * side as f32 / 128.0);
        for y in 0..side {
            for x in 0..side {
                let dark = mask[y * side + x] * strength;
                if dark > 0.003 && on(self.canvas.tag(x, y)) {
                    self.canvas.change(x, y, |color| color * (1.0 - dark));
                }
            }
        }
    }
}

/// Outline of a limb in pixels.
fn limb_outline(a: (f32, f32), b: (f32, f32), (ra, rb): (f32, f32), (ux, uy): (f32, f32), round: bool) -> Outline {
    // Half circles as four chords each.
    const ARC: [(f32, f32); 5] = [(0.0, 1.0), (0.707, 0.707), (1.0, 0.0), (0.707, -0.707), (0.0, -1.0)];
    let at = |centre: (f32, f32), radius: f32, along: f32, across: f32| {
        (centre.0 + radius * (ux * along - uy * across), centre.1 + radius * (uy * along + ux * across))
    };
    let mut points = Vec::with_capacity(10);
    if round {
        points.extend(ARC.iter().map(|&(along, across)| at(b, rb, along, across)));
        points.extend(ARC.iter().map(|&(along, across)| at(a, ra, -along, -across)));
    } else {
        points.extend([at(b, rb, 0.0, 1.0), at(b, rb, 0.0, -1.0), at(a, ra, 0.0, -1.0), at(a, ra, 0.0, 1.0)]);
    }
    Outline::new(points)
}

/// The upper half of an ellipse.
fn half_ellipse(centre: (f32, f32), radius: (f32, f32), corners: u32) -> Outline {
    use super::math::{cosine, sine};
    let point = |corner: u32| {
        let angle = 0.5 * corner as f32 / corners as f32;
        (centre.0 + radius.0 * cosine(angle), centre.1 - radius.1 * sine(angle))
    };
    Outline::new((0..=corners).map(point).collect())
}

/// Corners of a form's shadow, by what lets a point fall to the ground.
fn shadow_of(form: &Form, to_light: Vec3, fall: impl Fn(Vec3) -> Vec3) -> Vec<Vec3> {
    use super::math::{cosine, sine};
    match form {
        Form::Face(points, _) => points.iter().map(|&point| fall(point)).collect(),
        Form::Ball { centre, radius, .. } => {
            let across = to_light.cross(Vec3::UP).unit();
            let across = if across.length() > 0.5 { across } else { vec3(1.0, 0.0, 0.0) };
            let over = across.cross(to_light).unit();
            let rim = |step: i32| {
                let angle = step as f32 / 10.0;
                fall(
                    *centre + across * (radius.x * cosine(angle)) + over * (radius.y.min(radius.x * 1.5) * sine(angle)),
                )
            };
            (0..10).map(rim).collect()
        }
        Form::Limb { from, to, radii, .. } => {
            let (a, b) = (fall(*from), fall(*to));
            let along = (b - a).unit();
            let across = vec3(-along.z, 0.0, along.x);
            let across = if across.length() > 0.5 { across } else { vec3(1.0, 0.0, 0.0) };
            vec![a + across * radii.0, b + across * radii.1, b - across * radii.1, a - across * radii.0]
        }
        Form::Halo { .. } => Vec::new(),
    }
}

/// Three passes of a box filter of `radius` pixels, down and across.
pub(crate) fn soften(mask: &mut [f32], side: usize, radius: f32) {
    let reach = (radius + 0.5) as usize;
    if reach == 0 {
        return;
    }
    let mut line = vec![0.0f32; side];
    for _ in 0..3 {
        for (start, step) in (0..side).map(|row| (row * side, 1)).chain((0..side).map(|column| (column, side))) {
            (0..side).for_each(|at| line[at] = mask[start + at * step]);
            let mut sum: f32 = line[..reach.min(side)].iter().sum();
            for at in 0..side {
                sum += line.get(at + reach).copied().unwrap_or(0.0);
                if at > reach {
                    sum -= line[at - reach - 1];
                }
                mask[start + at * step] = sum.max(0.0) / (2 * reach + 1) as f32;
            }
        }
    }
}

/// Directions along a face: level, and up along it.
struct Axes {
    along: Vec3,
    up: Vec3,
}

impl Axes {
    fn of(first: Vec3, second: Vec3, normal: Vec3) -> Axes {
        let level = normal.cross(Vec3::UP);
        let along = if level.length() > 0.05 { level.unit() } else { (second - first).unit() };
        Axes { along, up: along.cross(normal).unit() }
    }
}

/// Light that leaves a surface for the camera: at a place with a normal, seen along a ray at a depth.
pub(crate) fn lit(
    light: &Light,
    surface: &Surface,
    albedo: Vec3,
    (at, normal): (Vec3, Vec3),
    (ray, depth): (Vec3, f32),
) -> Vec3 {
    let mut color = light.shade(at, normal, albedo, 1.0);
    if surface.gloss > 0.0 {
        let ray = ray.unit();
        let mirrored = ray - normal * (2.0 * ray.dot(normal));
        let graze = power(1.0 - (-ray.dot(normal)).clamp(0.0, 1.0), 4);
        let gloss = surface.gloss * (0.4 + 0.6 * graze);
        let seen = match light.room {
            Some(_) => (light.above + light.below) * (0.55 + 0.3 * mirrored.y),
            None if mirrored.y > 0.0 => light.sky(mirrored),
            None => mix(light.horizon, light.below, smooth(0.0, -0.2, mirrored.y)),
        };
        color = mix(color, seen, gloss);
        let glint = power(mirrored.dot(light.sun).max(0.0), 40);
        color += light.sun_color * (glint * surface.gloss * 2.0);
    }
    if surface.shine > 0.0 {
        color += albedo * surface.shine;
    }
    light.hazed(color, ray, depth)
}
