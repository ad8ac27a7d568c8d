//! Files that users mistake for weights, and what to do with each.

use std::path::Path;

use super::pickle::{self, Unpickled, Value};
use crate::error::{Error, Result};
use crate::npy;

const NEEDED: &str = "needed a .pth, .safetensors, .onnx or .npz file";
const EXPORT: &str = "export the network to ONNX and import that";

/// Files told by their first bytes: those, what they are, and advice.
const KNOWN: [(&[u8], &str, &str); 12] = [
    (b"\x89HDF", "an HDF5 (Keras) file", EXPORT),
    (b"\x1f\x8b", "compressed with gzip", "unpack it with `gunzip` first"),
    (b"BZh", "compressed with bzip2", "unpack it with `bunzip2` first"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with `unxz` first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with `unzstd` first"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"PK\x07\x08", "one part of a zip archive in several", "put the parts together first"),
    (b"MATLAB", "a MATLAB file", "save its arrays from Python: `numpy.savez(FILE, **arrays)`"),
    (b"GGUF", "a GGUF file of a language model", "a vision network is needed"),
    (b"\x89PNG", "a picture", "name the weights, not an image"),
    (b"\xff\xd8\xff", "a picture", "name the weights, not an image"),
];

/// Bytes that begin a block of a tar archive, its header.
const TAR_BLOCK: usize = 512;

/// What a file is that is no container of weights, if it can be told.
pub(super) fn recognise(source: &[u8], path: &Path) -> Option<Error> {
    if source.starts_with(b"\x93NUMPY") {
        return Some(array(source, path));
    }
    if source.get(257..262) == Some(b"ustar") || is_old_tar(source) {
        return Some(tar(source));
    }
    if source.get(4..8) == Some(b"TFL3") {
        return Some(Error::input(format!("this is a TensorFlow Lite file; {NEEDED}")).hint(EXPORT));
    }
    if let Some(&(_, found, hint)) = KNOWN.iter().find(|(magic, ..)| source.starts_with(magic)) {
        return Some(Error::input(format!("this is {found}; {NEEDED}")).hint(hint));
    }
    match (source, pickle::run(source)) {
        // Protocols before 2 have no mark: only one that is whole and holds something is told from noise.
        ([0x80, ..], program) => Some(pickled(program, path)),
        (_, Ok(program)) if program.length == source.len() && program.length > 8 => Some(pickled(Ok(program), path)),
        _ => beginning_of_text(source).map(recognise_text),
    }
}

/// What a file is that looks like nothing at all; its ending may help.
pub(super) fn unknown(path: &Path) -> Error {
    let error = Error::input(format!("this is no file of weights that can be read, or it was cut short; {NEEDED}"));
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "caffemodel" => error.hint("Caffe's files are not read: convert it to PyTorch or ONNX first"),
        "pb" | "ckpt" | "index" | "meta" | "tflite" => error.hint(format!("TensorFlow's files are not read: {EXPORT}")),
        "t7" => {
            error.hint("Torch7's files are not read: load it in PyTorch 0.4 (`torch.utils.serialization`) and save it")
        }
        "data" | "bin" => error.hint("if it holds data of an .onnx file, name that file instead"),
        _ => error.hint("if it was downloaded, fetch it again and compare its size"),
    }
}

/// The first line of a file of text.
fn beginning_of_text(source: &[u8]) -> Option<&str> {
    let start = &source[..source.len().min(512)];
    let whole = source.len() == start.len();
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if !whole && error.valid_up_to() + 4 > start.len() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_text = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    text.lines().next().filter(|_| is_text)
}

/// Text instead of weights: most often a download that failed.
fn recognise_text(line: &str) -> Error {
    let shown = super::tensor::quote(line);
    let (found, hint) = if line.starts_with("version https://git-lfs") {
        ("a Git LFS pointer, not the file itself".to_owned(), "fetch it with `git lfs pull`")
    } else if line.starts_with('<') {
        ("a web page or XML".to_owned(), "the download probably failed: look at the file in a text editor")
    } else if line.starts_with(['{', '[']) {
        ("JSON text".to_owned(), "name the file with the numbers; an index or a configuration has none")
    } else {
        (format!("text, {shown}"), "the download probably failed: look at the file in a text editor")
    };
    Error::input(format!("this is {found}; {NEEDED}")).hint(hint)
}

/// One array of numpy, or a pickle in its clothes.
fn array(source: &[u8], path: &Path) -> Error {
    match npy::Contents::parse(source) {
        Ok(npy::Contents::Others { pickled: true, .. }) => {
            Error::input(format!("this .npy file holds a pickled object of Python; {NEEDED}")).hint(format!(
                "save what it holds as .npz, in Python, if you trust it (this can run code in the file):\n  import numpy\n  \
                 arrays = numpy.load({}, allow_pickle=True).item()\n  numpy.savez({}, **arrays)",
                python_text(path),
                python_text(&path.with_extension("npz"))
            ))
        }
        Ok(_) => Error::input(format!("this is one array of numpy, without a name; {NEEDED}"))
            .hint("save all arrays of the network together: `numpy.savez(FILE, **arrays)`"),
        Err(error) => error,
    }
}

/// A tar archive: of files to be unpacked, or what PyTorch wrote before 0.2.
fn tar(source: &[u8]) -> Error {
    let names = tar_names(source);
    if ["pickle", "tensors", "storages"].iter().all(|part| names.iter().any(|name| name == part)) {
        return Error::input(format!("this is a tar archive as PyTorch wrote before 0.2; {NEEDED}"))
            .hint("load it in PyTorch and save `model.state_dict()` again");
    }
    let shown: Vec<String> = names.iter().take(4).map(|name| super::tensor::quote(name)).collect();
    let more = if names.len() > shown.len() { " and more" } else { "" };
    Error::input(format!("this is a tar archive, of {}{more}; needed the file in it", shown.join(", ")))
        .hint("unpack it with `tar xf FILE` and name the file that was in it")
}

/// Tar of before 1988 has no mark; its checksum tells.
fn is_old_tar(source: &[u8]) -> bool {
    let Some(block) = source.get(..TAR_BLOCK).filter(|block| block[0] != 0) else { return false };
    let spaces = 8 * u64::from(b' ');
    let sum: u64 =
        block.iter().enumerate().filter(|(at, _)| !(148..156).contains(at)).map(|(_, &b)| u64::from(b)).sum();
    octal(&block[148..156]) == Some(sum + spaces)
}

/// Names of the first members.
fn tar_names(source: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut position = 0usize;
    while let Some(block) = position.checked_add(TAR_BLOCK).and_then(|end| source.get(position..end))
        && block[0] != 0
        && names.len() < 100
    {
        let name = block[..100].split(|&byte| byte == 0).next().unwrap_or_default();
        names.push(String::from_utf8_lossy(name).into_owned());
        let size = octal(&block[124..136]).and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.and_then(|size| size.checked_next_multiple_of(TAR_BLOCK)) else { break };
        position = position.saturating_add(TAR_BLOCK).saturating_add(size);
    }
    names
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

/// A pickle that `torch.save` did not write.
fn pickled(program: Result<Unpickled<'_>>, path: &Path) -> Error {
    let found = "this is a pickle that PyTorch did not write";
    let program = match program {
        Ok(program) => program,
        Err(error) => return Error::input(format!("{found}, and it is damaged: {error}")).hint("fetch it again"),
    };
    let what = program.heap.describe(program.root);
    let error = Error::input(format!("{found}, of {what}; {NEEDED}"));
    let names = |part: &str| program.heap.globals().any(|global| global.module.split('.').next() == Some(part));
    let is_dict = matches!(program.heap.get(program.root), Value::Dict(_));
    if names("torch") {
        error.hint("load it with the program that wrote it and save it with `torch.save(model.state_dict(), FILE)`")
    } else {
        // Networks of NVIDIA's generators keep their arrays under this name; their own code is not needed to take them out.
        let arrays = if is_dict { "found" } else { "dict(network.variables)" };
        let network =
            if is_dict { "" } else { "network = found[-1] if isinstance(found, (list, tuple)) else found\n  " };
        let known: Vec<String> = HARMLESS.iter().map(|name| format!("'{name}'")).collect();
        error.hint(format!(
            "save its arrays as .npz, in Python (this runs none of the file's code):\n  import numpy, pickle\n  \
             known = [{}]\n  class Load(pickle.Unpickler):\n    find_class = lambda self, module, name: super().find_class(module, name) \
             if module + ' ' + name in known else type(name, (dict,), {{}})\n  \
             found = Load(open({}, 'rb'), encoding='latin1').load()\n  {network}numpy.savez({}, **{arrays})",
            known.join(", "),
            python_text(path),
            python_text(&path.with_extension("npz")),
        ))
    }
}

/// Modules and names that a pickle of arrays needs, each of which only makes a value. Whole modules must not stand here: somewhere below
/// numpy lies a function that runs its argument.
const HARMLESS: [&str; 7] = [
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "numpy ndarray",
    "numpy dtype",
    "_codecs encode",
];

/// The text of a path as Python writes it.
fn python_text(path: &Path) -> String {
    let mut text = String::from("'");
    for c in path.to_string_lossy().chars() {
        match c {
            '\'' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> String {
        let error = recognise(bytes, Path::new("/a/b.pkl")).unwrap();
        assert!(error.advice().is_some(), "{error}");
        format!("{error}\n{}", error.advice().unwrap())
    }

    #[test]
    fn files_of_another_kind_are_named() {
        for (bytes, word) in [
            (&b"<!DOCTYPE html>"[..], "web page"),
            (b"\x89HDF\r\n\x1a\n", "Keras"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            (b"\x80\x02}q\x00.", "of a dict"),
            (b"\x80\x02}q\x00", "it is damaged"),
            (b"(dp0\nS'a'\np1\nI3\ns.", "of a dict"),
            (b"\x80\x04\x8c\x07network\x8c\x01N\x93)\x81.", "an object of `network.N`"),
            (b"\x80\x02ctorch._utils\n_rebuild_tensor_v9\n)R.", "torch.save"),
            (b"7z\xbc\xaf\x27\x1c", "7z"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"\x1c\0\0\0TFL3", "Lite"),
            (b"\n\xef\xbb\xbf<html>", "text"),
            (b"\xef\xbb\xbf\r\n <html>", "web page"),
            (b"{\"weight_map\": {}}", "JSON"),
            (b"404: Not Found", "text, `404: Not Found`"),
            ("Zugriff verweigert: \u{fc}".as_bytes(), "text, `Zugriff"),
        ] {
            assert!(told(bytes).contains(word), "{word} is not in {}", told(bytes));
        }
        assert!(recognise(b"\x08\x07\x12\x07pytorch", Path::new("a")).is_none());
        assert!(unknown(Path::new("vgg.caffemodel")).advice().unwrap().contains("Caffe"));
    }

    /// Below `numpy` lies a name for `exec`: only the pairs that arrays need may pass.
    #[test]
    fn what_is_told_to_read_a_pickle_lets_no_name_through_that_runs_anything() {
        let evil = b"\x80\x02]cnumpy.testing._private.utils\nrunstring\nX\x04\0\0\0passX\0\0\0\0\x86Ra.";
        for text in [told(evil), told(b"\x80\x02}q\x00.")] {
            assert!(text.contains("if module + ' ' + name in known else type(") && !text.contains("split"), "{text}");
            let known = text.split_once("known = [").unwrap().1.split_once(']').unwrap().0;
            for pair in known.split(", ") {
                let (module, name) = pair.trim_matches('\'').split_once(' ').unwrap();
                let is_known = match module {
                    "numpy.core.multiarray" | "numpy._core.multiarray" => ["_reconstruct", "scalar"].contains(&name),
                    "numpy" => ["ndarray", "dtype"].contains(&name),
                    module => (module, name) == ("_codecs", "encode"),
                };
                assert!(is_known, "{pair}");
            }
        }
    }

    #[test]
    fn file_names_are_quoted_as_python_reads_them_and_trust_is_asked_for() {
        let hint = |bytes: &[u8]| recognise(bytes, Path::new("a'b\\c\n.pkl")).unwrap().advice().unwrap().to_owned();
        let text = hint(b"\x80\x02}q\x00.");
        assert!(text.contains(r"open('a\'b\\c\x0a.pkl', 'rb')") && text.contains(r"savez('a\'b\\c\x0a.npz'"), "{text}");
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }\n";
        let array = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        let text = hint(&array);
        assert!(
            text.contains("if you trust it") && text.contains(r"load('a\'b\\c\x0a.pkl', allow_pickle=True)"),
            "{text}"
        );
    }

    /// A tar archive of empty files.
    fn tar_of(names: &[&str], mark: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in names {
            let mut block = [0u8; TAR_BLOCK];
            block[..name.len()].copy_from_slice(name.as_bytes());
            block[124..135].copy_from_slice(b"00000000001");
            block[257..257 + mark.len()].copy_from_slice(mark);
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            bytes.extend(block);
            bytes.extend([7; TAR_BLOCK]);
        }
        bytes.extend([0; 1024]);
        bytes
    }

    #[test]
    fn tar_archives_are_named_with_what_they_hold() {
        for mark in [&b"ustar\0"[..], b"ustar  \0", b""] {
            let text = told(&tar_of(&["model.pth", "readme"], mark));
            assert!(text.contains("a tar archive, of `model.pth`, `readme`") && text.contains("tar xf"), "{text}");
            let text = told(&tar_of(&["sys_info", "pickle", "tensors", "storages"], mark));
            assert!(text.contains("before 0.2"), "{text}");
        }
    }
}
