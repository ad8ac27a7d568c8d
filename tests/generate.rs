//! `netdissect generate`, and `activations` of a generator, from the command line to the files.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Place, golden};
use safetensors::SafeTensors;

fn tensor(file: &[u8], name: &str) -> (Vec<usize>, Vec<f32>) {
    let file = SafeTensors::deserialize(file).unwrap();
    let view = file.tensor(name).unwrap();
    let values = view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (view.shape().to_vec(), values.collect())
}

/// A value of the golden's, for both latents.
fn wanted(name: &str) -> Vec<f32> {
    tensor(&std::fs::read(golden("values.safetensors")).unwrap(), name).1
}

fn assert_close(got: &[f32], want: &[f32]) {
    let wide: Vec<f64> = want.iter().map(|&value| f64::from(value)).collect();
    let error = netdissect::reference::graph::relative_error(got, &wide);
    assert!(error < 1e-5, "relative error {error:e}");
}

#[test]
fn pictures_a_sheet_and_numbers_are_pytorchs() {
    let Some(_) = common::gpu() else { return };
    let place = Place::new("tensorflow.npz");
    let words = ["generate", "-w", "g.safetensors", "--latents", "0-1,0", "-o", "images", "--sheet", "sheet.png"];
    place.run(&[&words[..], &["--raw", "raw.safetensors"]].concat(), 0);
    let (dims, numbers) = tensor(&place.read("raw.safetensors"), "images");
    let want = wanted("plain.output_16x16");
    assert_eq!(dims, [3, 3, 16, 16]);
    assert_close(&numbers[..want.len()], &want);
    assert_eq!(numbers[want.len()..], numbers[..want.len() / 2], "the third is the first again");
    assert!(numbers.iter().any(|value| value.abs() > 1.0), "nothing to clamp: it proves nothing");
    let picture = image::open(place.folder.path().join("images/1.png")).unwrap().to_rgb8();
    for (x, y, pixel) in picture.enumerate_pixels() {
        for channel in 0..3 {
            let value = want[want.len() / 2 + (channel * 16 + y as usize) * 16 + x as usize] * 127.5 + 127.5;
            let byte = value.clamp(0.0, 255.0).trunc();
            // A rounding error may carry a value over an integer.
            assert!((f32::from(pixel.0[channel]) - byte).abs() <= 1.0, "({x}, {y}): {} {value}", pixel.0[channel]);
        }
    }
    let sheet = image::open(place.folder.path().join("sheet.png")).unwrap().to_rgb8();
    assert_eq!(sheet.dimensions(), (37, 37));
    assert_eq!(sheet.get_pixel(21 + 3, 7), picture.get_pixel(3, 7));
}

#[test]
fn edited_units_change_the_image_as_in_pytorch() {
    let Some(_) = common::gpu() else { return };
    let place = Place::new("features.pth");
    let generate = |edits: &[&str]| {
        let words = ["generate", "-w", "g.safetensors", "--latents", "0,1", "--batch", "1", "--raw", "raw.safetensors"];
        place.run(&[&words[..], edits].concat(), 0);
        tensor(&place.read("raw.safetensors"), "images").1
    };
    assert_close(&generate(&["--zero", "layer4:0-4,7"]), &wanted("zero.output_16x16"));
    let set = ["--set", "layer4:3-5=3.5@2,6", "--set", "layer2:0=-1.25"];
    assert_close(&generate(&set), &wanted("set.output_16x16"));
}

#[test]
fn latents_of_a_file_and_activations_of_layers() {
    let Some(_) = common::gpu() else { return };
    let place = Place::new("layers.pth");
    let rows: Vec<u8> = wanted("z").into_iter().flat_map(|value| f64::from(value).to_le_bytes()).collect();
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 24, 1, 1), }\n";
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(rows);
    std::fs::write(place.folder.path().join("z.npy"), file).unwrap();
    for latents in [&["--z", "z.npy"][..], &["--latents", "0-1"]] {
        let words = ["activations", "-w", "g.safetensors", "-l", "layer1,layer6", "-o", "values.safetensors"];
        let said = place.run(&[&words[..], latents].concat(), 0);
        assert!(said.contains("layer6  [2, 12, 16, 16]"), "{said}");
        for layer in ["layer1", "layer6"] {
            assert_close(&tensor(&place.read("values.safetensors"), layer).1, &wanted(&format!("plain.{layer}")));
        }
    }
    let complaint = place.run(&["generate", "-w", "g.safetensors", "--z", "z.npy", "--latents", "2", "-o", "x"], 3);
    assert!(complaint.contains("there is no latent 2; z.npy has 2"), "{complaint}");
}

#[test]
fn what_is_not_there_is_named_before_anything_runs() {
    let place = Place::new("layers.pth");
    let generate =
        |words: &[&str], code: i32| place.run(&[&["generate", "-w", "g.safetensors", "-o", "x"], words].concat(), code);
    assert!(generate(&["--latents", "0", "--zero", "layer44:0"], 2).contains("did you mean `layer4`?"));
    assert!(generate(&["--latents", "0", "--zero", "layer4:20"], 3).contains("there is no unit 20; it has 20 units"));
    assert!(generate(&["--latents", "0", "--set", "layer4:0=1@8,0"], 3).contains("its maps are 8x8"));
    assert!(generate(&[], 2).contains("no latents are named"));
    let complaint = generate(&["--latents", "0", "--sheet", "nowhere/sheet.png"], 9);
    assert!(complaint.contains("make the folder that it is to lie in first"), "{complaint}");
    assert!(generate(&["--latents", "9-3"], 2).contains("runs backwards"));
    assert!(!place.folder.path().join("x").exists());
    let words = ["generate", "-w", "g.safetensors", "--latents", "0"];
    assert!(place.run(&words, 2).contains("--output"));
    let complaint = place.run(&["activations", "-w", "g.safetensors", "-l", "layer1", "-o", "x"], 2);
    assert!(complaint.contains("a generator is given latents: `--latents 0-63`"), "{complaint}");
    let words = ["weights", "import", "g.safetensors", "--model", "progan", "-o", "again.safetensors"];
    assert!(place.run(&words, 3).contains("missing `layer1.conv.weight`"));
}

#[test]
fn a_folder_of_pictures_says_what_they_are_and_takes_no_others() {
    let Some(_) = common::gpu() else { return };
    let place = Place::new("layers.pth");
    let generate = |words: &[&str], code: i32| {
        place.run(&[&["generate", "-w", "g.safetensors", "--latents", "3-4", "-o"], words].concat(), code)
    };
    generate(&["images", "--zero", "layer4:0-1"], 0);
    let manifest = place.json("images/manifest.json");
    assert_eq!(
        (&manifest["images"]["latents"], &manifest["images"]["latents_from"]),
        (&"3-4".into(), &"seed 1".into())
    );
    assert_eq!(manifest["edits"][0]["layer"], "layer4");
    assert_eq!(manifest["edits"][0]["units"], serde_json::json!([[0, 0.0], [1, 0.0]]));
    assert_eq!(manifest["model"]["sha256"].as_str().unwrap().len(), 64);
    generate(&["images", "--zero", "layer4:0-1"], 0);
    for (words, what) in [(&["--zero", "layer4:0"][..], "edits"), (&["--zero", "layer4:0-1", "--seed", "2"], "images")]
    {
        let complaint = generate(&[&["images"], words].concat(), 2);
        assert!(complaint.contains(&format!("images: holds other pictures: its manifest.json has other {what}")));
    }
    std::fs::create_dir(place.folder.path().join("holiday")).unwrap();
    std::fs::write(place.folder.path().join("holiday/3.png"), "mine").unwrap();
    assert!(generate(&["holiday"], 2).contains("holds files that are not of this command"));
    assert_eq!(place.read("holiday/3.png"), b"mine");
    let words = ["generate", "-w", "g.safetensors", "--latents", "0"];
    for (option, path, ending) in
        [("--sheet", "a.jpg", "a.png"), ("--raw", "a.png", "a.safetensors"), ("-o", "a.png", "`a`")]
    {
        assert!(place.run(&[&words[..], &[option, path]].concat(), 2).contains(ending), "{option} {path}");
        assert!(!place.folder.path().join(path).exists());
    }
}
