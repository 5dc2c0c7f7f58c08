//! Reports in the shapes that other tools read: a pull request's annotations, a test tab, a code scanning page, a
//! comment. Every one is written from the same neutral lists, and none of them decides anything.

mod format;

pub use format::Format;
