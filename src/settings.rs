//! The controller's own settings (`rollgate.toml`): where policies, sources and the store are. Nothing in here can alter
//! a decision, which is why they are not part of a policy. Text in, settings and diagnostics out.
