//! What a picture's file says of itself before anything of its size is taken: whether it is whole, what decoding it takes, and what of
//! it a decoder should not see.

use std::borrow::Cow;

use super::format::Format;
use crate::error::{Error, Result};

/// Largest EXIF block that is looked at; JPEG allows no larger one.
const EXIF_LIMIT: usize = 1 << 16;

/// Checks that a file is as long as its header says, and takes out what could make a decoder take memory without making a picture.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the file is truncated, or too short for any picture of the size that it claims.
pub(super) fn checked(format: Format, bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    match format {
        Format::Jpeg => check_jpeg(bytes)?,
        Format::WebP => check_webp(bytes)?,
        Format::Png => return Ok(png_pixels(bytes)),
        Format::Gif | Format::Bmp | Format::Pnm => {}
    }
    Ok(Cow::Borrowed(bytes))
}

/// Bytes that a decoder takes for a picture of so many pixels besides the picture itself.
pub(super) fn working_bytes(format: Format, bytes: &[u8], pixels: u64) -> u64 {
    match format {
        // The decoder copies the file. All coefficients, 16 bits each, wait for the last scan where there are several.
        Format::Jpeg => {
            let coefficients = jpeg_frame(bytes).filter(|frame| frame.in_scans).map_or(0, |frame| frame.blocks * 128);
            bytes.len() as u64 + coefficients
        }
        // Of lossy pictures the planes; of lossless ones, and of transparency, four bytes a pixel; of films a frame and a canvas.
        Format::WebP => match bytes.get(12..16) {
            Some(b"VP8 ") => pixels * 2,
            _ => pixels * 8,
        },
        // A frame that does not fill the picture is decoded apart from it.
        Format::Gif => gif_frame_pixels(bytes).unwrap_or(pixels) * 4,
        Format::Png | Format::Bmp | Format::Pnm => 0,
    }
}

/// What the frame header of a JPEG says.
struct JpegFrame {
    /// Blocks of 8x8 coefficients, of all components.
    blocks: u64,
    /// Whether the coefficients of a block come in several scans.
    in_scans: bool,
    /// Where the first scan begins, if there is one.
    scan: Option<usize>,
}

/// The segments before the first scan; none if the file is not of the structure that we know.
fn jpeg_frame(bytes: &[u8]) -> Option<JpegFrame> {
    let (mut at, mut frame) = (2, JpegFrame { blocks: 0, in_scans: false, scan: None });
    let mut components = 0;
    while let Some([0xff, marker]) = bytes.get(at..at + 2) {
        at += match marker {
            0xff => 1, // fill byte
            0x01 | 0xd0..=0xd7 => 2,
            _ => {
                let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
                let segment = bytes.get(at + 4..at + 2 + length.max(2)).unwrap_or_default();
                match marker {
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        components = usize::from(*segment.get(5)?);
                        frame.blocks = jpeg_blocks(segment)?;
                        frame.in_scans = *marker == 0xc2;
                    }
                    0xda => {
                        frame.in_scans |= usize::from(*segment.first()?) < components;
                        frame.scan = Some(at);
                        return Some(frame);
                    }
                    _ => {}
                }
                2 + length
            }
        };
    }
    // Not the structure we know: the decoder has the last word.
    (at < bytes.len()).then_some(frame)
}

/// Blocks of all components of a frame: each is sampled by its share of the largest sampling.
fn jpeg_blocks(segment: &[u8]) -> Option<u64> {
    let side = |at: usize| Some(u64::from(u16::from_be_bytes([*segment.get(at)?, *segment.get(at + 1)?])));
    let (h, w) = (side(1)?, side(3)?);
    let samplings = segment.get(6..)?.chunks_exact(3).take(usize::from(*segment.get(5)?));
    let factors: Vec<(u64, u64)> =
        samplings.map(|component| (u64::from(component[1] & 15).max(1), u64::from(component[1] >> 4).max(1))).collect();
    let (rows, columns) =
        factors.iter().fold((1, 1), |(rows, columns), &(row, column)| (row.max(rows), column.max(columns)));
    let blocks = |(row, column): &(u64, u64)| (h * row).div_ceil(8 * rows) * (w * column).div_ceil(8 * columns);
    Some(factors.iter().map(blocks).sum())
}

/// The decoder is lenient and would fill what is missing with grey: a whole picture, however little of it is there.
fn check_jpeg(bytes: &[u8]) -> Result<()> {
    let truncated = || Err(Error::input("JPEG ends before its end marker; the file is truncated"));
    let Some(frame) = jpeg_frame(bytes) else { return truncated() };
    let Some(scan) = frame.scan else { return Ok(()) };
    // Inside a scan 0xff is always followed by 0 or a restart marker, so this is a real end marker.
    if !bytes[scan..].windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return truncated();
    }
    // Each block begins with a code, and no code is shorter than a bit.
    let (found, least) = ((bytes.len() - scan) as u64, frame.blocks / 8);
    if found < least {
        return Err(Error::input(format!(
            "JPEG has {found} bytes of data; a picture of its size takes {least} at least"
        )));
    }
    Ok(())
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The decoder would take as much memory as a chunk says it is long, and as a picture in a chunk says it is large.
fn check_webp(bytes: &[u8]) -> Result<()> {
    let truncated = || Error::input("WebP is shorter than its header says; the file is truncated");
    let length = little_endian(bytes.get(4..8).ok_or_else(truncated)?) + 8;
    // Cameras and messengers append what is no part of the picture.
    let bytes = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).ok_or_else(truncated)?;
    let mut canvas = None;
    let mut chunks = bytes.get(12..).ok_or_else(truncated)?;
    while let Some((head, rest)) = chunks.split_at_checked(8) {
        let length = little_endian(&head[4..]);
        let content = usize::try_from(length).ok().and_then(|length| rest.get(..length)).ok_or_else(truncated)?;
        match &head[..4] {
            b"VP8X" => {
                canvas =
                    content.get(4..10).map(|sides| [1 + little_endian(&sides[..3]), 1 + little_endian(&sides[3..])])
            }
            b"ANMF" => {
                let frame =
                    content.get(6..12).map(|sides| [1 + little_endian(&sides[..3]), 1 + little_endian(&sides[3..])]);
                check_webp_size(canvas, frame, |found, all| found <= all)?;
                let size = content.get(16..).and_then(webp_size_of_chunks);
                check_webp_size(frame, size, |found, all| found == all)?;
            }
            name => check_webp_size(canvas, webp_size(name, content), |found, all| found == all)?,
        }
        chunks = rest.get(content.len() + content.len() % 2..).unwrap_or_default();
    }
    Ok(())
}

fn check_webp_size(all: Option<[u64; 2]>, found: Option<[u64; 2]>, fits: impl Fn(u64, u64) -> bool) -> Result<()> {
    match (all, found) {
        (Some([w, h]), Some([own_w, own_h])) if !fits(own_w, w) || !fits(own_h, h) => {
            Err(Error::input(format!("WebP of {h}x{w} holds a picture of {own_h}x{own_w}; the file is damaged")))
        }
        _ => Ok(()),
    }
}

/// Columns and rows of the first picture among chunks.
fn webp_size_of_chunks(mut chunks: &[u8]) -> Option<[u64; 2]> {
    while let Some((head, rest)) = chunks.split_at_checked(8) {
        let length = usize::try_from(little_endian(&head[4..])).ok()?;
        if let Some(size) = webp_size(&head[..4], rest) {
            return Some(size);
        }
        chunks = rest.get(length + length % 2..)?;
    }
    None
}

/// Columns and rows of a picture: of a lossy one behind three bytes and a signature of three, 14 bits each; of a lossless one behind a
/// signature of one, 14 bits each, less one.
fn webp_size(name: &[u8], content: &[u8]) -> Option<[u64; 2]> {
    match name {
        b"VP8 " => Some([little_endian(content.get(6..8)?) & 0x3fff, little_endian(content.get(8..10)?) & 0x3fff]),
        b"VP8L" => {
            let bits = little_endian(content.get(1..5)?);
            Some([1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)])
        }
        _ => None,
    }
}

/// Pixels of the first frame of a GIF, which need not lie inside the picture; none if there is none.
fn gif_frame_pixels(bytes: &[u8]) -> Option<u64> {
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) };
    let mut at = 13 + colours(*bytes.get(10)?);
    // Extensions stand before the frame: two bytes, then blocks that begin with their length, the last of none.
    while *bytes.get(at)? == 0x21 {
        at += 2;
        while let length @ 1.. = usize::from(*bytes.get(at)?) {
            at += 1 + length;
        }
        at += 1;
    }
    let sides = bytes.get(at..at + 9).filter(|frame| frame[0] == 0x2c)?;
    Some(little_endian(&sides[5..7]) * little_endian(&sides[7..9]))
}

/// A PNG without what does not decide its pixels. Profiles and texts are compressed: a thousand times what the file holds may come out of
/// them. Films lose all but the picture that stands for them.
fn png_pixels(bytes: &[u8]) -> Cow<'_, [u8]> {
    const NEEDED: [&[u8]; 5] = [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"];
    let mut kept: Vec<u8> = Vec::new();
    let mut dropped = false;
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        // What is cut off is the decoder's to complain of.
        let end = at.saturating_add(length).saturating_add(12).min(bytes.len());
        let name = &head[4..];
        let needed = NEEDED.contains(&name) || name == b"eXIf" && length <= EXIF_LIMIT;
        if !needed && !dropped {
            kept.extend_from_slice(&bytes[..at]);
            dropped = true;
        } else if needed && dropped {
            kept.extend_from_slice(&bytes[at..end]);
        }
        at = end;
    }
    if dropped { Cow::Owned(kept) } else { Cow::Borrowed(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG of one frame and one scan of so many zeros: components sampled as given, those named in the scan.
    fn jpeg(marker: u8, (h, w): (u16, u16), samplings: &[u8], in_scan: u8, data: usize) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, marker, 0, 8 + 3 * samplings.len() as u8, 8];
        bytes.extend(h.to_be_bytes());
        bytes.extend(w.to_be_bytes());
        bytes.push(samplings.len() as u8);
        samplings.iter().enumerate().for_each(|(id, &sampling)| bytes.extend([id as u8, sampling, 0]));
        bytes.extend([0xff, 0xda, 0, 6 + 2 * in_scan, in_scan]);
        bytes.extend(vec![0; data]);
        bytes.extend([0xff, 0xd9]);
        bytes
    }

    #[test]
    fn a_jpeg_with_less_data_than_a_bit_a_block_is_refused() {
        // 100x60 is 13x8 blocks; colour at half the rows and columns 7x4 each.
        let sampled = [0x22, 0x11, 0x11];
        let frame = jpeg_frame(&jpeg(0xc0, (60, 100), &sampled, 3, 20)).unwrap();
        assert_eq!((frame.blocks, frame.in_scans), (13 * 8 + 2 * 7 * 4, false));
        check_jpeg(&jpeg(0xc0, (60, 100), &sampled, 3, 20)).unwrap();
        let error = check_jpeg(&jpeg(0xc0, (16_384, 16_384), &sampled, 3, 3000)).unwrap_err().to_string();
        assert!(error.contains("a picture of its size takes 786432 at least"), "{error}");
        let cut = jpeg(0xc0, (60, 100), &sampled, 3, 20);
        assert!(check_jpeg(&cut[..cut.len() - 1]).unwrap_err().to_string().contains("truncated"));
    }

    #[test]
    fn coefficients_count_where_they_wait_for_several_scans() {
        let working = |bytes: &[u8]| working_bytes(Format::Jpeg, bytes, 6000) - bytes.len() as u64;
        assert_eq!(working(&jpeg(0xc0, (60, 100), &[0x11; 3], 3, 50)), 0);
        assert_eq!(working(&jpeg(0xc2, (60, 100), &[0x11; 3], 3, 50)), 3 * 13 * 8 * 128);
        assert_eq!(working(&jpeg(0xc0, (60, 100), &[0x11; 3], 1, 50)), 3 * 13 * 8 * 128);
    }

    fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (name, content) in chunks {
            body.extend_from_slice(*name);
            body.extend((content.len() as u32).to_le_bytes());
            body.extend(content);
            body.extend(vec![0; content.len() % 2]);
        }
        [b"RIFF".to_vec(), (body.len() as u32).to_le_bytes().to_vec(), body].concat()
    }

    /// Flags, and sides less one in three bytes each.
    fn canvas(w: u32, h: u32) -> Vec<u8> {
        [&[0; 4][..], &(w - 1).to_le_bytes()[..3], &(h - 1).to_le_bytes()[..3]].concat()
    }

    fn lossy(w: u16, h: u16) -> Vec<u8> {
        [&[0, 0, 0, 0x9d, 1, 0x2a][..], &w.to_le_bytes(), &h.to_le_bytes()].concat()
    }

    #[test]
    fn a_webp_chunk_must_lie_in_the_file_and_a_picture_must_be_of_the_canvas() {
        let whole = riff(&[(b"VP8X", canvas(5, 7)), (b"EXIF", vec![1; 9]), (b"VP8 ", lossy(5, 7))]);
        check_webp(&whole).unwrap();
        check_webp(&[&whole[..], b"SEFT\xff\xff\xff\xff behind the picture"].concat()).unwrap();
        let mut long = whole.clone();
        long[34..38].copy_from_slice(&0xb000_0000u32.to_le_bytes());
        assert!(check_webp(&long).unwrap_err().to_string().contains("truncated"));
        let other = riff(&[(b"VP8X", canvas(5, 7)), (b"VP8 ", lossy(16_383, 7))]);
        assert!(check_webp(&other).unwrap_err().to_string().contains("of 7x5 holds a picture of 7x16383"));
        let lossless = [&[0x2f][..], &(99u32 | 6 << 14).to_le_bytes()].concat();
        assert_eq!(webp_size(b"VP8L", &lossless), Some([100, 7]));
        let place = |w: u32, h: u32| [&[0; 6][..], &canvas(w, h)[4..], &[0; 4]].concat();
        let film = |frame: Vec<u8>, picture: Vec<u8>| {
            let chunk = riff(&[(b"VP8 ", picture)]).split_off(12);
            check_webp(&riff(&[(b"VP8X", canvas(9, 9)), (b"ANMF", [frame, chunk].concat())])).is_ok()
        };
        assert!(film(place(3, 4), lossy(3, 4)));
        assert!(!film(place(10, 4), lossy(10, 4)) && !film(place(3, 4), lossy(3, 400)));
    }

    #[test]
    fn what_does_not_decide_a_png_s_pixels_is_taken_out() {
        let chunk = |name: &[u8; 4], content: &[u8]| {
            [&(content.len() as u32).to_be_bytes()[..], name, content, b"sums"].concat()
        };
        let signature = b"\x89PNG\r\n\x1a\n".to_vec();
        let (head, data) = (chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", b"pixels"));
        let plain = [signature.clone(), head.clone(), data.clone(), chunk(b"IEND", b"")].concat();
        assert!(matches!(png_pixels(&plain), Cow::Borrowed(_)));
        let (profile, text) = (chunk(b"iCCP", b"inflated"), chunk(b"zTXt", b"inflated"));
        let (short, long) = (chunk(b"eXIf", b"turned"), chunk(b"eXIf", &vec![0; EXIF_LIMIT + 1]));
        let full = [signature.clone(), head.clone(), profile, short.clone(), long, data.clone(), text].concat();
        assert_eq!(png_pixels(&full), [signature, head, short, data].concat());
        for length in 0..full.len() {
            png_pixels(&full[..length]);
        }
    }

    #[test]
    fn the_first_frame_of_a_gif_is_found_behind_its_extensions() {
        let screen = [b"GIF89a".to_vec(), vec![3, 0, 4, 0, 0x80, 0, 0], vec![0; 6]].concat();
        let extension = [0x21, 0xf9, 4, 0, 0, 0, 0, 0];
        let frame = [0x2c, 0, 0, 0, 0, 200, 0, 44, 1, 0];
        assert_eq!(gif_frame_pixels(&[&screen[..], &extension, &frame].concat()), Some(200 * 300));
        assert_eq!(gif_frame_pixels(&[&screen[..], &extension].concat()), None);
    }
}
