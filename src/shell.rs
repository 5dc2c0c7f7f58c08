//! The file system and the terminal: reads policies and recordings into memory. Decides nothing.

pub mod data;
