//! Faults of the surroundings.
