//! Worlds in which one rule is broken. A simulation that lets them pass proves nothing.

/// The rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// The store writes for whoever asks.
    StoreIgnoresTheFence,
    /// The store carries out a batch as often as it comes.
    StoreForgetsTokens,
    /// The store says that a batch is safe and has not written it.
    StoreLies,
    /// The store loses what it acknowledged when it is restarted.
    StoreLoses,
    /// The store turns away what only says how things look.
    StoreTakesNoRemarks,
    /// The actuator carries out an older generation.
    ActuatorTakesOlder,
    /// Of two plans of one generation the actuator takes the last.
    ActuatorTakesHigher,
    /// A roll back is shown as it was decided, also where that is more than is shown.
    ActuatorTakesBackUp,
    /// What neither store nor spool took, the actuator only says that it did.
    ActuatorSparesTheUnkept,
    /// A lease keeper believes in its lease for ever.
    KeeperStays,
    /// Whoever follows is given the lease of whoever leads.
    AllLead,
    /// Roll backs that were spooled are gone after a crash.
    SpoolForgets,
    /// Roll backs that the spool refused are forgotten by whoever did them.
    UnkeptIsForgotten,
    /// Nobody is told what was met on the way.
    NobodyIsTold,
    /// Old readings are stamped anew on their way in.
    ReadingsAreStampedAnew,
    /// A null is taken for a zero.
    NullIsZero,
    /// The same order has another name each time it comes.
    OrdersHaveNoName,
    /// Whatever the policy freezes is not frozen.
    FreezesAreIgnored,
    /// Nobody has to approve.
    ApprovalsAreIgnored,
    /// One reading is a baseline.
    BaselinesAreTakenYoung,
    /// A baseline stays good for ever.
    BaselinesNeverAge,
    /// Nothing is compared with the baseline.
    BaselinesAreNotAsked,
    /// Nothing is compared with control.
    ControlIsNotAsked,
    /// A script that fails is content.
    FaultsAreOpen,
    /// The script's trigger is not there.
    ScriptsAreNotAsked,
    /// The early exit asks for no samples.
    ExitsNeedNoSamples,
    /// The counter is not looked at.
    CountersAreNotAsked,
    /// Bounds are ten times as far away.
    BoundsAreLoose,
    /// Silence counts after five seconds.
    SilenceIsShort,
}

impl Mutant {
    /// Seeds that found it once, where hardly any does: they are asked first.
    pub const fn found_by(self) -> &'static [u64] {
        match self {
            Mutant::ActuatorTakesBackUp => &[9566, 11_683, 26_919, 27_042, 29_055, 37_877, 39_187],
            _ => &[],
        }
    }

    /// Where to begin to look: those that few seeds find are known by one that did. Another would do as well.
    pub const fn first_seed(self) -> u64 {
        match self {
            Mutant::SilenceIsShort => 269,
            Mutant::ActuatorTakesHigher => 205,
            Mutant::ControlIsNotAsked => 148,
            Mutant::FaultsAreOpen => 121,
            Mutant::ScriptsAreNotAsked => 77,
            Mutant::ActuatorTakesOlder => 38,
            Mutant::AllLead => 33,
            Mutant::SpoolForgets => 26,
            Mutant::StoreTakesNoRemarks => 6,
            _ => 0,
        }
    }
}
