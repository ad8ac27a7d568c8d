//! Light: sun, sky, lamps and haze, by time of day and weather.

use super::math::{Vec3, cosine, faded, mix, power, sine, vec3};
use super::random::Random;

/// Time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hour {
    Day,
    Golden,
    Dusk,
    Night,
}

/// What the sky does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Clear,
    Scattered,
    Overcast,
    Rain,
    Snow,
    Fog,
}

/// A lamp: place, colour times strength at a metre.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lamp {
    pub(crate) at: Vec3,
    pub(crate) color: Vec3,
}

/// All light of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Light {
    pub(crate) hour: Hour,
    pub(crate) weather: Weather,
    /// Direction to the sun or moon, length 1.
    pub(crate) sun: Vec3,
    pub(crate) sun_color: Vec3,
    /// Light from above and from below.
    pub(crate) above: Vec3,
    pub(crate) below: Vec3,
    pub(crate) zenith: Vec3,
    pub(crate) horizon: Vec3,
    /// Added round the sun.
    pub(crate) glow: Vec3,
    /// Share of the sky under cloud, 0 to 1.
    pub(crate) clouds: f32,
    /// Depth at which half of a thing's own colour is left, metres.
    pub(crate) haze: f32,
    /// How strong the sun's shadows are, 0 to 1.
    pub(crate) shadow: f32,
    pub(crate) lamps: Vec<Lamp>,
    /// Walls of a room, for the dark of its corners: half width, height, depth.
    pub(crate) room: Option<Vec3>,
    /// What all things of a scene have in common is drawn from this.
    pub(crate) style: u32,
}

impl Light {
    /// Light out of doors; weights of the hours (day, golden, dusk, night) and of the weather in the order of [`Weather`].
    pub(crate) fn outdoors(random: &mut Random, hours: [f32; 4], weathers: [f32; 6]) -> Light {
        let hour = [Hour::Day, Hour::Golden, Hour::Dusk, Hour::Night][random.weighted(&hours)];
        let mut weathers = weathers;
        if hour == Hour::Night {
            // Nothing would be left to see.
            weathers[5] = 0.0;
        }
        let weather =
            [Weather::Clear, Weather::Scattered, Weather::Overcast, Weather::Rain, Weather::Snow, Weather::Fog]
                [random.weighted(&weathers)];
        let mut light = Light::of_hour(hour, random);
        light.weather = weather;
        light.overcast(weather, random);
        light
    }

    /// Light in a room, before its windows and lamps.
    pub(crate) fn indoors(random: &mut Random, hours: [f32; 4]) -> Light {
        let hour = [Hour::Day, Hour::Golden, Hour::Dusk, Hour::Night][random.weighted(&hours)];
        let outside = Light::of_hour(hour, random);
        let (strength, tint) = match hour {
            Hour::Day => (random.range(0.46, 0.66), vec3(0.98, 1.0, 1.02)),
            Hour::Golden => (random.range(0.40, 0.54), vec3(1.10, 0.98, 0.84)),
            Hour::Dusk => (random.range(0.28, 0.38), vec3(1.02, 0.94, 0.98)),
            Hour::Night => (random.range(0.22, 0.32), vec3(1.10, 0.97, 0.82)),
        };
        let above = tint * strength;
        Light { sun_color: Vec3::ZERO, sun: Vec3::UP, above, below: above * 0.72, clouds: 0.0, ..outside }
    }

    fn of_hour(hour: Hour, random: &mut Random) -> Light {
        // Mostly from behind the camera or the side: z points away from it.
        let side = if random.chance(0.5) { 1.0 } else { -1.0 };
        let azimuth = side * if random.chance(0.25) { random.range(0.04, 0.15) } else { random.range(0.17, 0.42) };
        let height = match hour {
            Hour::Day => random.range(0.45, 0.8),
            Hour::Golden => random.range(0.22, 0.36),
            Hour::Dusk => random.range(0.05, 0.12),
            Hour::Night => random.range(0.4, 0.7),
        };
        let flat = (1.0f32 - height * height).sqrt();
        let sun = vec3(sine(azimuth) * flat, height, cosine(azimuth) * flat);
        let warm = random.unit();
        let (sun_color, above, below, zenith, horizon, glow) = match hour {
            Hour::Day => (
                vec3(0.98, 0.93, 0.82),
                vec3(0.30, 0.36, 0.45),
                vec3(0.20, 0.18, 0.14),
                mix(vec3(0.06, 0.19, 0.56), vec3(0.12, 0.32, 0.66), warm),
                mix(vec3(0.50, 0.68, 0.86), vec3(0.66, 0.76, 0.85), random.unit()),
                vec3(0.5, 0.45, 0.35),
            ),
            Hour::Golden => (
                vec3(1.10, 0.72, 0.38),
                vec3(0.27, 0.29, 0.38),
                vec3(0.20, 0.14, 0.09),
                mix(vec3(0.10, 0.20, 0.46), vec3(0.20, 0.24, 0.46), warm),
                mix(vec3(0.82, 0.62, 0.38), vec3(0.76, 0.66, 0.56), random.unit()),
                vec3(0.8, 0.5, 0.2),
            ),
            Hour::Dusk => (
                vec3(0.75, 0.30, 0.12),
                vec3(0.21, 0.19, 0.29),
                vec3(0.13, 0.10, 0.10),
                mix(vec3(0.05, 0.08, 0.24), vec3(0.11, 0.09, 0.24), warm),
                mix(vec3(0.80, 0.34, 0.14), vec3(0.62, 0.26, 0.30), random.unit()),
                vec3(1.0, 0.5, 0.12),
            ),
            Hour::Night => (
                vec3(0.05, 0.065, 0.10),
                vec3(0.050, 0.060, 0.110),
                vec3(0.03, 0.03, 0.038),
                mix(vec3(0.004, 0.007, 0.028), vec3(0.012, 0.010, 0.035), warm),
                mix(vec3(0.022, 0.032, 0.075), vec3(0.060, 0.038, 0.050), random.unit()),
                vec3(0.06, 0.07, 0.10),
            ),
        };
        Light {
            hour,
            weather: Weather::Clear,
            sun,
            sun_color,
            above,
            below,
            zenith,
            horizon,
            glow,
            clouds: random.range(0.0, 0.22),
            haze: random.range(900.0, 5000.0),
            shadow: if hour == Hour::Night { 0.5 } else { 0.85 },
            lamps: Vec::new(),
            room: None,
            style: random.seed(),
        }
    }

    /// Clouds take the sun's share and give some of it back from above.
    fn overcast(&mut self, weather: Weather, random: &mut Random) {
        let (cover, left, haze, longest) = match weather {
            Weather::Clear => return,
            Weather::Scattered => (random.range(0.32, 0.6), 1.0, 1.0, 1e6),
            Weather::Overcast => (random.range(0.8, 1.0), 0.22, 0.6, 1e6),
            Weather::Rain => (1.0, 0.06, 0.08, 600.0),
            Weather::Snow => (1.0, 0.10, 0.06, 400.0),
            Weather::Fog => (1.0, 0.08, 0.02, random.range(60.0, 120.0)),
        };
        self.clouds = cover;
        self.haze = (self.haze * haze).clamp(60.0, longest);
        if left < 1.0 {
            let lost = self.sun_color * (1.0 - left) * (self.sun.y * 0.5 + 0.1);
            let grey = Vec3::grey(lost.luminance());
            // What comes through clouds is a little blue, whatever the hour.
            let dull = |color: Vec3, by: f32| mix(color, vec3(0.94, 1.0, 1.08) * color.luminance(), by);
            self.sun_color = self.sun_color * left;
            self.above = dull(self.above + lost * 0.9, 0.7);
            self.below += grey * 0.35;
            self.shadow *= 0.35 + 0.5 * left;
            let strength = if weather == Weather::Rain { 0.62 } else { 0.92 };
            self.horizon = dull(self.horizon, 0.88) * strength;
            self.zenith = dull(mix(self.zenith, self.horizon, 0.6), 0.7) * strength;
            self.glow = self.glow * 0.15;
        }
    }

    /// The sky without its clouds in a direction of any length.
    pub(crate) fn sky(&self, direction: Vec3) -> Vec3 {
        let direction = direction.unit();
        let up = direction.y.clamp(0.0, 1.0);
        let low = 1.0 - up;
        let low = power(low, 4) * 0.75 + power(low, 2) * 0.25;
        let toward = direction.dot(self.sun).max(0.0);
        let side = 0.5 + 0.5 * vec3(direction.x, 0.0, direction.z).dot(vec3(self.sun.x, 0.0, self.sun.z).unit());
        let horizon = match self.hour {
            Hour::Dusk | Hour::Golden => mix(mix(self.horizon, self.zenith, 0.55), self.horizon, side),
            _ => self.horizon,
        };
        mix(self.zenith, horizon, low) + self.glow * (power(toward, 8) * 0.28 + power(toward, 48) * 0.5)
    }

    /// What a surface that faces `normal` sends out.
    pub(crate) fn shade(&self, at: Vec3, normal: Vec3, albedo: Vec3, sunlit: f32) -> Vec3 {
        let mut sum = mix(self.below, self.above, 0.5 + 0.5 * normal.y) * self.corner(at);
        sum += self.sun_color * (normal.dot(self.sun).max(0.0) * sunlit);
        for lamp in &self.lamps {
            let to = lamp.at - at;
            let square = to.dot(to) + 0.15;
            let facing = normal.dot(to) / square.sqrt();
            // A little goes round corners, as light that bounces does.
            sum += lamp.color * ((facing * 0.8 + 0.2).max(0.03) / square);
        }
        albedo * sum
    }

    /// How much of the light from everywhere reaches a place in a room: less along its edges.
    fn corner(&self, at: Vec3) -> f32 {
        let Some(room) = self.room else { return 1.0 };
        let near = |distance: f32| 1.0 - 0.30 * faded(distance.max(0.0), 0.22);
        near(at.x + room.x) * near(room.x - at.x) * near(at.y) * near(room.y - at.y) * near(room.z - at.z)
    }

    /// A colour seen through `depth` metres of air.
    pub(crate) fn hazed(&self, color: Vec3, ray: Vec3, depth: f32) -> Vec3 {
        if self.room.is_some() {
            return color;
        }
        let left = faded(depth, self.haze);
        let air = self.sky(vec3(ray.x, ray.y.max(0.0) * 0.3, ray.z));
        mix(air, color, left)
    }

    /// The same random numbers for all things of a kind in a scene.
    pub(crate) fn alike(&self, kind: u64) -> Random {
        Random::new(self.style.into(), &[kind])
    }

    /// Whether lamps are on.
    pub(crate) fn is_dark(&self) -> bool {
        matches!(self.hour, Hour::Night | Hour::Dusk)
    }
}
