//! Progress on standard error: bars on a terminal, plain lines elsewhere (in a
//! log, bars would be noise).

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const EVERY: Duration = Duration::from_secs(10);

/// The bars of one long step.
pub struct Progress {
    bars: Option<MultiProgress>,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Decides between bars and lines.
    pub fn new() -> Self {
        Self { bars: stderr().is_terminal().then(MultiProgress::new) }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        match &self.bars {
            // Fails only if standard error is gone, and then nobody reads.
            Some(bars) => drop(bars.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// Starts a counted task.
    pub fn task(&self, name: &str, total: u64) -> Task {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(total));
            let style = "{prefix:>10} [{bar:30}] {percent:>3} % {elapsed:>5} {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Task { name: name.to_owned(), total, bar, last: Mutex::new((Instant::now(), 0)) }
    }
}

/// One counted task.
pub struct Task {
    name: String,
    total: u64,
    bar: Option<ProgressBar>,
    last: Mutex<(Instant, u64)>,
}

impl Task {
    /// Advances by `count`.
    pub fn advance(&self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(count);
            return;
        }
        let Ok(mut last) = self.last.lock() else { return };
        last.1 += count;
        if last.0.elapsed() >= EVERY {
            last.0 = Instant::now();
            eprintln!("{}: {} %", self.name, last.1 * 100 / self.total.max(1));
        }
    }

    /// Says what is going on; only a bar shows it.
    pub fn message(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// Ends the task and removes its bar.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
