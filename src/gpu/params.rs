//! Uniform parameter blocks: a Rust struct whose fields are checked by name and offset against the shader's.

/// One field of a parameter block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name, the same in Rust and in WGSL.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset: usize,
}

/// A parameter block: plain data that knows its fields.
pub trait Params: bytemuck::Pod {
    /// Fields in order.
    const FIELDS: &'static [Field];
}

/// Declares a parameter block of 4-byte fields. WGSL declares `struct Params` with the same names in the same order.
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* $name:ident { $($field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        pub(crate) struct $name { $(pub(crate) $field: $type),* }

        impl $crate::gpu::Params for $name {
            const FIELDS: &'static [$crate::gpu::Field] = &[
                $($crate::gpu::Field { name: stringify!($field), offset: std::mem::offset_of!($name, $field) }),*
            ];
        }
    };
}
