//! What an `if` on an unknown does: neither way is taken as the answer, both are tried. Only when every path ends in a
//! breach is the function one.

/// At this many undecided `if`s on one path a function is given up.
const MAX_UNDECIDED: usize = 6;
/// What is said then.
pub(super) const TOO_MANY: &str = "more than 6 `if`s on unknown facts";
/// What is said of an `if` on a number.
pub(super) const NOT_A_FACT: &str = "an `if` asks for a fact, not for a number";

/// The paths through a function's undecided `if`s, one after the other.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Bit n: which way the n-th undecided `if` of the current path goes.
    choices: u32,
    /// How many of them have been chosen.
    known: usize,
    /// How many this path has passed.
    passed: usize,
}

impl Paths {
    /// Begins a path.
    pub(super) const fn begin(&mut self) {
        self.passed = 0;
    }

    /// Which way an undecided `if` goes on this path.
    pub(super) const fn choose(&mut self) -> Result<bool, &'static str> {
        let at = self.passed;
        self.passed += 1;
        if at >= MAX_UNDECIDED {
            return Err(TOO_MANY);
        }
        if at >= self.known {
            self.choices &= !(1 << at);
            self.known = at + 1;
        }
        Ok(self.choices >> at & 1 == 1)
    }

    /// Moves on to the next path; false when every one has been taken.
    pub(super) const fn next(&mut self) -> bool {
        while self.known > 0 {
            let last = 1 << (self.known - 1);
            if self.choices & last == 0 {
                self.choices |= last;
                return true;
            }
            self.known -= 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_taken_once() {
        let mut paths = Paths::default();
        let mut seen = Vec::new();
        loop {
            paths.begin();
            seen.push((paths.choose().unwrap(), paths.choose().unwrap()));
            if !paths.next() {
                break;
            }
        }
        assert_eq!(seen, [(false, false), (false, true), (true, false), (true, true)]);
    }
}
