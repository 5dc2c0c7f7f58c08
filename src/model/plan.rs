//! A plan: what has to be true of the world after a decision, in absolute terms, so that doing it twice is harmless.

use serde::{Deserialize, Serialize};

use super::ids::{Feature, Generation, Region, StageName};

/// Ordered actions derived from one decision. It leaves no choice to whoever carries it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Every receiver refuses an older one.
    pub generation: Generation,
    /// Emergency plans run everything at once; others run in order.
    pub urgent: bool,
    /// It takes the rollout back: where less is shown than it asks for, less stays.
    #[serde(default)]
    pub takes_back: bool,
    /// What to do.
    pub actions: Vec<Action>,
}

/// One absolute statement about the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// "features X at 10 %, generation 41"; all features of a rollout move together or not at all.
    Expose {
        /// The features, all of them.
        features: Vec<Feature>,
        /// The stage this is for.
        stage: StageName,
        /// Share of traffic, in percent.
        traffic: f64,
        /// Who sees it regardless of traffic (e-mail domains, named groups).
        audience: Vec<String>,
        /// Only this region; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Region>,
    },
}
