//! Uniform parameter blocks: a Rust struct whose fields are checked by name and offset against the shader's.

/// One field of a parameter block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name, the same in Rust and in WGSL.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset: usize,
    /// Fields of the block that it is itself, offsets from its start; none for a number.
    pub parts: &'static [Field],
}

impl Field {
    /// The numbers of a block by their full names, as `window.stride_y`, and offsets.
    pub(super) fn numbers(fields: &[Field]) -> Vec<(String, usize)> {
        let of = |field: &Field| match field.parts {
            [] => vec![(field.name.to_owned(), field.offset)],
            parts => prefixed(field.name, field.offset, Field::numbers(parts)),
        };
        fields.iter().flat_map(of).collect()
    }
}

/// Numbers of a block that stands in another under a name and at an offset.
pub(super) fn prefixed(name: &str, offset: usize, numbers: Vec<(String, usize)>) -> Vec<(String, usize)> {
    numbers.into_iter().map(|(part, at)| (format!("{name}.{part}"), offset + at)).collect()
}

/// What may stand in a parameter block: numbers of four bytes, and other blocks.
pub trait Member: bytemuck::Pod {
    /// Its own fields, if it is a block.
    const PARTS: &'static [Field];
}

impl Member for u32 {
    const PARTS: &'static [Field] = &[];
}

impl Member for f32 {
    const PARTS: &'static [Field] = &[];
}

/// A parameter block: plain data that knows its fields.
pub trait Params: bytemuck::Pod {
    /// Fields in order.
    const FIELDS: &'static [Field];
}

/// Declares a parameter block of numbers and other blocks. WGSL declares `struct Params` with the same names in the same order; a
/// block within stands first, since WGSL aligns it to 16 bytes and Rust does not.
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* $name:ident { $($field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        pub(crate) struct $name { $(pub(crate) $field: $type),* }

        impl $crate::gpu::Params for $name {
            const FIELDS: &'static [$crate::gpu::Field] = &[
                $($crate::gpu::Field {
                    name: stringify!($field),
                    offset: std::mem::offset_of!($name, $field),
                    parts: <$type as $crate::gpu::Member>::PARTS,
                }),*
            ];
        }

        impl $crate::gpu::Member for $name {
            const PARTS: &'static [$crate::gpu::Field] = <$name as $crate::gpu::Params>::FIELDS;
        }
    };
}
