//! Trees, bushes, flowers.

use crate::scenes::group::Group;
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::{Light, Weather};
use crate::scenes::math::{Vec3, cosine, mix, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::Surface;

/// Greens of summer, then what other seasons bring.
const LEAVES: [u32; 9] = [0x74A046, 0x5C8E3E, 0x84AA50, 0x4E7E44, 0x92A84A, 0x689438, 0xC8982E, 0xC05E2A, 0xD0AC3A];
const BLOSSOMS: [u32; 3] = [0xE3A9BE, 0xEDE3E3, 0xD986A8];
const BARKS: [u32; 4] = [0x5A4636, 0x6B5847, 0x4A3C32, 0x7C6B58];
pub(crate) const PETALS: [u32; 8] = [0xD23A34, 0xE8B83A, 0xE6E2EA, 0xC85A9A, 0x7E52B8, 0xE27A34, 0x4A66C8, 0xEFD65A];

/// A tree with a round crown.
pub(crate) fn broadleaf(group: &mut Group, random: &mut Random, light: &Light) {
    let height = random.range(5.5, 11.0);
    let wide = height * random.range(0.26, 0.40);
    let kind = random.unit();
    // Most scenes are of summer; trees of spring and autumn come together.
    let (blossom, autumn) =
        [(0.02, 0.06), (0.02, 0.06), (0.30, 0.0), (0.0, 0.65)][light.alike(4).weighted(&[2.0, 2.0, 1.0, 1.6])];
    let color = if kind < blossom {
        rgb(random.pick(&BLOSSOMS))
    } else if kind < blossom + autumn {
        rgb(random.pick(&LEAVES[5..]))
    } else {
        rgb(random.pick(&LEAVES[..6]))
    };
    let bark = Surface::bark(rgb(random.pick(&BARKS)));
    let low = height * random.range(0.20, 0.32);
    let lean = random.about(0.4);
    let thick = height * random.range(0.022, 0.034);
    let fork = vec3(lean * 0.5, low * 1.25, 0.0);
    group.limb(vec3(0.0, -0.2, 0.0), fork, (thick * 1.3, thick * 0.8), &bark, Object::Tree.with(Part::Trunk));
    for _ in 0..4 {
        let to = vec3(lean + random.about(wide), height * random.range(0.5, 0.7), random.about(wide));
        group.limb(fork, to, (thick * 0.6, thick * 0.25), &bark, Object::Tree.with(Part::Trunk));
    }
    let middle = vec3(lean, (height + low) / 2.0 + 0.3, 0.0);
    crown(group, random, light, middle, vec3(wide, (height - low) * 0.52, wide), color);
}

/// Puffs of leaves on and in an ellipsoid, the farthest first.
fn crown(group: &mut Group, random: &mut Random, light: &Light, middle: Vec3, radius: Vec3, color: Vec3) {
    let count = if group.distance() > 70.0 {
        16
    } else if group.distance() > 30.0 {
        34
    } else {
        64
    };
    let eye = (group.eye() - middle).unit();
    let mut puffs: Vec<(f32, Vec3, f32)> = (0..count)
        .map(|_| {
            let (turn, up) = (random.unit(), random.range(-1.0, 1.0));
            let flat = (1.0 - up * up).sqrt();
            let reach = 0.62 + 0.3 * random.unit();
            let on = vec3(flat * cosine(turn), up, flat * sine(turn)) * reach;
            (on.dot(eye), on, random.range(0.26, 0.42))
        })
        .collect();
    puffs.push((-2.0, Vec3::ZERO, 0.75));
    puffs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = radius.x * 0.13;
    let seed = random.seed();
    for (toward, on, share) in puffs {
        let tone = 0.86 + 0.20 * on.y + 0.14 * toward + random.about(0.18);
        let mut tint = mix(color, color * vec3(1.12, 1.05, 0.8), random.unit());
        if light.weather == Weather::Snow && on.y > 0.05 && random.chance(0.75) {
            tint = Vec3::grey(0.78);
        }
        let surface = Surface::leaves(tint * tone, size).seed(seed);
        let centre = middle + vec3(on.x * radius.x, on.y * radius.y, on.z * radius.z);
        let puff = vec3(radius.x, (radius.x + radius.y) / 2.0, radius.x) * share;
        group.blob(centre, puff, 0.30, Some(middle), &surface, Object::Tree.with(Part::Crown));
    }
}

/// A fir or spruce.
pub(crate) fn conifer(group: &mut Group, random: &mut Random, light: &Light) {
    let height = random.range(6.0, 14.0);
    let wide = height * random.range(0.15, 0.23);
    let color = rgb(random.pick(&[0x2F5236, 0x3A5F3A, 0x2B4A3E, 0x44663A, 0x3C5E50]));
    let bark = Surface::bark(rgb(0x54402F));
    group.limb(
        vec3(0.0, -0.2, 0.0),
        vec3(0.0, height * 0.3, 0.0),
        (height * 0.020, height * 0.016),
        &bark,
        Object::Tree.with(Part::Trunk),
    );
    let tiers = if group.distance() > 70.0 { 5 } else { 9 };
    let snowy = light.weather == Weather::Snow || random.chance(0.06);
    let seed = random.seed();
    for tier in 0..tiers {
        let part = tier as f32 / tiers as f32;
        let foot = height * (0.10 + 0.86 * part);
        let reach = wide * (1.0 - part) * random.range(0.88, 1.12);
        let tall = height * (1.45 / tiers as f32) * random.range(0.9, 1.1);
        let axis = vec3(0.0, foot + tall * 0.2, 0.0);
        let tone = random.range(0.85, 1.15);
        let surface = Surface::leaves(color * tone, 0.35).seed(seed);
        group.column(
            vec3(0.0, foot, 0.0),
            tall * 1.05,
            (reach * 0.86, reach * 0.05),
            &surface,
            Object::Tree.with(Part::Crown),
        );
        // Tips of the branches, drooping and torn.
        let tips = if group.distance() > 70.0 { 5 } else { 9 };
        for tip in 0..tips {
            let turn = (tip as f32 + random.unit() * 0.7) / tips as f32;
            let out = vec3(cosine(turn), 0.0, sine(turn));
            let centre = vec3(out.x * reach * 0.72, foot + tall * random.range(-0.02, 0.20), out.z * reach * 0.72);
            if out.dot(group.eye()) < -0.2 * group.eye().length() {
                continue;
            }
            let mut tint = color * (tone * random.range(0.75, 1.3));
            if snowy && random.chance(0.55) {
                tint = Vec3::grey(0.74);
            }
            let leaf = Surface::leaves(tint, 0.3).seed(seed);
            let size = vec3(reach * 0.36, tall * 0.17, reach * 0.36);
            group.blob(centre, size, 0.45, Some(axis), &leaf, Object::Tree.with(Part::Crown));
        }
    }
}

/// A birch or poplar: slender, pale.
pub(crate) fn slender(group: &mut Group, random: &mut Random, light: &Light) {
    let height = random.range(7.0, 13.0);
    let color = rgb(random.pick(&[0x7C9A48, 0x6B8F3E, 0x8AA04A, 0xC2A23C]));
    let bark = Surface::bark(rgb(0xC9C4B8)).second(rgb(0x6A645C));
    let lean = random.about(0.5);
    let top = vec3(lean, height * 0.8, 0.0);
    group.limb(vec3(0.0, -0.2, 0.0), top, (height * 0.017, height * 0.006), &bark, Object::Tree.with(Part::Trunk));
    let wide = height * random.range(0.12, 0.2);
    crown(group, random, light, vec3(lean * 0.8, height * 0.64, 0.0), vec3(wide, height * 0.34, wide), color);
}

/// Trunks close by, whose crowns are above the picture.
pub(crate) fn tall_trunk(group: &mut Group, random: &mut Random, light: &Light) {
    let mut alike = light.alike(5);
    let grain = rgb(alike.pick(&[0x5A4636, 0x7C6B58, 0x8A8478, 0x4A3C32, 0xB8B0A0, 0x8A5A40]));
    let thick = random.range(0.16, 0.42);
    let bark = Surface::bark(grain * random.range(0.8, 1.2)).seed(random.seed());
    let lean = random.about(0.7);
    let height = random.range(13.0, 18.0);
    let top = vec3(lean, height, 0.0);
    group.limb(vec3(0.0, -0.3, 0.0), top, (thick, thick * 0.55), &bark, Object::Tree.with(Part::Trunk));
    group.column(vec3(0.0, -0.3, 0.0), 0.9, (thick * 1.5, thick * 0.95), &bark, Object::Tree.with(Part::Trunk));
    for _ in 0..random.whole(0, 3) {
        let foot = mix(Vec3::ZERO, top, random.range(0.2, 0.6));
        let to = foot + vec3(random.about(2.2), random.range(0.6, 1.8), random.about(1.0));
        group.limb(foot, to, (thick * 0.22, thick * 0.07), &bark, Object::Tree.with(Part::Trunk));
    }
    let autumn = alike.chance(0.35);
    let color = rgb(if autumn { random.pick(&LEAVES[4..]) } else { random.pick(&LEAVES[..6]) });
    let wide = height * random.range(0.16, 0.24);
    crown(group, random, light, vec3(lean, height * 0.9, 0.0), vec3(wide, height * 0.3, wide), color);
}

/// A palm.
pub(crate) fn palm(group: &mut Group, random: &mut Random, _: &Light) {
    let height = random.range(5.0, 9.0);
    let bend = random.about(2.4);
    let bark = Surface::bark(rgb(0x85705A)).seed(random.seed());
    let at = |part: f32| vec3(bend * part * part, height * part, 0.0);
    for step in 0..5 {
        let (from, to) = (step as f32 / 5.0, (step + 1) as f32 / 5.0);
        let radius = |part: f32| 0.24 - 0.10 * part;
        group.limb(at(from), at(to), (radius(from), radius(to)), &bark, Object::Palm.with(Part::Trunk));
    }
    let top = at(1.0);
    let color = rgb(random.pick(&[0x4F8A3C, 0x5E9444, 0x3F7A40, 0x7A9440]));
    let count = random.whole(11, 15);
    let mut fronds: Vec<(f32, f32)> =
        (0..count).map(|frond| ((frond as f32 + random.unit() * 0.5) / count as f32, random.range(0.1, 0.9))).collect();
    // The far ones first.
    fronds.sort_by(|a, b| sine(b.0).total_cmp(&sine(a.0)));
    for (turn, raise) in fronds {
        frond(group, top, turn, raise, random.range(2.2, 3.2), &Surface::leaves(color * random.range(0.75, 1.2), 0.15));
    }
    for _ in 0..3 {
        group.ball(
            top + vec3(random.about(0.25), -0.2, random.about(0.2) - 0.15),
            vec3(0.13, 0.15, 0.13),
            &Surface::of(rgb(0x6B4A2C), Material::Wood),
            Object::Palm,
        );
    }
}

/// A frond: rises, then droops; two rows of leaflets hang from its rib.
fn frond(group: &mut Group, top: Vec3, turn: f32, raise: f32, long: f32, leaf: &Surface) {
    let out = vec3(cosine(turn), 0.0, sine(turn));
    let across = vec3(-out.z, 0.0, out.x);
    let rib = |part: f32| top + out * (long * part) + vec3(0.0, long * (raise * part - 0.95 * part * part), 0.0);
    let wide = |part: f32| 0.40 * (1.0 - part) * (0.25 + part * 2.6).min(1.0) + 0.02;
    for step in 0..5 {
        let (a, b) = (step as f32 / 5.0, (step + 1) as f32 / 5.0);
        for side in [-1.0, 1.0] {
            let hang = |part: f32| rib(part) + across * (side * wide(part)) + vec3(0.0, -0.35 * wide(part) - 0.05, 0.0);
            group.sheet(&[rib(a), rib(b), hang(b + 0.05), hang(a + 0.08)], leaf, Object::Palm.with(Part::Leaf));
        }
    }
}

/// A bush.
pub(crate) fn bush(group: &mut Group, random: &mut Random, light: &Light) {
    let wide = random.range(0.6, 1.3);
    let color = rgb(random.pick(&LEAVES[..6])) * 0.9;
    let high = wide * random.range(0.6, 0.9);
    shrub(group, random, light, wide, high, color, Object::Bush);
}

/// A clipped hedge along x.
pub(crate) fn hedge(group: &mut Group, random: &mut Random, light: &Light) {
    let color = rgb(random.pick(&[0x3F6B38, 0x4C7A34, 0x35592F]));
    for step in 0..8 {
        let mut part = group.inner(vec3(step as f32 * 0.8 - 3.2, 0.0, 0.0), 0.0, 1.0);
        shrub(&mut part, random, light, 0.62, 0.62, color, Object::Bush);
        group.add(part);
    }
}

fn shrub(group: &mut Group, random: &mut Random, light: &Light, wide: f32, high: f32, color: Vec3, object: Object) {
    let middle = vec3(0.0, high * 0.55, 0.0);
    let seed = random.seed();
    let mut puffs: Vec<Vec3> =
        (0..16).map(|_| vec3(random.about(1.0), random.range(-0.45, 0.6), random.about(0.8))).collect();
    puffs.sort_by(|a, b| (b.z + b.y * 0.3).total_cmp(&(a.z + a.y * 0.3)));
    for on in puffs {
        let mut tint = color * (0.85 + 0.25 * on.y + random.about(0.2));
        if light.weather == Weather::Snow && on.y > 0.2 {
            tint = Vec3::grey(0.78);
        }
        let surface = Surface::leaves(tint, wide * 0.2).seed(seed);
        let centre = middle + vec3(on.x * wide * 0.8, on.y * high * 0.7, on.z * wide * 0.6);
        group.blob(centre, vec3(wide, high, wide) * 0.42, 0.3, Some(vec3(0.0, 0.1, 0.0)), &surface, object);
    }
}

/// A clump of flowers.
pub(crate) fn flowers(group: &mut Group, random: &mut Random, _: &Light) {
    let color = rgb(random.pick(&PETALS));
    let leaf = Surface::leaves(rgb(0x4C7A34), 0.1);
    for _ in 0..5 {
        let at = vec3(random.about(0.7), 0.1, random.about(0.5));
        group.blob(at, vec3(0.2, 0.16, 0.2), 0.4, None, &leaf, Object::Flower);
    }
    for _ in 0..random.whole(8, 16) {
        let at = vec3(random.about(0.8), random.range(0.16, 0.42), random.about(0.6));
        let petal = Surface::of(mix(color, rgb(random.pick(&PETALS)), 0.15), Material::Foliage);
        group.ball(at, Vec3::grey(random.range(0.055, 0.10)), &petal, Object::Flower);
    }
}

/// A saguaro or a clump of round cacti.
pub(crate) fn cactus(group: &mut Group, random: &mut Random, _: &Light) {
    let color = rgb(random.pick(&[0x5B7F4A, 0x6B8A52, 0x4A6F4A]));
    let skin = Surface::new(color, crate::scenes::surface::Pattern::Bands(0.05, true), Some(Material::Foliage))
        .second(color * 0.62);
    if random.chance(0.25) {
        for _ in 0..5 {
            let radius = random.range(0.2, 0.4);
            let at = vec3(random.about(0.7), radius * 0.7, random.about(0.5));
            group.ball(at, Vec3::grey(radius), &skin, Object::Cactus);
        }
        return;
    }
    let height = random.range(2.4, 4.6);
    let thick = height * 0.062;
    let arms = random.whole(1, 3);
    group.limb(Vec3::ZERO, vec3(0.0, height, 0.0), (thick, thick * 0.85), &skin, Object::Cactus);
    for arm in 0..arms {
        let side = if arm % 2 == 0 { 1.0 } else { -1.0 };
        let (from, reach, up) =
            (height * random.range(0.35, 0.6), height * random.range(0.14, 0.2), height * random.range(0.18, 0.36));
        let elbow = vec3(side * reach, from + 0.1, random.about(0.2));
        group.limb(vec3(0.0, from, 0.0), elbow, (thick * 0.6, thick * 0.62), &skin, Object::Cactus);
        group.limb(elbow, elbow + vec3(0.0, up, 0.0), (thick * 0.62, thick * 0.55), &skin, Object::Cactus);
    }
}

/// A plant in a pot, for rooms.
pub(crate) fn potted(group: &mut Group, random: &mut Random, _: &Light) {
    let pot = Surface::ceramic(rgb(random.pick(&[0xB5683F, 0xE6E0D6, 0x4A5560, 0x8A7A60])));
    let (high, wide) = (random.range(0.28, 0.42), random.range(0.15, 0.2));
    group.column(Vec3::ZERO, high, (wide * 0.75, wide), &pot, Object::PottedPlant);
    let color = rgb(random.pick(&[0x4C7A34, 0x3F6B38, 0x5E8C3A]));
    let count = random.whole(12, 18);
    let tall = random.range(0.6, 1.15);
    let mut leaves: Vec<f32> = (0..count).map(|leaf| leaf as f32 / count as f32).collect();
    leaves.sort_by(|a, b| sine(*b).total_cmp(&sine(*a)));
    for turn in leaves {
        let (reach, up) = (random.range(0.18, 0.5), tall * random.range(0.55, 1.0));
        let foot = vec3(0.0, high, 0.0);
        let out = vec3(cosine(turn), 0.0, sine(turn));
        let tip = foot + out * reach + vec3(0.0, up, 0.0);
        let bend = mix(foot, tip, 0.55) + vec3(0.0, 0.14, 0.0);
        let across = vec3(-out.z, 0.15, out.x) * random.range(0.05, 0.10);
        let leaf = Surface::leaves(color * random.range(0.75, 1.25), 0.08);
        group.sheet(&[foot, bend + across, tip, bend - across], &leaf, Object::PottedPlant.with(Part::Leaf));
    }
}
