//! Images from folders and lists to the network, on CPU threads ahead of the GPU.
//!
//! [`images`] says which files and in which order (found by [`search`], or in lists, or by patterns), [`decode`] turns a file into 8-bit RGB, `resize` and [`framing`]
//! bring it to the picture a network sees, and [`loader`] does all that ahead of the consumer, batch by batch. [`source`] is what
//! the dissector sees of it, and a [`Watch`] looks after a pass over it. [`latents`] are what generators are given instead, by
//! [`latent_source`].

mod batches;
pub mod budget;
pub mod classes;
pub mod decode;
pub(crate) mod fingerprint;
pub(crate) mod format;
pub mod framing;
mod header;
pub mod images;
pub mod latent_source;
pub mod latents;
mod list;
pub mod loader;
pub(crate) mod pass;
mod pattern;
pub(crate) mod pixels;
pub(crate) mod resize;
pub(crate) mod samples;
pub mod search;
pub mod source;
mod store;

pub use pass::Watch;
pub use source::{ImageBatch, ImageSource, Origin};
