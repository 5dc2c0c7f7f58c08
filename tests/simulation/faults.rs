//! What can go wrong, and how often it did: a fault that never happened proves nothing.

macro_rules! faults {
    ($($name:ident: $text:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault { $($name,)* }

        impl Fault {
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            pub const fn text(self) -> &'static str {
                match self { $(Fault::$name => $text,)* }
            }
        }
    };
}

faults! {
    CrashBefore: "killed before a call takes effect",
    CrashAfter: "killed after a call took effect",
    CrashIdle: "killed between two inputs",
    CrashAtStart: "killed while it starts again",
    PauseBefore: "paused in a call: the effect comes late",
    PauseAfter: "paused in a call: the answer comes late",
    Partition: "cut off from the store",
    RequestsLost: "requests to the store are lost",
    RepliesLost: "replies of the store are lost after the effect",
    ReplyLost: "one reply of the store is lost after the effect",
    Twice: "a request reaches the store twice",
    StoreDown: "the store is unavailable",
    StoreRestarted: "the store is restarted and keeps everything",
    StoreFull: "the store has no room",
    Torn: "the batch that was being written vanishes",
    SpoolRefuses: "the spool refuses",
    ActuatorFails: "the actuator fails",
    ActuatorReplyLost: "the actuator acts and its reply is lost",
    StaleRefused: "the actuator refuses an older generation",
    ClockForth: "the clock jumps forth",
    ClockBack: "the clock jumps back",
    ClockSlow: "the clock runs slow",
    ClockFast: "the clock runs fast",
    LeaseStolen: "the lease goes to another while its holder believes in it",
    LeaseLost: "the lease changes hands",
    LateWrite: "a deposed leader writes and is refused",
    Late: "a snapshot comes late",
    Reordered: "snapshots come out of order",
    Duplicate: "a snapshot comes twice",
    Future: "a snapshot is of the future",
    Repeat: "a source repeats an old time",
    NotANumber: "a reading is no number",
    Null: "a reading is null",
    Gap: "a source is silent",
    OneSided: "only one controller hears a source",
    Pushed: "readings are pushed to whoever leads, and nobody else",
    NoControl: "nothing is told of control",
    SharedCause: "control fails as well",
    ScriptFails: "a script fails on a reading",
    CounterReset: "a counter begins anew",
    NothingKeeps: "neither store nor spool takes a roll back",
    Foreign: "a snapshot is of another rollout",
    JournalRefuses: "the journal refuses",
    JournalTorn: "the journal loses what it had not acknowledged",
    PolicyGood: "a good edit of the policy",
    PolicyBad: "an edit that does not compile",
    PolicyEqual: "an edit that changes nothing",
    PolicyMoves: "an edit that drops a stage",
    TwoPolicies: "two controllers with different policy files",
    OrderTwice: "an order is given twice",
    OrderCutOff: "an order to a controller that is cut off",
    OrderReplyLost: "an order is carried out and its answer is lost",
    Pruned: "entries are pruned behind a checkpoint",
    Handover: "a controller stops and gives the lease back",
}

/// How often each happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally(Vec<u64>);

impl Tally {
    pub fn new() -> Tally {
        Tally(vec![0; Fault::ALL.len()])
    }

    pub fn note(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    pub fn add(&mut self, other: &Tally) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine += theirs);
    }

    pub fn never(&self) -> Vec<&'static str> {
        Fault::ALL.iter().filter(|fault| self.of(**fault) == 0).map(|fault| fault.text()).collect()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for fault in Fault::ALL {
            writeln!(f, "{:>9}  {}", self.of(*fault), fault.text())?;
        }
        Ok(())
    }
}
