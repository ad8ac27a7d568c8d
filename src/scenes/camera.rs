//! The camera: upright lines stay upright, as architects photograph.

use super::math::{Vec3, cosine, sine, vec3};

/// Nearest depth that is drawn, metres.
const NEAR: f32 = 0.15;

/// Where the picture is taken from.
#[derive(Debug, Clone)]
pub(crate) struct Camera {
    /// Place in the world.
    pub(crate) at: Vec3,
    sine: f32,
    cosine: f32,
    /// Pixels a metre at a depth of one metre.
    pub(crate) focal: f32,
    /// Column of the optical axis.
    middle: f32,
    /// Row of the horizon.
    pub(crate) horizon: f32,
}

impl Camera {
    /// `turn` is in turns to the right, `focal` and `horizon` (from the top) in sides of the picture.
    pub(crate) fn new(side: usize, at: Vec3, turn: f32, focal: f32, horizon: f32) -> Camera {
        let side = side as f32;
        let (focal, horizon) = (focal * side, horizon * side);
        Camera { at, sine: sine(turn), cosine: cosine(turn), focal, middle: side / 2.0, horizon }
    }

    /// From the world to the camera's own axes.
    pub(crate) fn view(&self, point: Vec3) -> Vec3 {
        let from = point - self.at;
        vec3(self.cosine * from.x - self.sine * from.z, from.y, self.sine * from.x + self.cosine * from.z)
    }

    /// A direction from the camera's axes to the world.
    pub(crate) fn world(&self, v: Vec3) -> Vec3 {
        vec3(self.cosine * v.x + self.sine * v.z, v.y, self.cosine * v.z - self.sine * v.x)
    }

    /// Pixel of a point in the camera's axes, in front of it.
    pub(crate) fn pixel(&self, view: Vec3) -> (f32, f32) {
        let scale = self.focal / view.z.max(NEAR);
        (self.middle + view.x * scale, self.horizon - view.y * scale)
    }

    /// Direction of a pixel in the world; its depth along the axis is 1.
    pub(crate) fn ray(&self, x: f32, y: f32) -> Vec3 {
        self.world(vec3((x - self.middle) / self.focal, (self.horizon - y) / self.focal, 1.0))
    }

    /// Half of what the picture shows at a depth, metres.
    pub(crate) fn half_width(&self, depth: f32) -> f32 {
        depth * self.middle / self.focal
    }

    /// A polygon's part in front of the camera, in pixels; empty if there is none.
    pub(crate) fn outline(&self, points: &[Vec3]) -> Vec<(f32, f32)> {
        let mut out = Vec::with_capacity(points.len() + 2);
        let Some(&last) = points.last() else { return out };
        let mut last = self.view(last);
        for &point in points {
            let point = self.view(point);
            if (last.z < NEAR) != (point.z < NEAR) {
                let at = (NEAR - last.z) / (point.z - last.z);
                out.push(self.pixel(last + (point - last) * at));
            }
            if point.z >= NEAR {
                out.push(self.pixel(point));
            }
            last = point;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_lead_back_to_the_points_that_pixels_show() {
        let camera = Camera::new(128, vec3(1.0, 2.0, -3.0), 0.07, 0.9, 0.4);
        let point = vec3(2.0, 0.5, 9.0);
        let view = camera.view(point);
        let (x, y) = camera.pixel(view);
        let back = camera.at + camera.ray(x, y) * view.z;
        assert!((back - point).length() < 1e-4, "{back:?}");
    }

    #[test]
    fn what_is_behind_the_camera_is_cut_off() {
        let camera = Camera::new(128, Vec3::ZERO, 0.0, 1.0, 0.5);
        let floor = [vec3(-1.0, -1.0, -5.0), vec3(1.0, -1.0, -5.0), vec3(1.0, -1.0, 5.0), vec3(-1.0, -1.0, 5.0)];
        let outline = camera.outline(&floor);
        assert_eq!(outline.len(), 4);
        assert!(outline.iter().all(|(_, y)| *y > 64.0));
        assert!(camera.outline(&floor[..2]).is_empty());
    }
}
