//! Which process holds a file, where that can be known: the message "locked" alone helps nobody at 3 a.m.

use std::fs::File;

/// `process 4711 (rollgate)`, or `another process`.
#[must_use]
pub(super) fn holder(file: &File) -> String {
    pid(file).map_or_else(
        || "another process".to_owned(),
        |pid| match name(pid) {
            Some(name) => format!("process {pid} ({name})"),
            None => format!("process {pid}"),
        },
    )
}

/// Linux lists every lock with its process and the file's inode.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "it reads what the kernel says about locks")]
fn pid(file: &File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let inode = file.metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK").skip(3);
        let (pid, place) = (words.next()?, words.next()?);
        let same = place.rsplit(':').next()?.parse::<u64>().ok()? == inode;
        if same { pid.parse().ok() } else { None }
    })
}

#[cfg(not(target_os = "linux"))]
fn pid(_: &File) -> Option<u32> {
    None
}

#[expect(clippy::disallowed_methods, reason = "it reads what the kernel says about a process")]
fn name(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim().to_owned())
}
