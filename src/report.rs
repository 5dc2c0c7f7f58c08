//! Values to text and JSON. Nothing here decides, reads a file or looks at a clock; every screen is a function of the
//! values it shows and of the [`screen::Screen`] it is shown on.

mod advanced;
pub mod audit;
pub mod bands;
pub mod ci;
pub mod diagnostics;
pub mod diff;
pub mod explain;
pub mod html;
pub mod json;
pub mod layout;
pub mod lines;
pub mod mutate;
pub mod operated;
pub mod outcomes;
pub mod page;
pub mod position;
pub mod recorded;
pub mod replay;
pub mod screen;
pub mod status;
pub mod svg;
pub mod times;
pub mod tune;
mod uncaught;
