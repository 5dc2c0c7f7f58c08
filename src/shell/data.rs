//! Opens recordings: files, standard input, gzip and zstd by their extension or their first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::fixture::data::prometheus::SeriesName;
use crate::fixture::{DataError, Recording};

/// Bytes read from the system at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// A zstd stream that asks for a larger window is refused: it would take that much memory.
const MAX_ZSTD_WINDOW_BYTES: u64 = 64 * 1024 * 1024;

/// Opens one recording; `-` is standard input.
///
/// # Errors
/// The file cannot be opened, or is not what its extension says.
pub fn open_recording(path: &str, series: Option<SeriesName>) -> Result<Recording, DataError> {
    let reader = open_bytes(path).map_err(|cause| DataError::Unreadable { file: path.to_owned(), cause })?;
    let name = if path == "-" { "standard input".to_owned() } else { path.to_owned() };
    Ok(Recording { name, reader, series, format: None })
}

#[expect(clippy::disallowed_methods, reason = "this is the place that opens recordings")]
fn open_bytes(path: &str) -> io::Result<Box<dyn BufRead + Send>> {
    if path == "-" {
        return unpacked(BufReader::with_capacity(BUFFER_BYTES, io::stdin()), "");
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        let fixture = Path::new(path).join("fixture.toml").is_file();
        let why = if fixture {
            "it is a fixture's directory: replay it by itself, or name its data files"
        } else {
            "it is a directory without a fixture.toml: name the files in it"
        };
        return Err(io::Error::new(io::ErrorKind::IsADirectory, why));
    }
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    unpacked(BufReader::with_capacity(BUFFER_BYTES, file), extension.unwrap_or(""))
}

/// The whole of a recording that is in memory already, unpacked.
pub(super) fn unpack(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, DataError> {
    let refuse = |cause| DataError::Unreadable { file: name.to_owned(), cause };
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let mut all = Vec::new();
    unpacked(io::Cursor::new(bytes), extension).map_err(refuse)?.read_to_end(&mut all).map_err(refuse)?;
    Ok(all)
}

/// What the extension says is packed, and what begins like it: standard input has no extension.
fn unpacked<R: BufRead + Send + 'static>(mut bytes: R, extension: &str) -> io::Result<Box<dyn BufRead + Send>> {
    let head = bytes.fill_buf()?;
    let (gzip, zstd) = (head.starts_with(&[0x1f, 0x8b]), head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    Ok(match extension {
        "zst" => Box::new(BufReader::with_capacity(BUFFER_BYTES, Zstd::new(bytes)?)),
        _ if zstd => Box::new(BufReader::with_capacity(BUFFER_BYTES, Zstd::new(bytes)?)),
        "gz" => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(bytes))),
        _ if gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(bytes))),
        _ => Box::new(bytes),
    })
}

/// All frames of a zstd stream one after another, as `cat a.zst b.zst` makes them.
struct Zstd<R: BufRead> {
    /// Moves between `source` (between frames) and the decoder (within one).
    state: State<R>,
}

enum State<R: BufRead> {
    Within(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Done,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> io::Result<Zstd<R>> {
        Ok(Zstd { state: State::Within(Box::new(decoder(source)?)) })
    }
}

fn decoder<R: Read>(source: R) -> io::Result<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>> {
    StreamingDecoder::new_with_max_window_size(source, MAX_ZSTD_WINDOW_BYTES)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let State::Within(decoder_now) = &mut self.state {
            let count = decoder_now.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let State::Within(ended) = std::mem::replace(&mut self.state, State::Done) else { break };
            let mut source = ended.into_inner();
            if !source.fill_buf()?.is_empty() {
                self.state = State::Within(Box::new(decoder(source)?));
            }
        }
        Ok(0)
    }
}
