//! Progress on a terminal: a bar with rate and time left; elsewhere a plain line every ten seconds.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::printable_lines;
use crate::progress::Progress;

/// Time between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A listener for people.
pub(super) struct ProgressShown {
    bar: Mutex<Option<StageShown>>,
    terminal: bool,
    quiet: bool,
    bars: bool,
}

struct StageShown {
    bar: ProgressBar,
    name: String,
    started: Instant,
    said: Instant,
}

impl ProgressShown {
    /// A bar on a terminal, lines elsewhere, only notes if `no_progress`, nothing if `quiet`.
    pub(super) fn new(quiet: bool, no_progress: bool) -> ProgressShown {
        ProgressShown {
            bar: Mutex::new(None),
            terminal: std::io::stderr().is_terminal(),
            quiet,
            bars: !quiet && !no_progress,
        }
    }

    fn end(&self, stage: Option<StageShown>) {
        if let Some(stage) = stage {
            stage.bar.finish_and_clear();
            let count = stage.bar.position();
            if count > 0 && self.bars {
                self.say(&format!("{}: {count} in {:.1} s", stage.name, stage.started.elapsed().as_secs_f64()));
            }
        }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "{}", printable_lines(text));
        }
    }
}

impl Progress for ProgressShown {
    fn stage(&self, name: &str, total: u64) {
        let Ok(mut current) = self.bar.lock() else { return };
        self.end(current.take());
        let hidden = !self.bars || !self.terminal;
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix:20} {wide_bar} {pos}/{len}  {per_sec}  {eta} left") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        let now = Instant::now();
        *current = Some(StageShown { bar, name: name.to_owned(), started: now, said: now });
    }

    fn advance(&self, items: u64) {
        let Ok(mut current) = self.bar.lock() else { return };
        let Some(stage) = current.as_mut() else { return };
        stage.bar.inc(items);
        if self.bars && !self.terminal && stage.said.elapsed() > LINE_EVERY {
            stage.said = Instant::now();
            let (done, total) = (stage.bar.position(), stage.bar.length().unwrap_or(0));
            let left = stage.started.elapsed().as_secs_f64() / done.max(1) as f64 * total.saturating_sub(done) as f64;
            self.say(&format!("{}: {done} of {total}, about {left:.0} s left", stage.name));
        }
    }

    fn note(&self, text: &str) {
        match self.bar.lock().ok().as_ref().and_then(|bar| bar.as_ref()) {
            Some(stage) => stage.bar.suspend(|| self.say(text)),
            None => self.say(text),
        }
    }
}

impl Drop for ProgressShown {
    fn drop(&mut self) {
        if let Ok(mut current) = self.bar.lock() {
            let stage = current.take();
            self.end(stage);
        }
    }
}
