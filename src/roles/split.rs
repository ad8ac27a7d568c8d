//! A generator in two parts: the head runs once for each latent, the tail again and again with edits of its input.

use crate::concepts::{ConceptSource, LabelMaps, MadeImages};
use crate::data::Origin;
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording};
use crate::session::{Edit, Session};
use crate::tensor::{HostTensor, Shape};

/// A generator cut behind a layer, as [`crate::graph::Graph::split`] cuts it. Maps and images stay on the device.
pub struct Split<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// From the latent to the layer.
    pub head: &'a Session,
    /// From the layer to the image; its input is edited.
    pub tail: &'a mut Session,
}

impl Split<'_> {
    /// Shape of the layer for one image.
    pub fn layer(&self) -> Shape {
        let graph = self.tail.graph();
        graph.node(graph.input()).shape
    }

    /// Name of the layer's node.
    pub fn cut(&self) -> String {
        let graph = self.tail.graph();
        graph.node(graph.input()).name.clone()
    }

    /// Runs the head on `n` latents `[n, z]`.
    ///
    /// # Errors
    /// What the device reports.
    pub fn begin(&self, latents: &[f32], n: u32) -> Result<()> {
        self.head.upload(latents, n)?;
        self.gpu.submit(&self.gpu.program(self.head.record(n)?)?)?;
        Ok(())
    }

    /// Runs the tail on copies of the layer's maps: one for each of `places`, a place among the head's batch; edited if `edit`
    /// says so. The images stay on the device until the next call.
    ///
    /// # Errors
    /// What the device reports.
    pub fn images(&mut self, places: &[u32], edit: Option<&Edit>) -> Result<()> {
        let cut = self.cut();
        self.tail.edit(&cut, edit)?;
        let n = places.len() as u32;
        let bytes = self.layer().bytes();
        let mut recording = Recording::new();
        let (from, to) = (self.head.value(&cut, self.head.batch())?.0, self.tail.value(&cut, n)?.0);
        for (place, &source) in (0u64..).zip(places) {
            recording.copy(from, u64::from(source) * bytes, to, place * bytes, bytes)?;
        }
        self.gpu.submit(&self.gpu.program(recording)?)?;
        self.gpu.submit(&self.gpu.program(self.tail.record(n)?)?)?;
        Ok(())
    }

    /// Where the last `n` images are.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if the tail makes none.
    pub fn made(&self, n: u32) -> Result<(&Buffer, Shape)> {
        let graph = self.tail.graph();
        self.tail.value(&graph.node(graph.output()).name, n)
    }

    /// The last `n` images, read from the device.
    ///
    /// # Errors
    /// What the device reports.
    pub fn read(&self, n: u32) -> Result<HostTensor> {
        let graph = self.tail.graph();
        self.tail.read(&graph.node(graph.output()).name, n)
    }

    /// Label maps of the last images, one for each name. `origins` says what each follows from, and is empty if units are edited.
    ///
    /// # Errors
    /// As [`ConceptSource::label_maps_on_device`].
    pub fn label_maps(
        &self,
        concepts: &dyn ConceptSource,
        (names, origins): (&[String], &[Origin]),
        grid: (u32, u32),
    ) -> Result<Vec<LabelMaps>> {
        let (buffer, shape) = self.made(names.len() as u32)?;
        concepts.label_maps_on_device(self.gpu, &MadeImages { names, origins, buffer, shape }, grid)
    }
}
