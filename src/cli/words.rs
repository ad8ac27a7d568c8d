//! Words for sizes, times and fractions: read from the command line, and written for people.

use crate::data::loader::Skipped;
use crate::data::search::LeftOut;
use crate::report::schema::Warning;
use crate::work::memory::ProcessMemory;

/// Bytes of a size such as `512MiB`, `4GiB`, `1.5g` or a plain number.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = text[digits.len()..].trim().to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("`{text}` is not a size; such as 512MiB or 4GiB")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("`{text}` is not a size; such as 512MiB or 4GiB"))?;
    let bytes = number * (1u64 << shift) as f64;
    if bytes >= 1.0 && bytes < 2f64.powi(63) { Ok(bytes as u64) } else { Err(format!("`{text}` is out of range")) }
}

/// Bytes in words.
pub(super) fn size_in_words(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// What a dry run says of the memory of the process, if it is known.
pub(super) fn process_memory_in_words(memory: Option<ProcessMemory>) -> Option<String> {
    let ProcessMemory { from, to } = memory?;
    Some(format!("{} to {} of memory for the process", size_in_words(from), size_in_words(to)))
}

/// Seconds in words.
pub(super) fn time_in_words(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..90 => format!("{seconds:.1} s"),
        90..5400 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// A number between 0 and 1.
pub(super) fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("needs a number between 0 and 1".to_owned()),
    }
}

/// Rows and columns such as `56x56`.
pub(super) fn grid(text: &str) -> Result<(u32, u32), String> {
    let sizes =
        text.split_once(['x', 'X']).and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?)));
    match sizes {
        Some((rows @ 1..=1024, columns @ 1..=1024)) => Ok((rows, columns)),
        _ => Err("needs rows and columns from 1 to 1024, such as 56x56".to_owned()),
    }
}

/// How many files that could not be used are named; all of them stand in JSON and in reports.
const SKIPPED_NAMED: usize = 10;

/// What was passed over: files that could not be used, a line each, and what lay beside the images.
pub(super) fn passed_over_in_words(skipped: &[Skipped], left_out: &LeftOut) -> Vec<String> {
    let named = skipped.iter().take(SKIPPED_NAMED).map(|Skipped { name, reason }| format!("skipped {name}: {reason}"));
    let mut lines: Vec<String> = named.collect();
    if skipped.len() > SKIPPED_NAMED {
        lines.push(format!("skipped {} more; `--json` names them all", skipped.len() - SKIPPED_NAMED));
    }
    if !left_out.is_empty() {
        lines.push(format!("left out {left_out}"));
    }
    lines
}

/// A line for each warning.
pub(super) fn warnings_in_words(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(|warning| format!("warning: {}", warning.message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_skipped_files_are_named_and_the_rest_is_counted() {
        let skipped: Vec<Skipped> =
            (0..12).map(|at| Skipped { name: format!("{at}.png"), reason: "is broken".to_owned() }).collect();
        let left_out = LeftOut { hidden: 2, ..LeftOut::default() };
        let lines = passed_over_in_words(&skipped, &left_out);
        assert_eq!((lines.len(), lines[0].as_str()), (12, "skipped 0.png: is broken"));
        assert_eq!(lines[10..], ["skipped 2 more; `--json` names them all", "left out 2 hidden pictures"]);
        assert!(passed_over_in_words(&[], &LeftOut::default()).is_empty());
    }

    #[test]
    fn sizes_are_read_in_binary_units_and_nonsense_is_refused() {
        assert_eq!(parse_size("4GiB"), Ok(4 << 30));
        assert_eq!(parse_size("1.5g"), Ok(3 << 29));
        assert_eq!(parse_size("512 MB"), Ok(512 << 20));
        assert_eq!(parse_size("100"), Ok(100));
        for text in ["", "GiB", "-1GiB", "4XiB", "0", "NaN", "1e30G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
