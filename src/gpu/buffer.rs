//! Storage buffers, counted against the memory budget, and their way to and from the host.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Gpu;
use crate::error::{Error, Kind, Result};

/// Largest piece of an upload in flight; bounds the staging memory of large weights.
const UPLOAD_PIECE: usize = 16 << 20;

/// A storage buffer. Clones share it and are equal; the last one gives its bytes back to the budget.
#[derive(Debug, Clone)]
pub struct Buffer {
    pub(super) raw: wgpu::Buffer,
    bytes: u64,
    _share: Arc<Share>,
}

/// A buffer as a kernel is given it. Reflection knows a binding's name and access, but the arrays of a shader have no length of their
/// own: what they must hold follows from shapes, which only the kernel's own file knows. It states that here, and
/// [`super::Recording::dispatch`] checks it.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    pub(super) buffer: &'a Buffer,
    values: usize,
}

impl Bound<'_> {
    /// Bytes that the kernel may touch.
    pub(super) fn bytes(&self) -> u64 {
        (self.values as u64).saturating_mul(4)
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
struct Share {
    bytes: u64,
    allocated: Arc<AtomicU64>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.allocated.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Buffer {
    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// This buffer, bound to a kernel that may touch its first `values` values of 4 bytes.
    pub fn holding(&self, values: usize) -> Bound<'_> {
        Bound { buffer: self, values }
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Buffer) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Buffer {}

impl Hash for Buffer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl Gpu {
    /// A new buffer of zeros, of at least `bytes` bytes (rounded up to a multiple of 16).
    ///
    /// # Errors
    /// [`Kind::OutOfMemory`] if it exceeds what one binding may hold, what the budget leaves, or what the device has.
    pub fn buffer(&self, label: &str, bytes: u64) -> Result<Buffer> {
        let bytes = bytes.max(16).next_multiple_of(16);
        let limit = self.traits().max_binding_bytes;
        if bytes > limit {
            return Err(Error::new(
                Kind::OutOfMemory,
                format!("{} in one binding; the adapter allows {}", mebibytes(bytes), mebibytes(limit)),
            )
            .at(label));
        }
        let share = self.reserve(label, bytes)?;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let raw = self.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage,
            mapped_at_creation: false,
        });
        self.check().map_err(|error| error.at(label))?;
        Ok(Buffer { raw, bytes, _share: Arc::new(share) })
    }

    /// A new buffer holding `data`.
    ///
    /// # Errors
    /// As [`Gpu::buffer`].
    pub fn buffer_of<T: bytemuck::NoUninit>(&self, label: &str, data: &[T]) -> Result<Buffer> {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let buffer = self.buffer(label, bytes.len() as u64)?;
        self.upload(&buffer, 0, bytes)?;
        Ok(buffer)
    }

    /// Writes bytes into a buffer, ordered after everything submitted so far. Length and offset are multiples of 4.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the bytes do not fit; else as [`Gpu::check`].
    pub fn upload<T: bytemuck::NoUninit>(&self, buffer: &Buffer, offset: u64, data: &[T]) -> Result<()> {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        if offset + bytes.len() as u64 > buffer.bytes || !bytes.len().is_multiple_of(4) || !offset.is_multiple_of(4) {
            return Err(Error::internal(format!("{} bytes at {offset} do not go into {}", bytes.len(), buffer.bytes)));
        }
        let mut at = offset;
        for piece in bytes.chunks(UPLOAD_PIECE) {
            self.queue().write_buffer(&buffer.raw, at, piece);
            at += piece.len() as u64;
            if bytes.len() > UPLOAD_PIECE {
                // Hands the staging memory back before the next piece.
                self.queue().submit([]);
                self.poll(None)?;
            }
        }
        self.check()
    }

    /// Starts reading `bytes` bytes from the front of a buffer (rounded up to a multiple of 4), ordered after everything submitted so
    /// far.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the buffer is shorter; else as [`Gpu::buffer`].
    pub fn start_download(&self, buffer: &Buffer, bytes: u64) -> Result<Download> {
        let bytes = bytes.next_multiple_of(4);
        if bytes > buffer.bytes {
            return Err(Error::internal(format!("cannot read {bytes} bytes of a buffer of {}", buffer.bytes)));
        }
        let share = self.reserve("readback", bytes)?;
        let staging = self.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: bytes.max(4),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.check()?;
        let mut encoder = self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&buffer.raw, 0, &staging, 0, bytes);
        let submission = self.queue().submit([encoder.finish()]);
        // A failed map shows when the range is asked for.
        staging.map_async(wgpu::MapMode::Read, .., |_| ());
        Ok(Download { staging, submission, _share: share })
    }

    /// Reads the first `count` elements of a buffer; waits for the device.
    ///
    /// # Errors
    /// [`Kind::DeviceLost`] or [`Kind::OutOfMemory`].
    pub fn download<T: bytemuck::AnyBitPattern>(&self, buffer: &Buffer, count: usize) -> Result<Vec<T>> {
        self.start_download(buffer, (count * size_of::<T>()) as u64)?.finish(self, count)
    }

    fn reserve(&self, label: &str, bytes: u64) -> Result<Share> {
        let allocated = &self.shared.allocated;
        let total = allocated.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let share = Share { bytes, allocated: Arc::clone(allocated) };
        if total > self.budget() {
            return Err(Error::new(
                Kind::OutOfMemory,
                format!(
                    "needs {} more; {} of {} are taken",
                    mebibytes(bytes),
                    mebibytes(total - bytes),
                    mebibytes(self.budget())
                ),
            )
            .at(label)
            .hint("use a smaller `--batch`, or allow more with `--memory`"));
        }
        self.shared.peak.fetch_max(total, Ordering::Relaxed);
        Ok(share)
    }
}

/// A read on its way from the device.
pub struct Download {
    staging: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    _share: Share,
}

impl Download {
    /// Waits for the bytes and hands out the first `count` elements.
    ///
    /// # Errors
    /// [`Kind::DeviceLost`] if the device failed, [`Kind::Internal`] if fewer bytes were read.
    pub fn finish<T: bytemuck::AnyBitPattern>(self, gpu: &Gpu, count: usize) -> Result<Vec<T>> {
        gpu.poll(Some(self.submission))?;
        let view = self.staging.get_mapped_range(..).map_err(|error| super::lost(&error.to_string()))?;
        let wanted = count * size_of::<T>();
        let bytes = view
            .get(..wanted)
            .ok_or_else(|| Error::internal(format!("{wanted} bytes are wanted of a read of {}", view.len())))?;
        // Collected element by element: the mapped range need not be aligned for `T`.
        Ok(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect())
    }
}

/// Bytes in MiB with one decimal, for messages.
fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(104_858); // 2^20 / 10, rounded up
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
