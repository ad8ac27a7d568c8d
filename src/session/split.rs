//! A network run in two parts: up to a layer once, and from there again and again with edits of the layer.

use super::{Edit, Session};
use crate::error::{Error, Result};
use crate::geometry::Extent;
use crate::gpu::{Buffer, Recording};
use crate::graph::{EditNames, Graph, Subplan, Wanted};
use crate::tensor::{HostTensor, Shape};

/// A session that can be run from a layer on. Maps, and what is made of them, stay on the device.
pub struct Split {
    session: Session,
    cut: String,
    layer: Shape,
    before: Subplan,
    behind: Subplan,
    /// Whether nothing behind the layer reads a value from before it.
    cut_off: bool,
}

impl Split {
    /// Splits a network behind the node `cut`, whose edits have this extent. `open` is given the graph in which it is edited, and
    /// what must last besides the nodes to `keep`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is no such node; what `open` returns.
    pub fn new(
        graph: &Graph,
        cut: &str,
        extent: Extent,
        keep: &[&str],
        open: impl FnOnce(&Graph, Wanted<'_>) -> Result<Session>,
    ) -> Result<Split> {
        let names = EditNames::of(cut);
        let restart = [names.amount.as_str(), names.value.as_str()];
        let keep = [keep, &[cut]].concat();
        let session = open(&graph.edited(cut, extent)?, Wanted { keep: &keep, restart: &restart })?;
        let (before, behind) = session.around(&restart)?;
        let layer = session.value(cut, 1)?.1;
        let graph = session.graph();
        let cut_off = session.plan.read_by(graph, &behind).iter().all(|&id| graph.node(id).name == cut);
        Ok(Split { cut_off, session, cut: cut.to_owned(), layer, before, behind })
    }

    /// The whole network.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Up to the layer, and whatever else no edit of it changes.
    pub fn before(&self) -> &Subplan {
        &self.before
    }

    /// From the layer to the end.
    pub fn behind(&self) -> &Subplan {
        &self.behind
    }

    /// Name of the layer's node.
    pub fn cut(&self) -> &str {
        &self.cut
    }

    /// Shape of the layer for one image.
    pub fn layer(&self) -> Shape {
        self.layer
    }

    /// Runs `n` inputs up to the layer.
    ///
    /// # Errors
    /// What the device reports.
    pub fn begin(&self, input: &[f32], n: u32) -> Result<()> {
        self.session.upload(input, n)?;
        self.session.submit_part(n, &self.before)?;
        Ok(())
    }

    /// Takes these maps of the layer for those of `n` inputs, instead of running them.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if something behind the layer also reads a value from before it, which these maps are not; else
    /// what the device reports.
    pub fn resume(&self, maps: &Buffer, n: u32) -> Result<()> {
        if !self.cut_off {
            return Err(Error::internal("cannot be gone on from: what is behind it reads more than it").at(&self.cut));
        }
        let (layer, shape) = self.session.value(&self.cut, n)?;
        // Maps that are held of each batch are another buffer, and a copy binds nothing: no program of it is worth keeping.
        let mut recording = Recording::new();
        recording.copy(maps, 0, layer, 0, shape.bytes())?;
        let gpu = self.session.gpu();
        gpu.submit(&gpu.program(recording)?)?;
        Ok(())
    }

    /// Runs `n` maps of the layer to the end, edited if `edit` says so. What comes out stays on the device until the next call.
    ///
    /// # Errors
    /// As [`Session::edit`]; else what the device reports.
    pub fn images(&self, n: u32, edit: Option<&Edit>) -> Result<()> {
        self.session.edit(&self.cut, edit)?;
        self.session.submit_part(n, &self.behind)?;
        Ok(())
    }

    /// Where the last `n` images are.
    ///
    /// # Errors
    /// As [`Session::value`].
    pub fn made(&self, n: u32) -> Result<(&Buffer, Shape)> {
        self.session.value(self.output(), n)
    }

    /// The last `n` images, read from the device.
    ///
    /// # Errors
    /// What the device reports.
    pub fn read(&self, n: u32) -> Result<HostTensor> {
        self.session.read(self.output(), n)
    }

    fn output(&self) -> &str {
        let graph = self.session.graph();
        &graph.node(graph.output()).name
    }
}

/// A network on the device as its images ask for: photographs are given, and run up to the layers that are read; a generator makes
/// its images out of the last of them.
pub enum Parts {
    /// All in one.
    Whole(Session),
    /// Split behind the last layer that is read.
    Split(Split),
}

impl Parts {
    /// The session.
    pub fn session(&self) -> &Session {
        match self {
            Parts::Whole(session) => session,
            Parts::Split(split) => &split.session,
        }
    }

    /// Up to the layers.
    pub fn head(&self) -> &Subplan {
        match self {
            Parts::Whole(session) => session.whole(),
            Parts::Split(split) => &split.before,
        }
    }

    /// The split, of what makes images.
    pub fn split(&self) -> Option<&Split> {
        match self {
            Parts::Whole(_) => None,
            Parts::Split(split) => Some(split),
        }
    }
}
