//! The only place that names wgpu: adapters, buffers, shaders, recordings, timing, tuning.
