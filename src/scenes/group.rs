//! Things as lists of pieces in the world: flat faces, balls and limbs, with what they are made of and what they are called.

use super::labels::Tag;
use super::light::Lamp;
use super::math::{Vec3, cosine, sine, vec3};
use super::surface::Surface;

/// Form of a piece, in the world.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// A flat polygon with its normal.
    Face(Vec<Vec3>, Vec3),
    /// An ellipsoid whose edge is rough by a share of its radius, lit as a part of a larger ball if `crown` says so. Only what is above
    /// its centre if `half`.
    Ball { centre: Vec3, radius: Vec3, rough: f32, crown: Option<Vec3>, half: bool },
    /// A stretched cone from one point to another; round ends if `round`.
    Limb { from: Vec3, to: Vec3, radii: (f32, f32), round: bool },
    /// A halo of light.
    Halo { at: Vec3, radius: f32 },
}

/// A form with what it is made of.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) form: Form,
    pub(crate) surface: Surface,
    pub(crate) tag: Tag,
    /// Whether it throws a shadow on the ground.
    pub(crate) casts: bool,
}

/// A block along the axes of a thing: from the lowest to the highest x, y and z.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) x: (f32, f32),
    pub(crate) y: (f32, f32),
    pub(crate) z: (f32, f32),
}

/// The block of these spans.
pub(crate) const fn block(x: (f32, f32), y: (f32, f32), z: (f32, f32)) -> Block {
    Block { x, y, z }
}

/// A block in the middle of its own ground plan: width, height from `y`, depth.
pub(crate) fn centred(width: f32, y: (f32, f32), depth: f32) -> Block {
    block((-width / 2.0, width / 2.0), y, (-depth / 2.0, depth / 2.0))
}

/// An upright side of a block: u runs to the right as one looks at it from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Front,
    Right,
    Back,
    Left,
}

/// All four.
pub(crate) const SIDES: [Side; 4] = [Side::Front, Side::Right, Side::Back, Side::Left];

impl Block {
    /// Length of a side.
    pub(crate) fn length(&self, side: Side) -> f32 {
        match side {
            Side::Front | Side::Back => self.x.1 - self.x.0,
            Side::Left | Side::Right => self.z.1 - self.z.0,
        }
    }

    /// Point at `u` along a side, at height `y`, `out` metres before it.
    pub(crate) fn on(&self, side: Side, u: f32, y: f32, out: f32) -> Vec3 {
        match side {
            Side::Front => vec3(self.x.0 + u, y, self.z.0 - out),
            Side::Back => vec3(self.x.1 - u, y, self.z.1 + out),
            Side::Right => vec3(self.x.1 + out, y, self.z.0 + u),
            Side::Left => vec3(self.x.0 - out, y, self.z.1 - u),
        }
    }
}

/// A thing in the making, in its own axes: x right, y up, z away from who looks at its front.
#[derive(Debug)]
pub(crate) struct Group {
    origin: Vec3,
    sine: f32,
    cosine: f32,
    scale: f32,
    eye: Vec3,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) lamps: Vec<Lamp>,
    casts: bool,
}

impl Group {
    /// A thing at `origin`, turned to the left by `turn` turns, seen from `eye`.
    pub(crate) fn new(origin: Vec3, turn: f32, scale: f32, eye: Vec3) -> Group {
        Group {
            origin,
            sine: sine(turn),
            cosine: cosine(turn),
            scale,
            eye,
            pieces: Vec::new(),
            lamps: Vec::new(),
            casts: true,
        }
    }

    /// Another thing at a place of this one, for [`Group::add`].
    pub(crate) fn inner(&self, at: Vec3, turn: f32, scale: f32) -> Group {
        let (s, c) = (sine(turn), cosine(turn));
        Group {
            origin: self.point(at),
            sine: self.sine * c + self.cosine * s,
            cosine: self.cosine * c - self.sine * s,
            scale: self.scale * scale,
            eye: self.eye,
            pieces: Vec::new(),
            lamps: Vec::new(),
            casts: self.casts,
        }
    }

    /// Takes the pieces of another.
    pub(crate) fn add(&mut self, other: Group) {
        self.pieces.extend(other.pieces);
        self.lamps.extend(other.lamps);
    }

    /// Adds several, the farthest first.
    pub(crate) fn add_sorted(&mut self, mut others: Vec<Group>) {
        others.sort_by(|a, b| b.distance().total_cmp(&a.distance()));
        others.into_iter().for_each(|other| self.add(other));
    }

    /// From the eye to the origin, along the ground.
    pub(crate) fn distance(&self) -> f32 {
        let to = self.origin - self.eye;
        vec3(to.x, 0.0, to.z).length()
    }

    /// Whether pieces from now on throw shadows.
    pub(crate) fn casts(&mut self, casts: bool) {
        self.casts = casts;
    }

    /// Whether it lies flat on the ground: has pieces, none of which throws a shadow or hangs in the air.
    pub(crate) fn is_flat(&self) -> bool {
        self.origin.y < 2.0 && self.pieces.iter().all(|piece| !piece.casts)
    }

    /// A point of the thing in the world.
    pub(crate) fn point(&self, at: Vec3) -> Vec3 {
        self.origin + self.direction(at) * self.scale
    }

    fn direction(&self, at: Vec3) -> Vec3 {
        vec3(self.cosine * at.x - self.sine * at.z, at.y, self.sine * at.x + self.cosine * at.z)
    }

    /// The eye in the thing's own axes.
    pub(crate) fn eye(&self) -> Vec3 {
        let from = (self.eye - self.origin) * (1.0 / self.scale);
        vec3(self.cosine * from.x + self.sine * from.z, from.y, self.cosine * from.z - self.sine * from.x)
    }

    fn push(&mut self, form: Form, surface: &Surface, tag: Tag) {
        let tag = tag.of(surface.material);
        self.pieces.push(Piece { form, surface: *surface, tag, casts: self.casts });
    }

    /// A flat polygon, corners counterclockwise as one looks at it; not drawn from behind.
    pub(crate) fn face(&mut self, corners: &[Vec3], surface: &Surface, tag: impl Into<Tag>) {
        let points: Vec<Vec3> = corners.iter().map(|&corner| self.point(corner)).collect();
        let normal = points
            .iter()
            .zip(points.iter().cycle().skip(1))
            .fold(Vec3::ZERO, |sum, (a, b)| sum + (*a - points[0]).cross(*b - points[0]));
        // Corners counterclockwise with y up and z away: the cross product points away from the eye.
        let normal = -normal.unit();
        if normal.dot(self.eye - points[0]) > 0.0 {
            self.push(Form::Face(points, normal), surface, tag.into());
        }
    }

    /// A flat polygon that is seen from both sides.
    pub(crate) fn sheet(&mut self, corners: &[Vec3], surface: &Surface, tag: impl Into<Tag>) {
        let tag = tag.into();
        self.face(corners, surface, tag);
        let back: Vec<Vec3> = corners.iter().rev().copied().collect();
        self.face(&back, surface, tag);
    }

    /// The visible faces of a block.
    pub(crate) fn cuboid(&mut self, b: Block, surface: &Surface, tag: impl Into<Tag>) {
        let tag = tag.into();
        for side in SIDES {
            self.panel(b, side, (0.0, b.length(side)), b.y, 0.0, surface, tag);
        }
        self.lid(b, surface, tag);
    }

    /// The top of a block.
    pub(crate) fn top(&mut self, b: Block, surface: &Surface, tag: impl Into<Tag>) {
        self.lid(block(b.x, (b.y.1, b.y.1), b.z), surface, tag);
    }

    /// The top of a block, and its underside.
    pub(crate) fn lid(&mut self, b: Block, surface: &Surface, tag: impl Into<Tag>) {
        let tag = tag.into();
        let corner = |x, y, z| vec3(x, y, z);
        let ((x0, x1), (y0, y1), (z0, z1)) = (b.x, b.y, b.z);
        self.face(&[corner(x0, y1, z0), corner(x1, y1, z0), corner(x1, y1, z1), corner(x0, y1, z1)], surface, tag);
        self.face(&[corner(x0, y0, z1), corner(x1, y0, z1), corner(x1, y0, z0), corner(x0, y0, z0)], surface, tag);
    }

    /// A rectangle on a side of a block, `out` metres before it.
    #[allow(clippy::too_many_arguments, reason = "a place on a wall takes four numbers")]
    pub(crate) fn panel(
        &mut self,
        b: Block,
        side: Side,
        u: (f32, f32),
        y: (f32, f32),
        out: f32,
        surface: &Surface,
        tag: impl Into<Tag>,
    ) {
        let at = |u, y| b.on(side, u, y, out);
        self.face(&[at(u.0, y.0), at(u.1, y.0), at(u.1, y.1), at(u.0, y.1)], surface, tag);
    }

    /// A polygon on a side of a block, corners `(u, y)` counterclockwise as one looks at it.
    pub(crate) fn shape(
        &mut self,
        b: Block,
        side: Side,
        corners: &[(f32, f32)],
        out: f32,
        surface: &Surface,
        tag: impl Into<Tag>,
    ) {
        let corners: Vec<Vec3> = corners.iter().map(|&(u, y)| b.on(side, u, y, out)).collect();
        self.face(&corners, surface, tag);
    }

    /// An ellipsoid.
    pub(crate) fn ball(&mut self, centre: Vec3, radius: Vec3, surface: &Surface, tag: impl Into<Tag>) {
        self.blob(centre, radius, 0.0, None, surface, tag);
    }

    /// The upper half of an ellipsoid.
    pub(crate) fn dome(&mut self, centre: Vec3, radius: Vec3, surface: &Surface, tag: impl Into<Tag>) {
        let (centre, radius) = (self.point(centre), radius * self.scale);
        self.push(Form::Ball { centre, radius, rough: 0.0, crown: None, half: true }, surface, tag.into());
    }

    /// An ellipsoid with a rough edge, a part of a crown round a point.
    pub(crate) fn blob(
        &mut self,
        centre: Vec3,
        radius: Vec3,
        rough: f32,
        crown: Option<Vec3>,
        surface: &Surface,
        tag: impl Into<Tag>,
    ) {
        let (centre, radius) = (self.point(centre), radius * self.scale);
        let crown = crown.map(|crown| self.point(crown));
        self.push(Form::Ball { centre, radius, rough, crown, half: false }, surface, tag.into());
    }

    /// A limb with round ends.
    pub(crate) fn limb(&mut self, from: Vec3, to: Vec3, radii: (f32, f32), surface: &Surface, tag: impl Into<Tag>) {
        self.tube(from, to, radii, true, surface, tag.into());
    }

    /// An upright cylinder or cone with flat ends.
    pub(crate) fn column(
        &mut self,
        foot: Vec3,
        height: f32,
        radii: (f32, f32),
        surface: &Surface,
        tag: impl Into<Tag>,
    ) {
        self.tube(foot, foot + vec3(0.0, height, 0.0), radii, false, surface, tag.into());
    }

    fn tube(&mut self, from: Vec3, to: Vec3, radii: (f32, f32), round: bool, surface: &Surface, tag: Tag) {
        let (from, to) = (self.point(from), self.point(to));
        let radii = (radii.0 * self.scale, radii.1 * self.scale);
        self.push(Form::Limb { from, to, radii, round }, surface, tag);
    }

    /// A prism: a convex profile `(x, y)`, counterclockwise as one looks at its front, from the first z to the second.
    pub(crate) fn prism(&mut self, profile: &[(f32, f32)], z: (f32, f32), surface: &Surface, tag: impl Into<Tag>) {
        let tag = tag.into();
        let front: Vec<Vec3> = profile.iter().map(|&(x, y)| vec3(x, y, z.0)).collect();
        let back: Vec<Vec3> = profile.iter().rev().map(|&(x, y)| vec3(x, y, z.1)).collect();
        for (a, b) in profile.iter().zip(profile.iter().cycle().skip(1)) {
            let strip = [vec3(b.0, b.1, z.0), vec3(a.0, a.1, z.0), vec3(a.0, a.1, z.1), vec3(b.0, b.1, z.1)];
            self.face(&strip, surface, tag);
        }
        self.face(&front, surface, tag);
        self.face(&back, surface, tag);
    }

    /// A disc on a side of a block.
    pub(crate) fn disc(
        &mut self,
        b: Block,
        side: Side,
        (u, y, radius): (f32, f32, f32),
        out: f32,
        surface: &Surface,
        tag: impl Into<Tag>,
    ) {
        let corner = |step: i32| {
            let angle = step as f32 / 14.0;
            (u + radius * cosine(angle), y + radius * sine(angle))
        };
        let corners: Vec<(f32, f32)> = (0..14).map(corner).collect();
        self.shape(b, side, &corners, out, surface, tag);
    }

    /// A polygon that faces the eye, upright: corners to the right of and above a point.
    pub(crate) fn board(&mut self, at: Vec3, corners: &[(f32, f32)], surface: &Surface, tag: impl Into<Tag>) {
        let to = at - self.eye();
        let away = vec3(to.x, 0.0, to.z).unit();
        let right = vec3(away.z, 0.0, -away.x);
        let corners: Vec<Vec3> = corners.iter().map(|&(x, y)| at + right * x + vec3(0.0, y, 0.0)).collect();
        self.sheet(&corners, surface, tag);
    }

    /// A lamp that lights what is around it: colour times strength at a metre.
    pub(crate) fn lamp(&mut self, at: Vec3, color: Vec3) {
        self.lamps.push(Lamp { at: self.point(at), color });
    }

    /// Light round a point.
    pub(crate) fn halo(&mut self, at: Vec3, radius: f32, color: Vec3) {
        let form = Form::Halo { at: self.point(at), radius: radius * self.scale };
        let surface = Surface::new(color, super::surface::Pattern::Plain(0.0), None);
        self.pieces.push(Piece { form, surface, tag: Tag::NONE, casts: false });
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::Object;
    use super::super::math::rgb;
    use super::*;

    fn seen(eye: Vec3, turn: f32) -> Vec<Vec3> {
        let mut group = Group::new(vec3(0.0, 0.0, 10.0), turn, 1.0, eye);
        group.cuboid(centred(2.0, (0.0, 2.0), 2.0), &Surface::plaster(rgb(0xFFFFFF)), Object::House);
        let normal = |piece: &Piece| match &piece.form {
            Form::Face(_, normal) => *normal,
            _ => Vec3::ZERO,
        };
        group.pieces.iter().map(normal).collect()
    }

    #[test]
    fn a_block_shows_the_faces_that_look_at_the_eye_and_they_point_to_it() {
        assert_eq!(seen(vec3(0.0, 1.0, 0.0), 0.0), [vec3(0.0, 0.0, -1.0)]);
        assert_eq!(seen(vec3(0.0, 5.0, 0.0), 0.0), [vec3(0.0, 0.0, -1.0), vec3(0.0, 1.0, 0.0)]);
        assert_eq!(seen(vec3(-4.0, 1.0, 0.0), 0.0).len(), 2);
        assert_eq!(seen(vec3(0.0, 1.0, 0.0), 0.1).len(), 2);
    }

    #[test]
    fn the_eye_in_a_thing_s_own_axes_is_where_it_stands() {
        let group = Group::new(vec3(3.0, 0.0, 10.0), 0.13, 2.0, vec3(1.0, 2.0, 0.0));
        assert!((group.point(group.eye()) - vec3(1.0, 2.0, 0.0)).length() < 1e-4);
        let inner = group.inner(vec3(1.0, 0.0, 0.5), 0.2, 0.5);
        assert!((inner.point(inner.eye()) - vec3(1.0, 2.0, 0.0)).length() < 1e-4);
    }
}
