//! Folders of results: whose they are, whether they are done and whole, whether work there may be taken up.
//!
//! A folder is ours, empty, or refused. Ours is one that holds the description of a job that this program wrote; while a command
//! works in it, others are kept out. The list of checksums is written last: where it is, the work is done.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::files::checksums::{Checksums, Damage};
use crate::files::lock::FolderLock;
use crate::hash::sha256;
use crate::progress::Progress;
use crate::{files, report};

/// The files of a run in its folder.
pub struct RunFiles {
    /// What was run.
    pub job: &'static str,
    /// The result that others are made of; beside it stands the list of checksums.
    pub result: &'static str,
    /// Where unfinished work stands; more than one if the work has parts.
    pub states: &'static [&'static str],
}

/// What a folder holds of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing, or another job's results that are to be replaced.
    New,
    /// Work that was stopped, if any was done.
    Unfinished,
    /// Everything, as it was written.
    Done,
    /// Everything, but for these files.
    Damaged(Vec<(String, Damage)>),
}

/// Takes a folder for a command until what is returned is dropped, and makes it where it is missing. It must be empty, or hold one of
/// the files `marks` by which folders of such commands are known.
///
/// # Errors
/// [`Kind::Usage`] if it holds anything else; [`Kind::Busy`] if another process works in it; [`Kind::Output`] if it cannot be made.
pub(crate) fn take(folder: &Path, marks: &[&str]) -> Result<FolderLock> {
    check(folder, marks)?;
    files::make_folder(folder)?;
    FolderLock::take(folder)
}

/// Refuses a folder that holds anything but the work of a command known by `marks`.
///
/// # Errors
/// [`Kind::Usage`] as [`take`]; [`Kind::Input`] if it cannot be looked into.
pub(crate) fn check(folder: &Path, marks: &[&str]) -> Result<()> {
    let refused = |message: String| {
        let error = Error::new(Kind::Usage, message).at(folder.display());
        Err(error.hint("choose a new or an empty folder with `-o`"))
    };
    if !files::exists(folder) {
        return Ok(());
    }
    if !files::is_folder(folder) {
        return refused("is a file; needs a folder".to_owned());
    }
    if marks.iter().any(|mark| files::exists(&folder.join(mark))) {
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in files::list(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !files::is_working(name));
    names.sort();
    match names.first() {
        None => Ok(()),
        Some(first) => refused(format!("holds files that are not of this command, such as `{first}`")),
    }
}

/// Refuses a folder of results within one of images, where a search for images would find the pictures of an earlier run.
///
/// # Errors
/// [`Kind::Usage`] if it lies in one.
pub(crate) fn check_apart(images: &[PathBuf], output: &Path) -> Result<()> {
    let Some(lies) = resolved(output) else { return Ok(()) };
    let mut folders = images.iter().filter(|path| files::is_folder(path)).filter_map(|path| files::resolve(path).ok());
    if folders.any(|folder| lies.starts_with(folder)) {
        let error =
            Error::new(Kind::Usage, "lies in the folder of the images, where results would be taken for images");
        return Err(error.at(output.display()).hint("choose a folder beside it with `-o`"));
    }
    Ok(())
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let known = absolute.ancestors().find_map(|above| Some((files::resolve(above).ok()?, above)))?;
    Some(known.0.join(absolute.strip_prefix(known.1).ok()?))
}

impl RunFiles {
    /// What a folder holds of a job. Other work there is an error, unless it is to be replaced and is of the same command.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it holds other work; [`Kind::Input`] if what it holds cannot be told.
    pub(crate) fn standing(&self, folder: &Path, job: &Value, restart: bool) -> Result<Standing> {
        let (path, result) = (folder.join(self.job), folder.join(self.result));
        let known = Checksums::beside(&result);
        let damaged_job = known.iter().flat_map(|known| known.damaged(|name| name == self.job)).next();
        if let Some((_, damage)) = damaged_job {
            // Its list says whose the folder is, but not of which job.
            let error = Error::input(damage.to_string()).at(path.display());
            let hint = "pass `--restart` to make the run again, or choose another folder with `-o`";
            return if restart { Ok(Standing::New) } else { Err(error.hint(hint)) };
        }
        if !files::exists(&path) {
            return Ok(Standing::New);
        }
        let unknown =
            "what the folder holds cannot be told: choose another with `-o`, or remove it if nothing in it is needed";
        let text = files::read_to_string(&path).map_err(|error| error.hint(unknown))?;
        let found: Value = serde_json::from_str(&text)
            .map_err(|error| Error::input(format!("describes no run: {error}")).at(path.display()).hint(unknown))?;
        let refused =
            |message: String, hint: &str| Err(Error::new(Kind::Usage, message).at(folder.display()).hint(hint));
        let other_command = found.get("command").is_some_and(|command| *command != job["command"]);
        if found["tool"]["name"] != job["tool"]["name"] || other_command {
            return refused("holds a run of another command".to_owned(), "choose another folder with `-o`");
        }
        if restart {
            return Ok(Standing::New);
        }
        let differing = differences(&found, job);
        if let Some(inputs) = only_inputs(&differing) {
            let message =
                format!("holds this run of other {inputs}: they have changed since ({})", differing.join(", "));
            return refused(
                message,
                "pass `--restart` to make it again, choose another folder with `-o`, or bring the files back",
            );
        }
        if !differing.is_empty() {
            let message = format!("holds another run ({} differ)", differing.join(", "));
            return refused(message, "choose another folder with `-o`, or pass `--restart` to replace it");
        }
        Ok(match known {
            Ok(known) if !known.is_there() => Standing::Unfinished,
            Ok(known) => match known.damaged(|_| true) {
                damaged if damaged.is_empty() => Standing::Done,
                damaged => Standing::Damaged(damaged),
            },
            Err(_) => Standing::Damaged(vec![(file_name(&result.with_extension("sha256")), Damage::Changed)]),
        })
    }

    /// Notes what is run in a folder that was taken, and takes away what is to be replaced.
    ///
    /// # Errors
    /// [`Kind::Output`] if the folder cannot be written.
    pub(crate) fn begin(&self, folder: &Path, job: &Value, standing: &Standing, progress: &dyn Progress) -> Result<()> {
        let result = folder.join(self.result);
        match standing {
            Standing::New => {
                Checksums::remove_all(&result)?;
                files::remove_if_there(&result)?;
                self.remove_states(folder)?;
            }
            Standing::Unfinished | Standing::Done => Checksums::remove_list(&result)?,
            Standing::Damaged(damaged) => {
                // All of it: what is left of it would be taken for what comes now.
                progress.note(&format!("{}: made again", in_words(damaged)));
                Checksums::remove_all(&result)?;
            }
        }
        report::write_json(&folder.join(self.job), job)
    }

    /// Says that the work in a folder is done: lists its files with their checksums, those at its top that the work `owns` and all in
    /// its own folders, and takes away the states.
    ///
    /// # Errors
    /// [`Kind::Output`] if the folder cannot be written.
    pub(crate) fn finish(&self, folder: &Path, owns: impl Fn(&str) -> bool) -> Result<()> {
        Checksums::write(&folder.join(self.result), |name| owns(name) && !self.states.contains(&name))?;
        self.remove_states(folder)
    }

    /// Takes away the states, once the work is done.
    ///
    /// # Errors
    /// [`Kind::Output`] if one cannot be removed.
    pub(crate) fn remove_states(&self, folder: &Path) -> Result<()> {
        self.states.iter().try_for_each(|name| files::remove_if_there(&folder.join(name)))
    }
}

/// Files and what became of them, a few of many.
pub(crate) fn in_words(damaged: &[(String, Damage)]) -> String {
    const NAMED: usize = 3;
    let named: Vec<String> = damaged.iter().take(NAMED).map(|(name, damage)| format!("{name} {damage}")).collect();
    let more = damaged.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}

/// A job as a short string, to know unfinished work by.
pub(crate) fn digest(job: &Value) -> String {
    let mut job = job.clone();
    forget_places(&mut job);
    sha256(job.to_string())
}

/// Keys of where inputs lie: what is in them decides, not where.
const PLACES: [&str; 3] = ["folder", "positive", "negative"];

fn forget_places(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|key, _| !PLACES.contains(&key.as_str()));
        fields.values_mut().for_each(forget_places);
    }
}

/// Paths of what differs between two descriptions, such as `settings.quantile`.
fn differences(found: &Value, job: &Value) -> Vec<String> {
    fn compare(found: &Value, job: &Value, path: &str, differing: &mut Vec<String>) {
        let (Value::Object(one), Value::Object(other)) = (found, job) else {
            if found != job {
                differing.push(path.to_owned());
            }
            return;
        };
        let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys.into_iter().filter(|key| !PLACES.contains(&key.as_str())) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&found[key], &job[key], &path, differing);
        }
    }
    let mut differing = Vec::new();
    compare(found, job, "", &mut differing);
    differing
}

/// The inputs that differ, if nothing else does.
fn only_inputs(differing: &[String]) -> Option<&'static str> {
    let maps = |path: &&String| path.as_str() == "label_maps" || path.ends_with(".label_maps");
    let images = |path: &&String| path.ends_with("fingerprint");
    match (differing.iter().filter(maps).count(), differing.iter().filter(images).count()) {
        (0, 0) => None,
        (0, some) if some == differing.len() => Some("images"),
        (some, 0) if some == differing.len() => Some("label maps"),
        (some, more) if some + more == differing.len() => Some("images and label maps"),
        _ => None,
    }
}

/// The path from the root; as it is where the system does not say.
pub(crate) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Name of a file without its folder.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::progress::Silent;

    const FILES: RunFiles = RunFiles { job: "run.json", result: "result.json", states: &["state"] };

    fn job(word: &str) -> Value {
        let numbers: Vec<f64> = (1..4000).map(|number| f64::from(number).ln() / f64::from(number % 97 + 3)).collect();
        json!({ "command": "test", "tool": { "name": "netdissect" }, "numbers": numbers, "word": word,
            "images": { "folder": "here", "fingerprint": "one" } })
    }

    /// A folder in which the job was begun.
    fn begun() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(FILES.standing(folder.path(), &job("a"), false).unwrap(), Standing::New);
        FILES.begin(folder.path(), &job("a"), &Standing::New, &Silent).unwrap();
        folder
    }

    /// A folder in which it was ended.
    fn ended() -> tempfile::TempDir {
        let folder = begun();
        for name in ["result.json", "table.csv", "state"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        FILES.finish(folder.path(), |_| true).unwrap();
        folder
    }

    fn standing(folder: &tempfile::TempDir, job: &Value) -> Result<Standing> {
        FILES.standing(folder.path(), job, false)
    }

    #[test]
    fn a_job_is_known_again_whatever_numbers_are_in_it_and_done_once_its_files_are_listed() {
        let folder = begun();
        assert_eq!(standing(&folder, &job("a")).unwrap(), Standing::Unfinished);
        std::fs::write(folder.path().join("result.json"), "{}").unwrap();
        assert_eq!(standing(&folder, &job("a")).unwrap(), Standing::Unfinished);
        let folder = ended();
        assert!(!folder.path().join("state").exists());
        assert_eq!(standing(&folder, &job("a")).unwrap(), Standing::Done);
    }

    #[test]
    fn a_missing_or_changed_file_of_a_finished_run_is_named() {
        for (name, damage) in
            [("table.csv", Damage::Missing), ("result.json", Damage::Changed), ("result.sha256", Damage::Changed)]
        {
            let folder = ended();
            match damage {
                Damage::Missing => std::fs::remove_file(folder.path().join(name)).unwrap(),
                Damage::Changed => std::fs::write(folder.path().join(name), "[]").unwrap(),
            }
            assert_eq!(standing(&folder, &job("a")).unwrap(), Standing::Damaged(vec![(name.to_owned(), damage)]));
        }
    }

    #[test]
    fn another_job_is_refused_by_what_differs_and_replaced_if_told_to() {
        let folder = ended();
        let error = standing(&folder, &job("b")).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().ends_with("holds another run (word differ)"), "{error}");
        assert_eq!(FILES.standing(folder.path(), &job("b"), true).unwrap(), Standing::New);
        FILES.begin(folder.path(), &job("b"), &Standing::New, &Silent).unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["run.json"]);
    }

    #[test]
    fn inputs_that_changed_are_told_from_those_that_moved() {
        let folder = ended();
        let mut moved = job("a");
        moved["images"]["folder"] = json!(["there"]);
        assert_eq!(standing(&folder, &moved).unwrap(), Standing::Done);
        assert_eq!(digest(&moved), digest(&job("a")));
        moved["images"]["fingerprint"] = json!("two");
        let error = standing(&folder, &moved).unwrap_err();
        assert!(error.to_string().contains("of other images: they have changed since"), "{error}");
        assert_ne!(digest(&moved), digest(&job("a")));
    }

    #[test]
    fn of_a_finished_run_a_lost_or_damaged_description_is_said_to_be_and_replaced_only_if_told_to() {
        for lost in [true, false] {
            let folder = ended();
            let path = folder.path().join("run.json");
            if lost {
                std::fs::remove_file(path).unwrap();
            } else {
                std::fs::write(path, job("b").to_string()).unwrap();
            }
            for job in [job("a"), job("b")] {
                let error = standing(&folder, &job).unwrap_err();
                assert!(error.kind() == Kind::Input && error.to_string().contains("run.json: is"), "{error}");
                assert_eq!(FILES.standing(folder.path(), &job, true).unwrap(), Standing::New);
            }
        }
    }

    #[test]
    fn what_is_no_description_of_ours_is_refused_even_if_told_to_start_over() {
        let folder = begun();
        for (text, kind) in [("{", Kind::Input), ("", Kind::Input), ("{\"a\":1}", Kind::Usage), ("[]", Kind::Usage)] {
            std::fs::write(folder.path().join("run.json"), text).unwrap();
            for restart in [false, true] {
                let error = FILES.standing(folder.path(), &job("a"), restart).unwrap_err();
                assert_eq!(error.kind(), kind, "{text:?}");
            }
        }
        let mut other = job("a");
        other["command"] = json!("other");
        std::fs::write(folder.path().join("run.json"), other.to_string()).unwrap();
        assert!(FILES.standing(folder.path(), &job("a"), true).is_err());
    }

    #[test]
    fn a_folder_is_ours_empty_or_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("new/folder");
        let taken = take(&folder, &["run.json"]).unwrap();
        assert_eq!(take(&folder, &["run.json"]).unwrap_err().kind(), Kind::Busy);
        drop(taken);
        std::fs::write(folder.join(".netdissect-1-x.partial"), "").unwrap();
        drop(take(&folder, &["run.json"]).unwrap());
        std::fs::write(folder.join("report.html"), "").unwrap();
        let error = take(&folder, &["run.json"]).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains("such as `report.html`"), "{error}");
        std::fs::write(folder.join("run.json"), "").unwrap();
        drop(take(&folder, &["run.json"]).unwrap());
        assert!(take(&folder.join("run.json"), &[]).unwrap_err().to_string().contains("is a file"));
    }
}
