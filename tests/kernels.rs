//! Walks the table of kernels: each has cases, passes them in both module modes, and dies by its mutants.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::gpu;
use netdissect::gpu::Recording;
use netdissect::kernels;
use netdissect::reference::{self, Size};

#[test]
fn every_kernel_has_cases_of_all_four_sizes_that_prove_something() {
    for entry in kernels::ALL {
        let cases = reference::cases(entry.stem);
        for size in [Size::Smallest, Size::Batch, Size::Ragged, Size::Real] {
            assert!(cases.iter().any(|case| case.size == size), "{}: no case of size {size:?}", entry.stem);
        }
        for case in cases.iter().filter(|case| matches!(case.size, Size::Batch | Size::Ragged)) {
            let varied = (case.expected)().iter().any(reference::Expected::is_varied);
            assert!(varied, "{} {}: a constant answer proves nothing", entry.stem, case.label);
        }
    }
}

#[test]
fn every_case_belongs_to_a_kernel_of_the_table() {
    let stems: Vec<_> = kernels::ALL.iter().map(|entry| entry.stem).collect();
    let cases: Vec<_> = reference::CASES.iter().map(|(stem, _)| *stem).collect();
    assert_eq!(stems, cases);
}

#[test]
fn kernels_equal_their_twins() {
    let Some(gpu) = gpu() else { return };
    // SAFETY: each case runs on it right after it has passed with the checks on.
    let trusted = unsafe { gpu.trusted() };
    let mut failures = Vec::new();
    for entry in kernels::ALL.iter().filter(|entry| (entry.runs_on)(&gpu.traits())) {
        for case in reference::cases(entry.stem).iter().filter(|case| case.size != Size::Timed) {
            // What fails with the checks on is not run without them.
            let failed = [("checked", gpu), ("trusted", &trusted)]
                .into_iter()
                .find_map(|(mode, gpu)| case.check(gpu).err().map(|error| format!("{} ({mode}): {error}", entry.stem)));
            failures.extend(failed);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_mutant_is_noticed() {
    let Some(gpu) = gpu() else { return };
    let mut survivors = Vec::new();
    for entry in kernels::ALL.iter().filter(|entry| (entry.runs_on)(&gpu.traits())) {
        assert!(!entry.mutants.is_empty(), "{}: no mutants", entry.stem);
        // Real layers are for the twins; mutants must die young.
        let small = |case: &reference::Case| !matches!(case.size, Size::Real | Size::Timed);
        let cases: Vec<_> = reference::cases(entry.stem).into_iter().filter(small).collect();
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

/// Inputs whose length follows from what another buffer holds: index and bitmaps of `threshold_iou`, blocks of `label_argmax`.
const BY_CONTENT: [(&str, usize); 3] = [("threshold_iou", 2), ("threshold_iou", 3), ("label_argmax", 1)];

#[test]
fn a_buffer_smaller_than_what_a_kernel_touches_is_refused() {
    let Some(gpu) = gpu() else { return };
    let small = gpu.buffer("small", 16).unwrap();
    let mut accepted = Vec::new();
    for entry in kernels::ALL.iter().filter(|entry| (entry.runs_on)(&gpu.traits())) {
        let cases = reference::cases(entry.stem);
        let case = cases.iter().find(|case| case.size == Size::Batch).unwrap();
        let (inputs, outputs) = case.buffers(gpu).unwrap();
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
