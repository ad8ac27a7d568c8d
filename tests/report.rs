//! A report as its readers meet it: files of a synthetic run, written and read back.

#![allow(clippy::unwrap_used, reason = "a test may fail where it likes")]

mod report_run;

use std::fs;
use std::path::Path;

use netdissect::report;
use netdissect::report::schema::Report;
use report_run::{HOSTILE, synthetic_run};

fn written() -> (tempfile::TempDir, Report) {
    let folder = tempfile::tempdir().unwrap();
    let report = synthetic_run(folder.path(), 24);
    report::write(folder.path(), &report).unwrap();
    (folder, report)
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn schema() -> jsonschema::Validator {
    let schema = include_str!("../docs/report.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

#[test]
fn the_written_report_obeys_the_published_schema() {
    let (folder, _) = written();
    let value = serde_json::from_str(&text(folder.path(), "report.json")).unwrap();
    let problems: Vec<_> =
        schema().iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_published_schema_refuses_reports_that_are_wrong_in_one_place() {
    let (folder, _) = written();
    let good: serde_json::Value = serde_json::from_str(&text(folder.path(), "report.json")).unwrap();
    let schema = schema();
    assert!(schema.is_valid(&good));
    let wrong = [
        ("/schema_version", serde_json::json!(2)),
        ("/model/sha256", serde_json::json!("abc")),
        ("/settings/quantile_tail", serde_json::json!(1.5)),
        ("/layers/0/units/0/label/iou", serde_json::json!("NaN")),
        ("/layers/0/units/0/label/iou", serde_json::json!(1.2)),
        ("/layers/0/units/0/area", serde_json::json!(-1)),
        ("/layers/0/units/0/area", serde_json::json!(0)),
        ("/layers/0/units/0/label", serde_json::json!(null)),
        ("/layers/0/units/0/strip", serde_json::json!("/etc/passwd")),
        ("/layers/0/units/0/surplus", serde_json::json!(1)),
        ("/images/skipped/0/reason", serde_json::json!(7)),
    ];
    for (place, value) in wrong {
        let mut report = good.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        report.pointer_mut(parent).unwrap()[key] = value.clone();
        assert!(!schema.is_valid(&report), "{place} may be {value}");
    }
}

#[test]
fn a_run_writes_the_same_bytes_twice_and_again_from_its_own_report() {
    let (first, report) = written();
    let (second, _) = written();
    let names =
        ["report.json", "units.csv", "concepts.svg", "conv5_3/concepts.svg", "conv5_3/strips/0.jpg", "report.html"];
    for name in names {
        assert_eq!(fs::read(first.path().join(name)).unwrap(), fs::read(second.path().join(name)).unwrap(), "{name}");
    }
    let html = text(first.path(), "report.html");
    fs::remove_file(first.path().join("report.html")).unwrap();
    assert_eq!(report::read(first.path()).unwrap(), report);
    report::write(first.path(), &report).unwrap();
    assert_eq!(text(first.path(), "report.html"), html);
}

#[test]
fn the_table_has_a_row_for_every_unit_and_leaves_silent_ones_unlabelled() {
    let (folder, report) = written();
    let mut table = csv::Reader::from_path(folder.path().join("units.csv")).unwrap();
    let rows: Vec<_> = table.records().map(|row| row.unwrap()).collect();
    let units: Vec<_> = report.layers.iter().flat_map(|layer| &layer.units).collect();
    assert_eq!(rows.len(), units.len());
    for (row, unit) in rows.iter().zip(&units) {
        assert_eq!(row[1], unit.unit.to_string());
        match &unit.label {
            Some(label) => assert_eq!((&row[2], row[4].parse()), (label.name.as_str(), Ok(label.iou))),
            None => assert_eq!((&row[2], &row[3], &row[4]), ("", "", "")),
        }
    }
    assert!(units.iter().any(|unit| unit.label.is_none()) && units.iter().any(|unit| unit.label.is_some()));
}

#[test]
fn the_page_needs_no_other_file_and_allows_no_script_but_its_own() {
    let (folder, report) = written();
    let html = text(folder.path(), "report.html");
    let strips = report.layers.iter().flat_map(|layer| &layer.units).filter(|unit| unit.strip.is_some()).count();
    assert_eq!(html.matches("\"/9j/").count(), strips, "every strip is in the page");
    assert!(html.contains("default-src &#x27;none&#x27;") || html.contains("default-src 'none'"), "no policy");
    for outside in [" src=\"http", "@import", "<link", "<iframe", "url(http"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn names_of_files_and_concepts_stay_text() {
    let (folder, _) = written();
    let html = text(folder.path(), "report.html");
    assert!(!html.contains(HOSTILE), "a name is in the page as it is");
    // The page's own elements and no others: a name that ended its element would add one.
    assert_eq!(html.matches("<script").count(), 5, "report, look, two layers, the page's own");
    assert_eq!(html.matches("</script>").count(), 5);
    assert!(html.contains("\\u003c/script\\u003e"), "the hostile name is in the data, escaped");
    let svg = text(folder.path(), "conv5_3/concepts.svg");
    assert!(svg.contains("&lt;/script&gt;") && !svg.contains("<img"), "{svg}");
}

#[test]
fn pictures_too_large_for_the_page_stay_beside_it() {
    let (folder, report) = written();
    let read = |strip: &str| Ok(fs::read(folder.path().join(strip)).unwrap());
    let html = report::html::page(&report, &read, 10_000).unwrap();
    assert!(html.contains("keep it in the folder") && html.contains("\"conv5_3/strips/0.jpg\""));
    assert!(!html.contains("\"/9j/"));
}

#[test]
fn a_report_cannot_lead_out_of_its_folder() {
    let (folder, report) = written();
    for path in ["../secret.jpg", "/etc/hostname", "conv5_3/../../secret.jpg"] {
        let mut wrong = report.clone();
        wrong.layers[0].units[0].strip = Some(path.into());
        let error = report::write(folder.path(), &wrong).unwrap_err();
        assert!(error.to_string().contains("inside the run folder"), "{error}");
    }
    for name in ["..", "/tmp", "a/b", "a\\b", ""] {
        let mut wrong = report.clone();
        wrong.layers[0].layer = name.into();
        let error = report::write(folder.path(), &wrong).unwrap_err();
        assert!(error.to_string().contains("plain folder name"), "{name}: {error}");
    }
}

#[test]
fn reports_of_another_version_and_broken_ones_are_refused_with_their_place() {
    let (folder, _) = written();
    let path = folder.path().join("report.json");
    fs::write(&path, "{\"schema_version\": 99}").unwrap();
    let error = report::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("report.json") && error.contains("version 99"), "{error}");
    fs::write(&path, "{\"schema_version\": 1, \"tool\"").unwrap();
    let error = report::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("report.json") && error.contains("not a report"), "{error}");
}

/// For looking at: `NETDISSECT_KEEP_REPORT=DIR cargo test --test report kept` leaves a large report in DIR.
#[test]
fn a_kept_report_is_complete() {
    let kept = std::env::var_os("NETDISSECT_KEEP_REPORT");
    let folder = tempfile::tempdir().unwrap();
    let dir = kept.as_ref().map_or(folder.path(), Path::new);
    let report = synthetic_run(dir, if kept.is_some() { 512 } else { 3 });
    report::write(dir, &report).unwrap();
    assert!(dir.join("report.html").exists());
}
