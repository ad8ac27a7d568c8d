//! From a class to a picture: what stands where, what is drawn after what.

use super::camera::Camera;
use super::canvas::Canvas;
use super::class::{Class, Item, Place, Room, Setting, View, Wall};
use super::finish;
use super::grounds;
use super::group::{Group, Piece, Side, block};
use super::labels::{Object, Tag};
use super::light::{Light, Weather};
use super::math::{Vec3, vec3};
use super::random::Random;
use super::sky::Sky;
use super::stage::Stage;
use super::surface::Surface;

/// A finished picture with what each pixel shows.
pub(crate) struct Composed {
    /// Red, green, blue, row by row.
    pub(crate) rgb: Vec<u8>,
    pub(crate) tags: Vec<Tag>,
}

/// Attempts to find a free place.
const ATTEMPTS: u32 = 24;
/// Street lamps and the like that light a scene, the nearest.
const LAMPS: usize = 5;

/// Renders a picture of a class from its own stream of random numbers.
pub(crate) fn compose(class: &Class, random: &mut Random, side: usize) -> Composed {
    let mut stage = match &class.setting {
        Setting::Outdoors { view, hours, weathers } => {
            let light = Light::outdoors(&mut random.fork(), *hours, *weathers);
            let mut view = view(&mut random.fork());
            outdoors(class, &mut view, light, random, side)
        }
        Setting::Indoors { room, hours } => {
            let light = Light::indoors(&mut random.fork(), *hours);
            let room = room(&mut random.fork());
            indoors(class, &room, light, random, side)
        }
    };
    finish::reflections(&mut stage, random.seed());
    let rgb = finish::develop(&stage, random);
    let tags = (0..side * side).map(|at| stage.canvas.tag(at % side, at / side)).collect();
    Composed { rgb, tags }
}

/// Places that are taken: x, z, radius; and what must stay in sight: the slopes of its left and right side, and how far it is.
#[derive(Default)]
struct Taken {
    places: Vec<(f32, f32, f32)>,
    sight: Option<(f32, f32, f32)>,
}

/// Half of what a thing takes up, from which on it is what the picture is about, metres.
const LARGE: f32 = 4.0;

impl Taken {
    fn is_free(&self, x: f32, z: f32, radius: f32) -> bool {
        self.places.iter().all(|&(tx, tz, other)| {
            let (dx, dz, reach) = (tx - x, tz - z, radius + other);
            dx * dx + dz * dz > reach * reach
        })
    }

    /// Whether a thing at a place in the camera's axes leaves the view free.
    fn leaves_sight(&self, view: Vec3, radius: f32) -> bool {
        self.sight.is_none_or(|(left, right, depth)| {
            view.z > depth || view.x + radius < left * view.z || view.x - radius > right * view.z
        })
    }
}

/// Something that stands somewhere.
struct Thing {
    /// Height of the ground under it.
    ground: f32,
    /// Too large to leave out because a rise of the ground hides its foot.
    large: bool,
    group: Group,
}

fn outdoors(class: &Class, view: &mut View, light: Light, random: &mut Random, side: usize) -> Stage {
    if light.weather == Weather::Snow {
        grounds::snowed(&mut view.ground.zones);
    }
    let view = &*view;
    let foot = view.ground.relief.height(0.0, 0.0);
    let eye = vec3(0.0, foot + view.eye, 0.0);
    let camera = Camera::new(side, eye, view.turn, view.focal, view.horizon);
    let sky = Sky::new(&mut random.fork(), &light);
    let mut stage = Stage { camera, light, canvas: Canvas::new(side) };
    sky.paint(&mut stage);
    let mut ground_random = random.fork();
    let mut taken = Taken::default();
    let mut things = Vec::new();
    for item in class.items {
        let mut random = ground_random.fork();
        for at in places(item, view, &stage.camera, &mut random, &mut taken) {
            let turn = random.range(item.turn.0, item.turn.1);
            let mut group = Group::new(at, turn, random.range(item.scale.0, item.scale.1), eye);
            (item.make)(&mut group, &mut random.fork(), &stage.light);
            things.push(Thing { ground: at.y - item.lift, large: item.radius >= LARGE, group });
        }
    }
    things.sort_by(|a, b| b.group.distance().total_cmp(&a.group.distance()));
    stage.light.lamps = things.iter().rev().flat_map(|thing| thing.group.lamps.clone()).take(LAMPS).collect();
    let depths = view.ground.paint(&mut stage, &sky);
    things.retain(|thing| thing.large || is_seen(&stage.camera, &depths, side, &thing.group));
    // What lies flat belongs to the ground.
    let (flat, things): (Vec<Thing>, Vec<Thing>) = things.into_iter().partition(|thing| thing.group.is_flat());
    flat.iter().flat_map(|thing| &thing.group.pieces).for_each(|piece| stage.draw(piece));
    let pieces: Vec<(f32, &Piece)> =
        things.iter().flat_map(|thing| thing.group.pieces.iter().map(|piece| (thing.ground, piece))).collect();
    let (sun, strength) = (stage.light.sun, stage.light.shadow);
    let is_dry = |tag: Tag| {
        !matches!(
            tag.object(),
            Some(
                Object::Sky
                    | Object::Cloud
                    | Object::Moon
                    | Object::Sea
                    | Object::Lake
                    | Object::River
                    | Object::Mountain
            )
        )
    };
    let direct = stage.light.sun_color.luminance() * sun.y;
    let share = direct / (direct + stage.light.above.luminance());
    stage.shadows(&pieces, sun, (strength * share, 0.8), is_dry);
    stage.shadows(&pieces, Vec3::UP, (0.30, 1.6), is_dry);
    pieces.iter().for_each(|(_, piece)| stage.draw(piece));
    stage
}

/// Whether the ground hides the foot of a thing.
fn is_seen(camera: &Camera, depths: &[f32], side: usize, group: &Group) -> bool {
    let foot = camera.view(group.point(Vec3::ZERO));
    if foot.z < 0.3 {
        return true;
    }
    let (x, y) = camera.pixel(foot);
    if x < 0.0 || y < 1.0 || x >= side as f32 || y >= side as f32 {
        return true;
    }
    // A pixel above the foot, where the ground behind it may show.
    let depth = depths[(y as usize - 1) * side + x as usize];
    depth > foot.z * 0.85
}

/// Where things of a kind stand, in the world.
fn places(item: &Item, view: &View, camera: &Camera, random: &mut Random, taken: &mut Taken) -> Vec<Vec3> {
    let ground = &view.ground;
    let mut found = Vec::new();
    let may_stand =
        |x: f32, z: f32| item.on.is_empty() || ground.object_at(x, z).is_some_and(|object| item.on.contains(&object));
    let stand = |x: f32, z: f32, taken: &mut Taken| {
        let at = vec3(x, ground.relief.height(x, z) + item.lift, z);
        let seen = camera.view(at);
        let fits = taken.is_free(x, z, item.radius) && may_stand(x, z);
        (fits && (!item.tall || taken.leaves_sight(seen, item.radius))).then(|| {
            taken.places.push((x, z, item.radius));
            if item.radius >= LARGE && matches!(item.place, Place::View { .. }) {
                let (middle, half) = (seen.x / seen.z, item.radius * 0.75 / seen.z);
                taken.sight.get_or_insert((middle - half, middle + half, seen.z));
            }
            at
        })
    };
    if let Place::Row { x, jitter, z, step } = item.place {
        let mut at = z.0 + random.range(0.0, step * 0.8);
        while at < z.1 {
            if random.chance(item.chance) {
                let x = view.line.x(at) + x + random.about(jitter);
                found.extend(stand(x, at + random.about(jitter * 0.5), taken));
            }
            at += step * random.range(0.9, 1.15);
        }
        return found;
    }
    if !random.chance(item.chance) {
        return found;
    }
    for _ in 0..random.whole(item.count.0, item.count.1) {
        for _ in 0..ATTEMPTS {
            let spot = match item.place {
                Place::View { x, z } => {
                    let at = in_view(camera, random, x, z);
                    stand(at.x, at.z, taken)
                }
                Place::Line { x, z } => {
                    let z = random.range(z.0, z.1);
                    stand(view.line.x(z) + random.range(x.0, x.1), z, taken)
                }
                Place::Air { x, y, z } => {
                    let at = in_view(camera, random, x, z);
                    Some(vec3(at.x, random.range(y.0, y.1), at.z))
                }
                _ => return found,
            };
            if let Some(spot) = spot {
                found.push(spot);
                break;
            }
        }
    }
    found
}

fn in_view(camera: &Camera, random: &mut Random, x: (f32, f32), z: (f32, f32)) -> Vec3 {
    // The square of an even number: as many things a metre of picture near and far.
    let near = random.unit();
    let depth = z.0 + (z.1 - z.0) * near * (0.4 + 0.6 * near);
    camera.at + camera.world(vec3(random.range(x.0, x.1) * camera.half_width(depth), 0.0, depth))
}

fn indoors(class: &Class, room: &Room, mut light: Light, random: &mut Random, side: usize) -> Stage {
    light.room = Some(vec3(room.half, room.height, room.depth));
    let camera = Camera::new(side, room.at, room.turn, room.focal, room.horizon);
    let mut taken = Taken::default();
    let mut walls: Vec<(Wall, f32, f32, (f32, f32))> = Vec::new();
    let (mut mounted, mut standing) = (Vec::new(), Vec::new());
    for item in class.items {
        let mut random = random.fork();
        let spots = match item.place {
            Place::Wall { .. } => wall_spots(item, room, &mut random, &mut walls, &mut taken),
            _ => floor_spots(item, room, &mut random, &mut taken),
        };
        for (at, turn) in spots {
            let turn = turn + random.range(item.turn.0, item.turn.1);
            let mut group = Group::new(at, turn, random.range(item.scale.0, item.scale.1), room.at);
            (item.make)(&mut group, &mut random.fork(), &light);
            let flat = matches!(item.place, Place::Wall { span: (low, _), .. } if low > 0.3);
            if flat { mounted.push(group) } else { standing.push(group) }
        }
    }
    let lamps = mounted.iter().chain(&standing).flat_map(|group| group.lamps.clone());
    light.lamps = lamps.take(2 * LAMPS).collect();
    let mut stage = Stage { camera, light, canvas: Canvas::new(side) };
    shell(room).pieces.iter().for_each(|piece| stage.draw(piece));
    mounted.iter().flat_map(|group| &group.pieces).for_each(|piece| stage.draw(piece));
    standing.sort_by(|a, b| b.distance().total_cmp(&a.distance()));
    // Rugs lie on the floor before anything stands on them.
    let (flat, standing): (Vec<Group>, Vec<Group>) = standing.into_iter().partition(Group::is_flat);
    flat.iter().flat_map(|group| &group.pieces).for_each(|piece| stage.draw(piece));
    let pieces: Vec<(f32, &Piece)> =
        standing.iter().flat_map(|group| group.pieces.iter().map(|piece| (0.0, piece))).collect();
    let on_floor = |tag: Tag| matches!(tag.object(), Some(Object::Floor | Object::Rug));
    let from = vec3(random.range(-0.4, 0.4), 1.0, random.range(-0.3, 0.3)).unit();
    stage.shadows(&pieces, from, (0.42, 1.4), on_floor);
    stage.shadows(&pieces, Vec3::UP, (0.30, 3.0), on_floor);
    pieces.iter().for_each(|(_, piece)| stage.draw(piece));
    stage
}

/// Walls, floor and ceiling.
fn shell(room: &Room) -> Group {
    let mut group = Group::new(Vec3::ZERO, 0.0, 1.0, room.at);
    let (w, h, d) = (room.half, room.height, room.depth);
    let near = -3.0;
    let flat = |y: f32| [vec3(-w, y, near), vec3(w, y, near), vec3(w, y, d), vec3(-w, y, d)];
    let mut up = flat(h);
    up.reverse();
    group.face(&flat(0.0), &room.floor, Object::Floor);
    group.face(&up, &room.ceiling, Object::Ceiling);
    let walls = [
        (block((-w, w), (0.0, h), (d, d + 0.1)), Side::Front),
        (block((-w - 0.1, -w), (0.0, h), (near, d)), Side::Right),
        (block((w, w + 0.1), (0.0, h), (near, d)), Side::Left),
    ];
    let board = Surface::wood(room.floor.color * 0.8);
    for (b, side) in walls {
        let long = b.length(side);
        group.panel(b, side, (0.0, long), (0.0, h), 0.0, &room.wall, Object::Wall);
        if let Some((surface, top)) = &room.dado {
            group.panel(b, side, (0.0, long), (0.0, *top), 0.005, surface, Object::Wall);
            group.panel(
                b,
                side,
                (0.0, long),
                (*top, *top + 0.05),
                0.012,
                &Surface { color: surface.color * 0.8, ..*surface },
                Object::Wall,
            );
        }
        group.panel(b, side, (0.0, long), (0.0, 0.11), 0.014, &board, Object::Wall);
    }
    group
}

/// Places against walls: the foot of the wall and the turn that faces the room.
fn wall_spots(
    item: &Item,
    room: &Room,
    random: &mut Random,
    walls: &mut Vec<(Wall, f32, f32, (f32, f32))>,
    taken: &mut Taken,
) -> Vec<(Vec3, f32)> {
    let Place::Wall { walls: on, width, span } = item.place else { return Vec::new() };
    let mut spots = Vec::new();
    if !random.chance(item.chance) {
        return spots;
    }
    for _ in 0..random.whole(item.count.0, item.count.1) {
        for _ in 0..ATTEMPTS {
            let wall = random.pick(on);
            // What is beside or behind the camera would not be seen.
            let reach = match wall {
                Wall::Back => (-room.half, room.half),
                Wall::Left | Wall::Right => (room.depth * 0.42, room.depth),
            };
            let half = width / 2.0;
            if reach.1 - reach.0 < width {
                continue;
            }
            let along = random.range(reach.0 + half, reach.1 - half);
            let clear = |&(other, from, to, (low, high)): &(Wall, f32, f32, (f32, f32))| {
                other != wall || along + half <= from || along - half >= to || span.1 <= low || span.0 >= high
            };
            let (x, z, turn) = match wall {
                Wall::Back => (along, room.depth, 0.0),
                Wall::Left => (-room.half, along, 0.25),
                Wall::Right => (room.half, along, -0.25),
            };
            let stands = span.0 < 0.3;
            // A little before the wall, where a thing that stands has its middle.
            let inward = |x: f32, by: f32| if wall == Wall::Back { (x, z - by) } else { (x - x.signum() * by, z) };
            let (mx, mz) = inward(x, item.radius * 0.8);
            if walls.iter().all(clear) && (!stands || taken.is_free(mx, mz, item.radius * 0.8)) {
                walls.push((wall, along - half, along + half, span));
                if stands {
                    taken.places.push((mx, mz, item.radius * 0.8));
                }
                spots.push((vec3(x, 0.0, z), turn));
                break;
            }
        }
    }
    spots
}

/// Places on the floor or ceiling.
fn floor_spots(item: &Item, room: &Room, random: &mut Random, taken: &mut Taken) -> Vec<(Vec3, f32)> {
    let mut spots = Vec::new();
    let at = |x: f32, z: f32| (x * room.half, z * room.depth);
    match item.place {
        Place::Grid { x, z, step } => {
            let ((x0, z0), (x1, z1)) = (at(x.0, z.0), at(x.1, z.1));
            let (columns, rows) = (((x1 - x0) / step.0) as u32, ((z1 - z0) / step.1) as u32);
            for row in 0..=rows {
                for column in 0..=columns {
                    let spot = vec3(x0 + step.0 * column as f32, 0.0, z0 + step.1 * row as f32);
                    // Nothing under the camera.
                    if random.chance(item.chance) && (spot - vec3(room.at.x, 0.0, room.at.z)).length() > 1.3 {
                        spots.push((spot, 0.0));
                    }
                }
            }
        }
        Place::Floor { x, z } | Place::Ceiling { x, z } if random.chance(item.chance) => {
            let above = matches!(item.place, Place::Ceiling { .. });
            for _ in 0..random.whole(item.count.0, item.count.1) {
                for _ in 0..ATTEMPTS {
                    let (x, z) = at(random.range(x.0, x.1), random.range(z.0, z.1));
                    if above || item.radius == 0.0 || taken.is_free(x, z, item.radius) {
                        if !above && item.radius > 0.0 {
                            taken.places.push((x, z, item.radius));
                        }
                        spots.push((vec3(x, if above { room.height } else { 0.0 }, z), 0.0));
                        break;
                    }
                }
            }
        }
        _ => {}
    }
    spots
}
