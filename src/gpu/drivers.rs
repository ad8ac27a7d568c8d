//! Why there is no adapter: what the environment tells the Vulkan loader, looked at where nothing was found.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};
use crate::files;

/// Variables that name description files of drivers, or folders of such; the first that is set says which are looked at, the last adds.
const NAMING: [&str; 3] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"];
/// Variables that leave drivers out by the names of their files.
const FILTERING: [&str; 2] = ["VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE"];

/// What to install where nothing was found.
const INSTALL_HINT: &str = if cfg!(target_os = "linux") {
    "install a Vulkan driver; without a GPU: `apt-get install mesa-vulkan-drivers libvulkan1` (Debian, Ubuntu), \
     `dnf install mesa-vulkan-drivers vulkan-loader` (Fedora), `pacman -S vulkan-swrast vulkan-icd-loader` (Arch)"
} else if cfg!(target_os = "macos") {
    "Metal needs macOS 10.15 or later on a Mac with a GPU that supports it"
} else {
    "update the graphics driver; Windows 10 and later bring a software adapter (WARP) with DirectX 12"
};

/// The error of a machine without an adapter; names what the environment says that keeps drivers from being found.
pub fn no_adapter() -> Error {
    explained(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn explained(variable: impl Fn(&str) -> Option<String>) -> Error {
    let error = |cause: &str| Error::new(Kind::NoDevice, format!("no Vulkan, Metal or DX12 adapter was found{cause}"));
    let set = |name: &&'static str| variable(name).map(|value| (*name, value));
    let unset = |name: &str| match NAMING.contains(&name) {
        true => format!("unset {name}, or let it name the .json file of a driver"),
        false => format!("unset {name}"),
    };
    let named: Vec<(&str, String)> = NAMING.iter().filter_map(set).collect();
    for (name, value) in &named {
        for path in std::env::split_paths(value) {
            if let Some(problem) = problem(&path) {
                return error(&format!(": {name} names {}, {problem}", path.display())).hint(unset(name));
            }
        }
    }
    match named.into_iter().next().or_else(|| FILTERING.iter().find_map(set)) {
        Some((name, value)) => {
            error(&format!(": {name} is set to {value}, and with it there is none")).hint(unset(name))
        }
        None => error("").hint(INSTALL_HINT),
    }
}

/// What is wrong with a description of a driver, if anything is.
fn problem(path: &Path) -> Option<String> {
    if files::is_folder(path) {
        let is_description = |entry: std::fs::DirEntry| entry.path().extension().is_some_and(|ending| ending == "json");
        let some = files::list(path).is_ok_and(|entries| entries.flatten().any(is_description));
        return (!some).then(|| "a folder without a .json file".to_owned());
    }
    if !files::exists(path) {
        return Some("which is not there".to_owned());
    }
    let Ok(text) = files::read_to_string(path) else {
        return Some("which cannot be read".to_owned());
    };
    let Ok(description) = serde_json::from_str::<serde_json::Value>(&text) else {
        return Some("which is no JSON".to_owned());
    };
    let Some(library) = description["ICD"]["library_path"].as_str() else {
        return Some("which describes no driver (it has no ICD.library_path)".to_owned());
    };
    // A bare name is searched for by the system.
    let library = PathBuf::from(library);
    let lies = path.parent().unwrap_or(Path::new("")).join(&library);
    let is_path = library.components().count() > 1;
    (is_path && !files::exists(&lies)).then(|| format!("whose driver {} is not there", library.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_hide_all_drivers_are_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name).display().to_string()
        };
        let good = file("good.json", r#"{"ICD": {"library_path": "libvulkan_lvp.so"}}"#);
        for (value, problem) in [
            ("/nowhere/icd.json".to_owned(), "which is not there"),
            (file("words.json", "not json"), "which is no JSON"),
            (file("empty.json", "{}"), "which describes no driver"),
            (file("gone.json", r#"{"ICD": {"library_path": "./gone.so"}}"#), "whose driver ./gone.so is not there"),
            (format!("{good}:/nowhere/other.json"), "names /nowhere/other.json, which is not there"),
            (good.clone(), "and with it there is none"),
        ] {
            for name in NAMING {
                let error = explained(|asked| (asked == name).then(|| value.clone()));
                let text = error.to_string();
                assert!(text.contains(name) && text.contains(problem), "{text}");
                assert!(
                    error.advice().unwrap().starts_with(&format!("unset {name}")) && error.kind() == Kind::NoDevice
                );
            }
        }
        let select = explained(|name| (name == FILTERING[0]).then(|| "*nvidia*".to_owned()));
        assert!(select.to_string().contains("VK_LOADER_DRIVERS_SELECT is set to *nvidia*"));
        assert_eq!(explained(|_| None).advice(), Some(INSTALL_HINT));
    }
}
