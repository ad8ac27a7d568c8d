//! The sky: clouds, stars and the moon.

use super::labels::Object;
use super::light::{Hour, Light, Weather};
use super::math::{Vec3, mix, power, smooth, vec3};
use super::noise::{fractal, lattice};
use super::random::Random;
use super::stage::Stage;

/// Clouds and stars of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Sky {
    seed: u32,
    /// Size of clouds.
    size: f32,
    /// Flat layers (small) or heaps (large).
    heap: f32,
    moon: Option<Vec3>,
}

impl Sky {
    pub(crate) fn new(random: &mut Random, light: &Light) -> Sky {
        let moon = (light.hour == Hour::Night && light.clouds < 0.7 && random.chance(0.6))
            .then(|| vec3(random.range(-0.42, 0.42), random.range(0.2, 0.42), 1.0).unit());
        Sky { seed: random.seed(), size: random.range(0.9, 1.9), heap: random.unit(), moon }
    }

    /// Paints the whole picture with sky.
    pub(crate) fn paint(&self, stage: &mut Stage) {
        let side = stage.canvas.side();
        for y in 0..side {
            for x in 0..side {
                let ray = stage.camera.ray(x as f32 + 0.5, y as f32 + 0.5);
                let (color, cover, moon) = self.color(&stage.light, ray, 1.0 / stage.camera.focal);
                stage.canvas.tint(x, y, color, 1.0);
                let object = if moon {
                    Object::Moon
                } else if cover >= 0.5 {
                    Object::Cloud
                } else {
                    Object::Sky
                };
                stage.canvas.set_tag(x, y, object.into());
            }
        }
    }

    /// Colour in a direction, how much of it is cloud, and whether it is the moon.
    pub(crate) fn color(&self, light: &Light, ray: Vec3, pixel: f32) -> (Vec3, f32, bool) {
        let direction = ray.unit();
        let mut color = light.sky(direction);
        let mut on_moon = false;
        if light.hour == Hour::Night {
            color += self.stars(direction, pixel) * (1.0 - light.clouds).max(0.0);
            if let Some(moon) = self.moon {
                let off = (direction - moon).length();
                on_moon = off < 0.035;
                let face = 0.85 + 0.3 * fractal(direction.x * 60.0, direction.y * 60.0, 3, 0.0, self.seed);
                color = mix(color, vec3(0.80, 0.80, 0.70) * face, smooth(0.035 + pixel, 0.035 - pixel, off));
                color += vec3(0.10, 0.11, 0.14) * power((1.0 - off).max(0.0), 12);
            }
        } else if direction.dot(light.sun) > 0.9985 && light.clouds < 0.7 {
            color = mix(color, vec3(2.4, 2.2, 1.8), smooth(0.9985, 0.9995, direction.dot(light.sun)));
        }
        let (cloud, cover) = self.cloud(light, direction);
        on_moon &= cover < 0.5;
        (mix(color, cloud, cover), cover, on_moon)
    }

    fn stars(&self, direction: Vec3, pixel: f32) -> Vec3 {
        let (u, v) = (direction.x * 60.0, direction.y * 60.0);
        let (i, j) = (u.floor() as i32, v.floor() as i32);
        let bright = lattice(i, j, self.seed);
        if bright < 0.86 {
            return Vec3::ZERO;
        }
        let (x, y) = (
            u - u.floor() - 0.2 - 0.6 * lattice(i, j, self.seed ^ 1),
            v - v.floor() - 0.2 - 0.6 * lattice(i, j, self.seed ^ 2),
        );
        let reach = (36.0 * pixel).max(0.03);
        let near = (1.0 - (x * x + y * y) / (reach * reach)).max(0.0);
        Vec3::grey(near * (bright - 0.85) * 3.6 * smooth(0.02, 0.3, direction.y))
    }

    /// Colour and density of clouds in a direction.
    fn cloud(&self, light: &Light, direction: Vec3) -> (Vec3, f32) {
        if light.clouds <= 0.0 || direction.y < -0.02 {
            return (Vec3::ZERO, 0.0);
        }
        let up = direction.y.max(0.0);
        // Clouds lie on a layer bent down to the horizon; heaps stand up on it.
        let far = 1.0 / (up + 0.16);
        let (u, v) = (direction.x * far * 1.5 / self.size, (far * 1.3 + up * 2.0 * self.heap) / self.size);
        let density = |u: f32, v: f32| {
            fractal(u, v * 1.25, 5, 0.0, self.seed) + 0.22 * fractal(u * 0.4 + 9.0, v * 0.4, 2, 0.0, self.seed ^ 77)
        };
        let here = density(u, v);
        let level = 0.52 - 1.12 * light.clouds;
        let overcast = smooth(0.75, 0.95, light.clouds);
        let mut cover = smooth(level, level + mix(0.20, 0.75, overcast), here);
        cover = cover.max(overcast * 0.9) * smooth(-0.01, 0.05, up);
        let toward = light.sun;
        let there = density(u + toward.x * 0.16, v - toward.y * 0.20);
        let thick = smooth(level, level + 0.6, here);
        let bright = (0.62 + 1.5 * (here - there) - 0.30 * thick).clamp(0.0, 1.0);
        let white = light.sun_color * 0.72 + light.above * 0.9;
        let grey = mix(light.zenith, light.horizon, 0.5) * 0.55 + light.above * 0.42;
        let (white, grey) = match light.weather {
            Weather::Rain => (light.horizon * 0.95, light.horizon * 0.5),
            Weather::Overcast | Weather::Snow | Weather::Fog => (light.horizon * 1.04, light.horizon * 0.68),
            _ => (white, grey),
        };
        let mut color = mix(grey, white, bright);
        let glow = power(direction.dot(light.sun).max(0.0), 6);
        color += light.glow * (glow * 0.35 * (1.0 - thick * 0.6));
        // Far clouds take the colour of the air before them.
        (mix(light.sky(direction), color, 0.35 + 0.65 * smooth(0.0, 0.3, up)), cover)
    }
}
