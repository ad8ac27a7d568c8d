use std::fs;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn labels(h: u32, w: u32) -> RawLabels {
    let map = |factor: u32| (0..h * w).map(|cell| (cell * factor / 7 % 400) as u16).collect::<Vec<_>>();
    RawLabels { h, w, object: map(1), part: Some(map(3)), material: None, color: Some(map(5)) }
}

fn cache(folder: &Path) -> LabelCache {
    LabelCache::within(Some(folder), json!({ "weights": "abc", "grid": [3, 4] }))
}

fn image(name: &str) -> ImageHash {
    ImageHash::of_parts(&[name.as_bytes()])
}

/// The only entry below a folder.
fn file(cache: &LabelCache, name: &str) -> PathBuf {
    cache.path(&image(name)).unwrap()
}

#[test]
fn what_was_put_is_found_again_by_another_process_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let first = cache(folder.path());
    assert_eq!(first.get(&image("a")), None);
    first.put(&image("a"), &labels(3, 4));
    let second = cache(folder.path());
    assert_eq!(second.get(&image("a")), Some(labels(3, 4)));
    assert_eq!(second.get(&image("b")), None);
    assert_eq!((first.counts(), second.counts()), ((0, 1), (1, 1)));
    assert_eq!(first.trouble(), None);
}

#[test]
fn the_order_of_a_key_s_fields_does_not_matter_and_its_values_do() {
    let folder = tempfile::tempdir().unwrap();
    let within = |key| LabelCache::within(Some(folder.path()), key);
    within(json!({ "a": 1, "b": { "c": 2, "d": 3 } })).put(&image("x"), &labels(2, 2));
    assert!(within(json!({ "b": { "d": 3, "c": 2 }, "a": 1 })).get(&image("x")).is_some());
    assert!(within(json!({ "b": { "d": 3, "c": 2 }, "a": 2 })).get(&image("x")).is_none());
}

#[test]
fn every_changed_bit_and_every_missing_byte_makes_a_miss_and_the_entry_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    cache.put(&image("a"), &labels(3, 4));
    let path = file(&cache, "a");
    let whole = fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, flipped).unwrap();
        assert_eq!(cache.get(&image("a")), None, "bit {bit}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(cache.get(&image("a")), None, "{length} bytes");
    }
    fs::write(&path, [whole.clone(), vec![0]].concat()).unwrap();
    assert_eq!(cache.get(&image("a")), None, "a byte more");
    cache.put(&image("a"), &labels(3, 4));
    assert_eq!(fs::read(&path).unwrap(), whole);
}

/// An entry whose checksum fits what it says.
fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    content.truncate(content.len() - 32);
    let checksum = Sha256::digest(&content);
    content.extend_from_slice(&checksum);
    content
}

#[test]
fn entries_of_another_version_key_or_image_or_with_sizes_that_lie_are_misses_even_with_a_checksum_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    cache.put(&image("a"), &labels(3, 4));
    let path = file(&cache, "a");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, sealed(whole.clone())).unwrap();
    assert!(cache.get(&image("a")).is_some());
    // Version, key, image, rows, columns, which maps.
    for (at, value) in [(8, 2), (12, 0xAA), (44, 0xAA), (76, 2), (79, 0xFF), (80, 5), (84, 7), (84, 1)] {
        let mut other = whole.clone();
        other[at] = value;
        fs::write(&path, sealed(other)).unwrap();
        assert_eq!(cache.get(&image("a")), None, "byte {at}");
    }
    let other = file(&cache, "b");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, &whole).unwrap();
    assert_eq!(cache.get(&image("b")), None, "another image's entry under its name");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_the_work_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "x").unwrap();
    let cache = cache(&in_the_way);
    cache.put(&image("a"), &labels(3, 4));
    let told = cache.trouble().unwrap();
    assert!(told.starts_with("label maps are no longer kept for later runs: "), "{told}");
    cache.put(&image("a"), &labels(3, 4));
    assert_eq!((cache.trouble(), cache.get(&image("a"))), (None, None));
    assert_eq!(fs::read(in_the_way).unwrap(), b"x");
    let none = LabelCache::within(None, json!({}));
    none.put(&image("a"), &labels(3, 4));
    assert_eq!((none.trouble(), none.get(&image("a"))), (None, None));
}

#[test]
fn many_threads_may_write_and_read_the_same_entries() {
    let folder = tempfile::tempdir().unwrap();
    let path = Arc::new(folder.path().to_owned());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = Arc::clone(&path);
            std::thread::spawn(move || {
                let cache = cache(&path);
                for round in 0..40 {
                    let image = image(&(round % 4).to_string());
                    assert!(cache.get(&image).is_none_or(|found| found == labels(8, 9)));
                    cache.put(&image, &labels(8, 9));
                    assert_eq!(cache.get(&image), Some(labels(8, 9)));
                }
                assert_eq!(cache.trouble(), None);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn images_are_told_apart_by_pixels_and_size_not_by_name() {
    let of = |name, pixels: &[u8], h, w| ImageHash::of(&ConceptInput { name, pixels: Pixels::Rgb(pixels), h, w });
    assert_eq!(of("a", &[1; 6], 1, 2), of("b", &[1; 6], 1, 2));
    assert_ne!(of("a", &[1; 6], 1, 2), of("a", &[1; 6], 2, 1));
    assert_ne!(of("a", &[1; 6], 1, 2), of("a", &[2; 6], 1, 2));
    let signed = ConceptInput { name: "a", pixels: Pixels::Signed(&[1.0; 6]), h: 1, w: 2 };
    let bytes: &[u8] = bytemuck::cast_slice(&[1.0f32; 6]);
    assert_ne!(ImageHash::of(&signed), of("a", bytes, 1, 2));
    assert_ne!(ImageHash::of_parts(&[b"ab", b"c"]), ImageHash::of_parts(&[b"a", b"bc"]));
}

fn age(path: &Path, days: u64) {
    let file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - NOTE_USE_EVERY * days as u32).unwrap();
}

#[test]
fn a_use_is_noted_by_the_file_s_time_and_not_again_on_the_same_day() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    cache.put(&image("a"), &labels(3, 4));
    let path = file(&cache, "a");
    let modified = || fs::metadata(&path).unwrap().modified().unwrap();
    let fresh = modified();
    cache.get(&image("a")).unwrap();
    assert_eq!(modified(), fresh);
    age(&path, 3);
    cache.get(&image("a")).unwrap();
    assert!(modified() >= fresh - NOTE_USE_EVERY / 2);
}

fn total(networks: &[KeptNetwork]) -> (usize, u64) {
    (networks.iter().map(|network| network.entries.len()).sum(), networks.iter().map(KeptNetwork::bytes).sum())
}

#[test]
fn the_least_recently_used_entries_of_all_networks_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let networks = ["one", "two"].map(|name| LabelCache::within(Some(folder.path()), json!({ "network": name })));
    for number in 0..6u64 {
        let cache = &networks[number as usize % 2];
        cache.put(&image(&number.to_string()), &labels(9, 9));
        age(&file(cache, &number.to_string()), 10 * number);
    }
    let found = survey(folder.path());
    let (count, bytes) = total(&found);
    assert_eq!((found.len(), count), (2, 6));
    assert!(found.iter().any(|network| network.key == Some(json!({ "network": "one" }))));
    let each = bytes / 6;
    let days = |days: u32| Some(NOTE_USE_EVERY * days);
    assert_eq!(total(&KeptNetwork::beyond(&found, None, days(25))).0, 3);
    assert_eq!(total(&KeptNetwork::beyond(&found, Some(each * 4), None)).0, 2);
    assert_eq!(total(&KeptNetwork::beyond(&found, Some(each * 4), days(15))).0, 4);
    assert!(KeptNetwork::beyond(&found, Some(bytes), days(100)).is_empty());
    remove(folder.path(), &KeptNetwork::beyond(&found, Some(each * 2), None)).unwrap();
    let kept = |number: usize| networks[number % 2].get(&image(&number.to_string())).is_some();
    assert_eq!((0..6).map(kept).collect::<Vec<_>>(), [true, true, false, false, false, false]);
}

#[test]
fn removing_everything_leaves_no_folder_and_spares_what_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    cache.put(&image("a"), &labels(9, 9));
    cache.put(&image("b"), &labels(9, 9));
    assert_eq!(remove(folder.path(), &survey(folder.path())).unwrap().0, 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    cache.put(&image("a"), &labels(9, 9));
    let path = file(&cache, "a");
    let near = |name: &str| path.with_file_name(name);
    let foreign = near(&format!("{}{}", &image("a").hex()[..2], "0".repeat(62)));
    fs::write(&foreign, "somebody else's").unwrap();
    fs::write(near("notes.txt"), "mine").unwrap();
    fs::write(near(".netdissect-old.partial"), "half").unwrap();
    fs::write(near(".netdissect-new.partial"), "half").unwrap();
    age(&near(".netdissect-old.partial"), 2);
    assert_eq!(total(&survey(folder.path())).0, 1);
    assert_eq!(remove(folder.path(), &survey(folder.path())).unwrap().0, 1);
    let left: Vec<bool> =
        [&path, &foreign, &near("notes.txt"), &near(".netdissect-old.partial"), &near(".netdissect-new.partial")]
            .map(|path| path.exists())
            .to_vec();
    assert_eq!(left, [false, true, true, false, true]);
}

#[cfg(unix)]
#[test]
fn links_are_neither_followed_nor_removed() {
    use std::os::unix::fs::symlink;
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let theirs = cache(elsewhere.path());
    theirs.put(&image("a"), &labels(9, 9));
    let target = file(&theirs, "a");
    // The folder of all label maps, that of a network, that of a beginning, and the entry itself are links in turn.
    for depth in 0..4 {
        let path = target.ancestors().nth(3 - depth).unwrap();
        let link = folder.path().join(path.strip_prefix(elsewhere.path()).unwrap());
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(path, &link).unwrap();
        assert_eq!(total(&survey(folder.path())).0, 0, "{depth}");
        remove(folder.path(), &survey(elsewhere.path())).unwrap();
        assert!(target.exists() && link.symlink_metadata().is_ok(), "{depth}");
        fs::remove_file(link).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_maps_come_back_and_any_bytes_are_read_without_a_panic(
        (h, w, which, values) in (0u32..12, 0u32..12, 0u8..8)
            .prop_flat_map(|(h, w, which)| (Just(h), Just(w), Just(which), proptest::collection::vec(any::<u16>(), (4 * h * w) as usize))),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let cells = (h * w) as usize;
        let map = |at: usize| values[at * cells..(at + 1) * cells].to_vec();
        let optional = |bit: u8, at| (which & bit > 0).then(|| map(at));
        let raw = RawLabels { h, w, object: map(0), part: optional(1, 1), material: optional(2, 2), color: optional(4, 3) };
        let (key, image) = ([7; 32], [9; 32]);
        let bytes = entry::encode(&raw, &key, &image).unwrap();
        prop_assert_eq!(entry::decode(&bytes, &key, &image), Some(raw));
        let head = &bytes[..noise.len() % (bytes.len() + 1)];
        prop_assert_eq!(entry::decode(&[head, &noise[..]].concat(), &key, &image), None);
        let _ = entry::decode(&sealed([&bytes[..85], &noise[..], &[0; 32]].concat()), &key, &image);
    }
}
