//! Progress on a terminal: a bar with rate and time left; elsewhere a plain line every ten seconds.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::printable_lines;
use super::words::time_in_words;
use crate::progress::Progress;

/// Time between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Time between looks at rate and time left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A listener for people.
pub(super) struct ProgressShown {
    stage: Mutex<Option<StageShown>>,
    /// Items that follow in stages after the one that begins next.
    foreseen: AtomicU64,
    terminal: bool,
    quiet: bool,
    bars: bool,
}

struct StageShown {
    bar: ProgressBar,
    name: String,
    started: Instant,
    said: Instant,
    pace: Pace,
}

/// How far a stage is, and how fast it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Pace {
    /// Items in all.
    total: u64,
    /// Items done, those before this stage began included.
    done: u64,
    /// Items that were done before.
    resumed: u64,
    /// Items in stages that follow.
    later: u64,
}

impl Pace {
    /// Items done in this stage.
    fn own(self) -> u64 {
        self.done.saturating_sub(self.resumed)
    }

    /// Items a second, and seconds left until the last stage ends; none before an item is done.
    fn rate_and_left(self, seconds: f64) -> Option<(f64, f64)> {
        let rate = self.own() as f64 / seconds;
        let left = (self.total.saturating_sub(self.done) + self.later) as f64;
        (self.own() > 0 && seconds > 0.0).then(|| (rate, left / rate))
    }

    /// Rate and time left in words; nothing before an item is done.
    fn in_words(self, seconds: f64) -> String {
        let Some((rate, left)) = self.rate_and_left(seconds) else { return String::new() };
        let in_all = if self.later > 0 { " in all" } else { "" };
        format!("{}/s, about {} left{in_all}", two_digits(rate), time_in_words(left))
    }

    /// What was done, in words: all, or how much of it.
    fn done_in_words(self, seconds: f64) -> String {
        let of = if self.done < self.total { format!(" of {}", self.total - self.resumed) } else { String::new() };
        let before = if self.resumed > 0 { format!(", {} before", self.resumed) } else { String::new() };
        format!("{}{of} in {seconds:.1} s{before}", self.own())
    }
}

/// A positive number with its first two digits, those before the point not rounded.
fn two_digits(value: f64) -> String {
    let places = if value > 0.0 { (1.0 - value.log10().floor()).clamp(0.0, 9.0) } else { 0.0 };
    format!("{value:.*}", places as usize)
}

impl ProgressShown {
    /// A bar on a terminal, lines elsewhere, only notes if `no_progress`, nothing if `quiet`.
    pub(super) fn new(quiet: bool, no_progress: bool) -> ProgressShown {
        ProgressShown {
            stage: Mutex::new(None),
            foreseen: AtomicU64::new(0),
            terminal: std::io::stderr().is_terminal(),
            quiet,
            bars: !quiet && !no_progress,
        }
    }

    fn finish(&self, stage: Option<StageShown>) {
        if let Some(stage) = stage {
            stage.bar.finish_and_clear();
            if stage.pace.own() > 0 && self.bars {
                self.say(&format!(
                    "{}: {}",
                    stage.name,
                    stage.pace.done_in_words(stage.started.elapsed().as_secs_f64())
                ));
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
    fn foresee(&self, items: u64) {
        self.foreseen.store(items, Ordering::Relaxed);
    }

    fn stage(&self, name: &str, total: u64) {
        let Ok(mut current) = self.stage.lock() else { return };
        self.finish(current.take());
        let hidden = !self.bars || !self.terminal;
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix:20} {wide_bar} {pos}/{len}  {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        let pace = Pace { total, later: self.foreseen.swap(0, Ordering::Relaxed), ..Pace::default() };
        let now = Instant::now();
        *current = Some(StageShown { bar, name: name.to_owned(), started: now, said: now, pace });
    }

    fn resume(&self, items: u64) {
        let Ok(mut current) = self.stage.lock() else { return };
        let Some(stage) = current.as_mut() else { return };
        stage.pace.resumed += items;
        stage.pace.done += items;
        stage.bar.set_position(stage.pace.done);
    }

    fn advance(&self, items: u64) {
        let Ok(mut current) = self.stage.lock() else { return };
        let Some(stage) = current.as_mut() else { return };
        stage.pace.done += items;
        stage.bar.set_position(stage.pace.done);
        let every = if self.terminal { LOOK_EVERY } else { LINE_EVERY };
        if self.bars && stage.said.elapsed() > every {
            stage.said = Instant::now();
            let words = stage.pace.in_words(stage.started.elapsed().as_secs_f64());
            match self.terminal {
                true => stage.bar.set_message(words),
                false => self.say(&format!("{}: {} of {}, {words}", stage.name, stage.pace.done, stage.pace.total)),
            }
        }
    }

    fn note(&self, text: &str) {
        match self.stage.lock().ok().as_ref().and_then(|stage| stage.as_ref()) {
            Some(stage) => stage.bar.suspend(|| self.say(text)),
            None => self.say(text),
        }
    }

    fn end(&self) {
        if let Ok(mut current) = self.stage.lock() {
            let stage = current.take();
            self.finish(stage);
        }
    }
}

impl Drop for ProgressShown {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_counts_neither_as_done_nor_for_the_rate() {
        let pace = Pace { total: 100, done: 60, resumed: 40, later: 100 };
        assert_eq!(pace.rate_and_left(10.0), Some((2.0, 70.0)));
        assert_eq!(pace.in_words(10.0), "2.0/s, about 70.0 s left in all");
        assert_eq!(pace.done_in_words(10.0), "20 of 60 in 10.0 s, 40 before");
        let whole = Pace { total: 100, done: 100, ..Pace::default() };
        assert_eq!(whole.done_in_words(4.0), "100 in 4.0 s");
        assert_eq!(Pace { total: 100, ..Pace::default() }.in_words(3.0), "");
    }

    #[test]
    fn rates_have_two_digits() {
        assert_eq!(
            [0.001_234, 0.56, 1.26, 12.6, 1234.0, 0.0].map(two_digits),
            ["0.0012", "0.56", "1.3", "13", "1234", "0"]
        );
    }
}
