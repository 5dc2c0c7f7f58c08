//! Other tools' files to a policy: what can be converted is, what cannot is listed.
pub mod condition;
pub mod region;
pub mod yaml;
