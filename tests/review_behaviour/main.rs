//! What two policies make of the same recordings: where they part, which roll backs are lost, gained or moved, and what
//! every single moment would have been under both.

mod history;
mod laws;
mod recorded;
mod world;
