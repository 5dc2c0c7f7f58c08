//! Worlds in which one rule is broken. A simulation that lets them pass proves nothing.

/// The rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The store writes for whoever asks.
    StoreIgnoresTheFence,
    /// The store carries out a batch as often as it comes.
    StoreForgetsTokens,
    /// The store says that a batch is safe and has not written it.
    StoreLies,
    /// The store loses what it acknowledged when it is restarted.
    StoreLoses,
    /// The actuator carries out an older generation.
    ActuatorTakesOlder,
    /// A lease keeper believes in its lease for ever.
    KeeperStays,
    /// Roll backs that were spooled are gone after a crash.
    SpoolForgets,
    /// Old readings are stamped anew on their way in.
    ReadingsAreStampedAnew,
    /// A null is taken for a zero.
    NullIsZero,
    /// The same order has another name each time it comes.
    OrdersHaveNoName,
}
