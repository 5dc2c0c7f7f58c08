//! Pages in a real browser: laid out with size, in both themes, on a phone and on a wide screen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;

use crate::support::write_page;

/// The browser, or a failure that says what to install: a page that nobody looked at is not tested.
fn browser() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    found.into_iter().find(|path| path.is_file()).expect(
        "no Chromium is installed; on Debian: apt-get install chromium (scripts/test does so), \
         elsewhere put `chromium` or `google-chrome` in the PATH",
    )
}

/// Runs the browser on a file, with a profile of its own, and waits for its end.
fn run(page: &Path, arguments: &[String]) -> Vec<u8> {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--force-device-scale-factor=1", "--force-color-profile=srgb"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What a page looks like.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

type Colour = [u8; 3];

impl Picture {
    fn take(page: &Path, (width, height): (u32, u32), dark: bool) -> Picture {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picture.png");
        let mut arguments = vec![format!("--screenshot={}", file.display()), format!("--window-size={width},{height}")];
        // 0 is dark, 1 is light: the only switch of these that Chromium's headless mode listens to.
        arguments.push(format!("--blink-settings=preferredColorScheme={}", i32::from(!dark)));
        run(page, &arguments);
        let bytes = fs::read(file).expect("the browser took a picture");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut buffer).unwrap();
        let channels = info.color_type.samples();
        let pixels = buffer[..info.buffer_size()].chunks(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        Picture { width: info.width as usize, pixels: pixels.collect() }
    }

    fn rows(&self) -> impl Iterator<Item = &[Colour]> {
        self.pixels.chunks(self.width)
    }

    /// How wide the widest unbroken stretch of a colour is, and on how many rows there is one at least half as wide.
    fn widest(&self, colour: Colour) -> (usize, usize) {
        let stretch = |row: &[Colour]| row.split(|pixel| *pixel != colour).map(<[_]>::len).max().unwrap_or(0);
        let stretches: Vec<usize> = self.rows().map(stretch).collect();
        let widest = stretches.iter().copied().max().unwrap_or(0);
        (widest, stretches.iter().filter(|stretch| **stretch * 2 >= widest.max(1)).count())
    }

    fn count(&self, colour: Colour) -> usize {
        self.pixels.iter().filter(|pixel| **pixel == colour).count()
    }

    /// The corner, which is nothing but the page's ground.
    fn ground(&self) -> Colour {
        self.pixels[0]
    }

    /// Anything that is not the ground in the last columns: something sticks out of a page that is too narrow for it.
    fn touches_the_right_edge(&self) -> bool {
        self.rows().any(|row| row.iter().rev().take(4).any(|pixel| *pixel != self.ground()))
    }
}

/// `#a3c5e6`, as the style has it.
fn colour(hex: &str) -> Colour {
    let part = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    [part(1), part(3), part(5)]
}

fn luminance(colour: Colour) -> f64 {
    let linear = |part: u8| {
        let share = f64::from(part) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The variables of the style: those of the light theme, then those of the dark one.
fn themes() -> [Vec<(String, Colour)>; 2] {
    let style = include_str!("../../templates/page.css");
    let (light, rest) = style.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let (dark, _) = rest.split_once("\n* {").unwrap();
    [light, dark].map(|part| {
        let variables = part.split(['{', ';']).filter_map(|one| one.trim().strip_prefix("--"));
        let pair = |text: &str| {
            let (name, value) = text.split_once(':')?;
            let value = value.trim();
            (value.len() == 7).then(|| (name.to_owned(), colour(value)))
        };
        variables.filter_map(pair).collect()
    })
}

fn value(theme: &[(String, Colour)], name: &str) -> Colour {
    theme.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("--{name}")).1
}

#[rstest]
#[case::light(false)]
#[case::dark(true)]
fn bands_and_charts_are_laid_out_in_both_themes(#[case] dark: bool) {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    write_page("isolation-leak-grows", "request-isolation", &[], &page);
    let theme = &themes()[usize::from(dark)];
    for (width, least) in [(1280, 500), (500, 250)] {
        let picture = Picture::take(&page, (width, 1600), dark);
        assert_eq!(picture.width, width as usize);
        assert_eq!(picture.ground(), value(theme, "ground"), "the ground at {width}");
        // The stage `staged` goes over two thirds of the recording, as a band and not as a hairline.
        let (widest, rows) = picture.widest(value(theme, "s3"));
        assert!(widest >= least && (15..40).contains(&rows), "the stage at {width}: {widest} wide on {rows} rows");
        // The verdict's ground, the line of the readings, the P0 bound.
        let (verdict, _) = picture.widest(value(theme, "p0-soft"));
        assert!(verdict > width as usize / 2, "the verdict at {width}: {verdict}");
        assert!(picture.count(value(theme, "r0")) > 100, "readings at {width}");
        let (bound, _) = picture.widest(value(theme, "p0"));
        assert!(bound >= least, "the P0 bound at {width}: {bound}");
        assert!(!picture.touches_the_right_edge(), "something sticks out at {width}");
    }
}

#[test]
fn the_browser_reads_the_same_page_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    write_page("one-bad-region", "web-service", &[], &page);
    let shown = String::from_utf8(run(&page, &["--dump-dom".to_owned()])).unwrap();
    let written = fs::read_to_string(&page).unwrap();
    // The browser repairs what it finds broken: it must have found nothing.
    for tag in ["<section", "<svg", "<tbody", "<details", "<rect", "<path", "<title", "<text"] {
        assert_eq!(shown.matches(tag).count(), written.matches(tag).count(), "{tag}");
    }
    assert!(!shown.contains("<script"));
}

#[test]
fn a_page_prints() {
    let folder = tempfile::tempdir().unwrap();
    let (page, paper) = (folder.path().join("page.html"), folder.path().join("page.pdf"));
    write_page("isolation-leak-grows", "request-isolation", &[], &page);
    run(&page, &[format!("--print-to-pdf={}", paper.display())]);
    let bytes = fs::read(paper).unwrap();
    assert!(bytes.starts_with(b"%PDF"));
    let pages = bytes.windows(11).filter(|window| window == b"/Type /Page").count();
    assert!((2..=8).contains(&pages), "{pages} sheets of paper");
}

#[test]
fn words_can_be_read_on_every_ground_they_stand_on() {
    for (name, theme) in ["light", "dark"].into_iter().zip(themes()) {
        for ink in ["ink", "quiet", "p0", "p1", "p2", "go", "blind"] {
            for ground in ["ground", "raised"] {
                let ratio = contrast(value(&theme, ink), value(&theme, ground));
                assert!(ratio >= 4.5, "{name}: {ink} on {ground} is {ratio:.2}");
            }
        }
        for soft in ["p0-soft", "p1-soft", "p2-soft", "go-soft", "blind-soft", "s0", "s1", "s2", "s3", "s4"] {
            let ratio = contrast(value(&theme, "ink"), value(&theme, soft));
            assert!(ratio >= 4.5, "{name}: ink on {soft} is {ratio:.2}");
        }
        for soft in ["p0", "go", "blind"] {
            let ratio = contrast(value(&theme, "quiet"), value(&theme, &format!("{soft}-soft")));
            assert!(ratio >= 4.5, "{name}: quiet on {soft}-soft is {ratio:.2}");
        }
        for line in ["r0", "r1", "r2", "r3", "r4", "r5", "p0", "p1", "p2", "go", "quiet"] {
            let ratio = contrast(value(&theme, line), value(&theme, "ground"));
            assert!(ratio >= 3.0, "{name}: a line of {line} is {ratio:.2}");
        }
    }
}
