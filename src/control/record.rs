//! A policy as a store keeps it: its text, and beside it the little that taking back needs when that text no longer
//! compiles (a newer rollgate, a damaged line).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::ids::{Digest, Environment, Feature, Region, RolloutId, StageName};
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::Level;
use crate::policy::source::PolicySource;

/// The shape of a record.
const RECORD_VERSION: u32 = 1;

/// One policy, for one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    v: u32,
    /// Of all that can alter a decision.
    pub digest: Digest,
    /// Which rollout it governs.
    pub rollout: RolloutId,
    /// Which environment it is for.
    pub environment: Environment,
    /// The flags that move together.
    pub features: Vec<Feature>,
    /// The regions it names.
    pub regions: Vec<Region>,
    /// Its stages, lowest first.
    pub ladder: Vec<Rung>,
    /// Path inside the policy's directory to text: what the digest covers.
    pub files: BTreeMap<String, String>,
}

/// A stage, as far as taking back needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Its name.
    pub name: StageName,
    /// Share of traffic, in percent.
    pub traffic: f64,
    /// Who sees it regardless of traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Where a roll back from here goes.
    pub rollback_to: StageName,
}

impl PolicyRecord {
    /// Of a policy and the text it was compiled from. Tests, and overlays of other environments, are left out: they
    /// cannot alter a decision.
    #[must_use]
    pub fn new(policy: &Policy, source: &PolicySource) -> PolicyRecord {
        let overlay = format!("env/{}.toml", policy.environment);
        let covered = |path: &str| !path.starts_with("tests/") && (!path.starts_with("env/") || path == overlay);
        let files = source.iter().filter(|(path, _)| covered(path));
        let ladder = policy.stages.iter().map(|stage| Rung {
            name: stage.name.clone(),
            traffic: stage.traffic,
            audience: stage.audience.clone(),
            rollback_to: policy.stage(stage.rollback_to).unwrap_or(stage).name.clone(),
        });
        PolicyRecord {
            v: RECORD_VERSION,
            digest: policy.digest.clone(),
            rollout: policy.rollout.clone(),
            environment: policy.environment.clone(),
            features: policy.features.clone(),
            regions: policy.catalogue.regions().to_vec(),
            ladder: ladder.collect(),
            files: files.map(|(path, text)| (path.to_string(), text.to_string())).collect(),
        }
    }

    /// As the store keeps it.
    #[must_use]
    pub fn text(&self) -> String {
        // Names and finite numbers: nothing in it that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From what the store kept.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub fn parse(text: &str) -> Result<PolicyRecord, String> {
        let record: PolicyRecord = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if record.v > RECORD_VERSION {
            return Err(format!("it is of shape {}, and this rollgate reads shapes up to {RECORD_VERSION}", record.v));
        }
        Ok(record)
    }

    /// The text, as the compiler wants it.
    #[must_use]
    pub fn source(&self) -> PolicySource {
        let mut source = PolicySource::new(format!("policy {} of the store", self.digest.short()));
        self.files.iter().for_each(|(path, text)| source.insert(path, text));
        source
    }

    /// Whether its text is the text that its digest was made of.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        crate::policy::digest_of(&self.source(), &self.environment) == self.digest
    }

    /// Compiles it again.
    ///
    /// # Errors
    /// Why it does not compile, in one sentence.
    pub fn compile(&self) -> Result<Arc<Policy>, String> {
        if !self.is_intact() {
            return Err("its text is not what its digest was made of".to_owned());
        }
        let compiled = crate::policy::compile(&self.source(), &self.environment);
        compiled.policy.map(Arc::new).ok_or_else(|| {
            let mut errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.level == Level::Error);
            errors.next().map_or_else(|| "it has errors".to_owned(), |error| error.message.clone())
        })
    }
}
