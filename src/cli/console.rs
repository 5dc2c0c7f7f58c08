//! Where a command writes: results to stdout, talk to stderr, both with as much colour as they want.

use std::io::{self, BufWriter, Write};

use anstream::{AutoStream, ColorChoice};

use crate::report::screen::Screen;
use crate::shell::terminal::Terminal;

use super::global::{Color, Global};

/// The handles and the manners of one run.
pub struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// What the terminal can show.
    pub screen: Screen,
    /// One line each, nothing drawn.
    pub plain: bool,
    /// A person may be watching stderr: progress is worth drawing.
    pub watched: bool,
    /// Results go to a screen, not into a file or a pipe.
    pub on_screen: bool,
    /// That screen can be drawn over, and has so many lines.
    pub height: Option<usize>,
    colours: bool,
    /// Problems of policies become annotations on stdout, which the log has as well: drawn on stderr, they would be twice.
    pub annotates: bool,
}

impl Console {
    /// On the process's own handles.
    #[must_use]
    pub fn new(global: &Global, terminal: Terminal) -> Console {
        let choice = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        // A JSON Lines replay writes a line per decision: unbuffered, that is a system call each.
        let out = BufWriter::with_capacity(64 * 1024, AutoStream::new(io::stdout(), choice));
        Console {
            out: Box::new(out),
            err: Box::new(AutoStream::new(io::stderr(), choice)),
            screen: Screen { width: terminal.width, ascii: global.ascii || terminal.ascii },
            plain: global.plain,
            watched: terminal.watched && !global.plain,
            on_screen: terminal.screen,
            height: terminal.height,
            colours: match choice {
                ColorChoice::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
                other => other != ColorChoice::Never,
            },
            annotates: false,
        }
    }

    /// Writes results.
    ///
    /// # Errors
    /// The handle's; a closed pipe is one of them.
    pub fn print(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.out.write_all(text.as_ref().as_bytes())
    }

    /// Writes a line of results.
    ///
    /// # Errors
    /// The handle's; a closed pipe is one of them.
    pub fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.print(text)?;
        self.print("\n")
    }

    /// Draws over the screen; what does not fit is left out at the end.
    ///
    /// # Errors
    /// The handle's.
    pub fn redraw(&mut self, text: &str) -> io::Result<()> {
        // Home; each line to its end; and nothing left below. Moves are no colours: who wants none still wants them.
        const HOME: &str = "\u{1b}[H";
        const TO_LINE_END: &str = "\u{1b}[K";
        const BELOW: &str = "\u{1b}[J";
        self.out.flush()?;
        let text = if self.colours { text.to_owned() } else { anstream::adapter::strip_str(text).to_string() };
        let lines = text.lines().take(self.height.unwrap_or(usize::MAX).saturating_sub(1).max(1));
        let drawn: String = lines.map(|line| format!("{line}{TO_LINE_END}\n")).collect();
        let mut screen = io::stdout();
        screen.write_all(format!("{HOME}{drawn}{BELOW}").as_bytes())?;
        screen.flush()
    }

    /// Empties the screen that is drawn over; what was on it can be scrolled back to.
    ///
    /// # Errors
    /// The handle's.
    pub fn clear(&mut self) -> io::Result<()> {
        self.out.flush()?;
        let mut screen = io::stdout();
        let lines = "\n".repeat(self.height.unwrap_or_default());
        screen.write_all(format!("{lines}\u{1b}[H\u{1b}[2J").as_bytes())?;
        screen.flush()
    }

    /// Looks at the screen again: somebody may have made it wider.
    pub fn measure(&mut self, terminal: Terminal) {
        self.screen.width = terminal.width;
        self.height = terminal.height.or(self.height);
    }

    /// Writes a line of talk; results written before come first.
    ///
    /// # Errors
    /// The handle's.
    pub fn say(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.out.flush()?;
        // In one piece: a log line of another thread must not come before its end.
        self.err.write_all(format!("{}\n", text.as_ref()).as_bytes())
    }

    /// Hands over what is still in memory.
    ///
    /// # Errors
    /// The handle's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }

    /// The handle for results.
    pub fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }
}
