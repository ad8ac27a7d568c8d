//! Shows what every single unit of a vision network has learned, on any Vulkan, Metal or DX12 adapter.
//!
//! Modules stand on floors; one imports only from floors below its own:
//! 0 [`error`], [`files`], [`hash`], [`tensor`], [`geometry`], [`npy`], [`preprocess`], [`progress`], [`state`] · 1 [`gpu`], [`weights`], [`data`] · 2 [`graph`], [`kernels`] · 3 [`mod@reference`] ·
//! 4 [`models`], [`session`] · 5 [`concepts`] · 6 [`dissect`], [`scenes`] · 7 [`roles`] · 8 [`report`] · 9 [`work`] · 10 [`cli`].

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod cli;
pub mod concepts;
pub mod data;
pub mod dissect;
pub mod error;
pub mod files;
pub mod geometry;
pub mod gpu;
pub mod graph;
pub mod hash;
pub mod kernels;
pub mod models;
pub mod npy;
pub mod preprocess;
pub mod progress;
pub mod reference;
pub mod report;
pub mod roles;
pub mod scenes;
pub mod session;
pub mod state;
pub mod tensor;
pub mod weights;
pub mod work;
