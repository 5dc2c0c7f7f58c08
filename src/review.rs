//! What an edit of a policy means, before it is merged: which bounds became tighter or looser, which recorded decisions
//! change, which thresholds no test would notice, and what another number would have caught.
//!
//! All of it is pure: two policies and recordings in memory go in, values come out. The engine is the same one that
//! decides live; nothing here evaluates by itself.

pub mod advances;
pub mod case;
pub mod change;
pub mod compare;
pub mod drawn;
pub mod gate;
pub mod located;
pub mod mutate;
pub mod outcome;
pub mod per_step;
pub mod removed;
pub mod structure;
pub mod sweep;
pub mod tally;
pub mod verdict;
