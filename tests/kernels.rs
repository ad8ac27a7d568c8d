//! Walks the table of kernels: each has cases, passes them in both module modes, and dies by its mutants.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::gpu;
use netdissect::gpu::{Gpu, Recording};
use netdissect::reference::{Case, Expected, KERNELS, KernelRow, Size};

fn runnable(gpu: &Gpu) -> impl Iterator<Item = &'static KernelRow> {
    let traits = gpu.traits();
    KERNELS.iter().filter(move |row| (row.entry.runs_on)(&traits))
}

#[test]
fn every_kernel_has_cases_of_all_four_sizes_that_prove_something() {
    for row in KERNELS {
        let (stem, cases) = (row.entry.stem, (row.cases)());
        for size in [Size::Smallest, Size::Batch, Size::Ragged, Size::Real] {
            assert!(cases.iter().any(|case| case.size == size), "{stem}: no case of size {size:?}");
        }
        for case in cases.iter().filter(|case| matches!(case.size, Size::Batch | Size::Ragged)) {
            let varied = case.expected().iter().any(Expected::is_varied);
            assert!(varied, "{stem} {}: a constant answer proves nothing", case.label);
        }
    }
}

#[test]
#[expect(unsafe_code, reason = "kernels are checked as they will run")]
fn kernels_equal_their_twins() {
    let Some(gpu) = gpu() else { return };
    // SAFETY: each case runs on it right after it has passed with the checks on.
    let trusted = unsafe { gpu.trusted() };
    let mut failures = Vec::new();
    for row in runnable(gpu) {
        for case in (row.cases)().iter().filter(|case| case.size != Size::Timed) {
            // What fails with the checks on is not run without them.
            let failed = [("checked", gpu), ("trusted", &trusted)].into_iter().find_map(|(mode, gpu)| {
                case.check(gpu).err().map(|error| format!("{} ({mode}): {error}", row.entry.stem))
            });
            failures.extend(failed);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_mutant_is_noticed() {
    let Some(gpu) = gpu() else { return };
    let mut survivors = Vec::new();
    for row in runnable(gpu) {
        let entry = row.entry;
        assert!(!entry.mutants.is_empty(), "{}: no mutants", entry.stem);
        // Real layers are for the twins; mutants must die young.
        let small = |case: &Case| !matches!(case.size, Size::Real | Size::Timed);
        let cases: Vec<_> = (row.cases)().into_iter().filter(small).collect();
        for (from, to) in entry.mutants {
            let found = (entry.shaders)().iter().any(|shader| shader.text.contains(from));
            assert!(found, "{}: `{from}` is not in its text", entry.stem);
            let mutant = gpu.mutated(entry.stem, from, to);
            if cases.iter().all(|case| case.check(&mutant).is_ok()) {
                survivors.push(format!("{}: `{from}` -> `{to}`", entry.stem));
            }
        }
    }
    assert!(survivors.is_empty(), "survived:\n{}", survivors.join("\n"));
}

/// Inputs whose length follows from what another buffer holds: index and bitmaps of `threshold_iou`, blocks of
/// `label_argmax`; and its owners, of which the case has none.
const BY_CONTENT: [(&str, usize); 4] =
    [("threshold_iou", 2), ("threshold_iou", 3), ("label_argmax", 1), ("label_argmax", 2)];

#[test]
fn a_buffer_smaller_than_what_a_kernel_touches_is_refused() {
    let Some(gpu) = gpu() else { return };
    let small = gpu.buffer("small", 16).unwrap();
    let mut accepted = Vec::new();
    for row in runnable(gpu) {
        let (entry, cases) = (row.entry, (row.cases)());
        let case = cases.iter().find(|case| case.size == Size::Batch).unwrap();
        let (inputs, outputs) = case.buffers(gpu, 0).unwrap();
        let count = inputs.len();
        for at in (0..count + outputs.len()).filter(|&at| !BY_CONTENT.contains(&(entry.stem, at))) {
            let (mut inputs, mut outputs) = (inputs.clone(), outputs.clone());
            let buffer = if at < count { &mut inputs[at] } else { &mut outputs[at - count] };
            let is_smaller = small.bytes() < buffer.bytes();
            *buffer = small.clone();
            let recorded = (case.record)(gpu, &mut Recording::new(), &inputs, &outputs);
            if is_smaller && !recorded.is_err_and(|error| error.to_string().contains("the kernel touches")) {
                accepted.push(format!("{} {}: buffer {at}", entry.stem, case.label));
            }
        }
    }
    assert!(accepted.is_empty(), "accepted:\n{}", accepted.join("\n"));
}

/// Those that are timed are as large as real work, and must fit where no more than the least is granted: 128 MiB in a binding.
#[test]
fn every_case_fits_the_least_binding() {
    let Some(gpu) = gpu() else { return };
    let too_large = |case: &Case| {
        let (inputs, outputs) = case.buffers(gpu, 0).unwrap();
        inputs.iter().chain(&outputs).any(|buffer| buffer.bytes() > 128 << 20)
    };
    for row in KERNELS {
        for case in (row.cases)().iter().filter(|case| case.size == Size::Timed) {
            assert!(!too_large(case), "{} {}", row.entry.stem, case.label);
        }
    }
}
