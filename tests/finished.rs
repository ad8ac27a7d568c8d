//! What reads a finished run takes network, latents and concepts from it where no others are named, and says when they have changed.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::fs;

use common::{Place, gpu};

/// A generator dissected at layer4 on six latents of a file, and what is passed to each command that reads the run.
fn dissected() -> Place {
    let place = Place::new("layers.pth");
    let rows = netdissect::reference::rng::floats(8 * 24, 5);
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 24), }\n";
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytemuck::cast_slice(&rows));
    fs::write(place.folder.path().join("z.npy"), file).unwrap();
    let words = ["dissect", "-w", "g.safetensors", "-l", "layer4", "--z", "z.npy", "--latents", "1-6"];
    place.run(&[&words[..], &["--concepts", "colors", "--grid", "16x16", "-o", "run"]].concat(), 0);
    place
}

#[test]
fn what_is_not_named_is_that_of_the_run() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let named = ["-w", "g.safetensors", "--z", "z.npy", "--latents", "1-6", "--concepts", "colors"];
    let levels = ["--level-latents", "1-6"];
    for (words, more, file) in [
        (&["remove", "run", "--concept", "blue", "--units", "2"][..], &[][..], "remove.json"),
        (&["insert", "run", "--concept", "blue", "--units", "2", "--positions", "3"], &levels, "insert.json"),
        (&["detect", "run", "--concept", "blue"], &[], "detect.json"),
    ] {
        place.run(&[words, &["-o", "taken"]].concat(), 0);
        place.run(&[words, more, &named, &["-o", "named"]].concat(), 0);
        assert_eq!(place.json(&format!("taken/{file}")), place.json(&format!("named/{file}")), "{file}");
    }
    let zero = ["generate", "--zero", "run:blue:2"];
    place.run(&[&zero[..], &["--raw", "taken.safetensors"]].concat(), 0);
    place.run(&[&zero[..], &named[..6], &["--raw", "named.safetensors"]].concat(), 0);
    assert!(place.read("taken.safetensors") == place.read("named.safetensors"));
    // Numbers alone are rows of the run's file; a seed alone is another stream for the run's numbers.
    place.run(&[&zero[..], &["--latents", "7", "--raw", "row.safetensors"]].concat(), 0);
    assert!(place.run(&[&zero[..], &["--latents", "8", "--raw", "x.safetensors"]].concat(), 3).contains("z.npy has 8"));
    let said = place.run(&[&zero[..], &["--seed", "2", "--raw", "seed.safetensors", "--json"]].concat(), 0);
    assert!(said.contains(r#""images": 6"#), "{said}");
}

#[test]
fn what_has_moved_or_changed_is_said() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let at = |name: &str| place.folder.path().join(name);
    let remove = |words: &[&str], code| {
        place.run(&[&["remove", "run", "--concept", "blue", "--units", "1", "-o", "out"], words].concat(), code)
    };
    fs::rename(at("z.npy"), at("moved.npy")).unwrap();
    let complaint = remove(&[], 3);
    assert!(complaint.contains("z.npy: no such file") && complaint.contains("`--z`"), "{complaint}");
    let mut bytes = place.read("moved.npy");
    *bytes.last_mut().unwrap() ^= 1;
    remove(&["--z", "moved.npy", "--latents", "1-6"], 0);
    // Row 7 is not the run's; row 6 is.
    let end = bytes.len() - 24 * 4;
    bytes[end - 1] ^= 1;
    fs::write(at("z.npy"), bytes).unwrap();
    assert!(remove(&[], 3).contains("its latents are not those that the run run was made with any more"));
    fs::rename(at("moved.npy"), at("z.npy")).unwrap();
    fs::rename(at("g.safetensors"), at("moved.safetensors")).unwrap();
    let complaint = remove(&[], 3);
    assert!(complaint.contains("g.safetensors: no such file") && complaint.contains("a network with `--weights`"));
    remove(&["-w", "moved.safetensors", "--restart"], 0);
    let golden = common::golden("features.pth");
    place.run(&["weights", "import", golden.to_str().unwrap(), "--model", "progan", "-o", "g.safetensors"], 0);
    assert!(remove(&[], 3).contains("has changed since the run run was made with it: SHA-256"));
    assert!(remove(&["-w", "g.safetensors"], 3).contains("is a dissection of other weights"));
    fs::rename(at("moved.safetensors"), at("g.safetensors")).unwrap();
    fs::remove_file(at("run/inputs.json")).unwrap();
    let complaint = remove(&[], 3);
    assert!(complaint.contains("inputs.json") && complaint.contains("`--z`"), "{complaint}");
    // A run that is done notes where its inputs lie now.
    let words = ["dissect", "-w", "g.safetensors", "-l", "layer4", "--z", "z.npy", "--latents", "1-6"];
    place.run(&[&words[..], &["--concepts", "colors", "--grid", "16x16", "-o", "run"]].concat(), 0);
    remove(&["--restart"], 0);
}

#[test]
fn concepts_that_the_run_does_not_have_are_said_with_those_that_it_has() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    for words in [
        &["remove", "run", "-o", "out"][..],
        &["insert", "run", "-o", "out"],
        &["detect", "run", "-o", "out"],
        &["remove", "run", "-o", "out", "--concepts", "colors"],
    ] {
        let complaint = place.run(&[words, &["--concept", "tree"]].concat(), 3);
        let wanted = "run: there is no concept `tree` among its labels (11 color); there are: black, white,";
        assert!(complaint.contains(wanted), "{complaint}");
    }
    assert!(place.run(&["remove", "run", "-o", "out", "--concept", "Blu"], 3).contains("did you mean `blue`?"));
    let words = ["remove", "run", "-o", "out", "--concept", "blue", "--segmenter", "demo-segmenter"];
    let complaint = place.run(&words, 3);
    assert!(complaint.contains("was dissected with 11 color"), "{complaint}");
    assert!(complaint.contains("leave concepts out to take those of the run: --concepts colors"), "{complaint}");
    assert!(!place.folder.path().join("out").exists());
}
