//! Who may do what over the API. A token is shown once and kept only as a hash: whoever reads the settings cannot use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::model::time::Time;

/// What every token begins with, so that people and scanners of leaked secrets know one when they see it.
const PREFIX: &str = "rgt_";
/// Random bytes of a token: 256 bits need no slow hash.
const SECRET_BYTES: usize = 32;
/// Bytes of the hash by which a token is found; the others are compared in constant time.
const FOUND_BY: usize = 4;

/// What a token's owner may do. A sender may push and nothing else; the others may each do what the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Pushes snapshots.
    Sender,
    /// Reads.
    Viewer,
    /// Holds, pauses, resumes, approves, takes back.
    Operator,
    /// Everything: goes up, changes policies, silences a P0, pushes.
    Admin,
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Nothing: whether the controller lives.
    Nothing,
    /// To push snapshots.
    Send,
    /// To read.
    Read,
    /// To hold or take back.
    Operate,
    /// To go up, or to change what is judged.
    Administer,
}

impl Role {
    /// Whether this role is enough.
    #[must_use]
    pub const fn allows(self, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Send => matches!(self, Role::Sender | Role::Admin),
            Need::Read => matches!(self, Role::Viewer | Role::Operator | Role::Admin),
            Need::Operate => matches!(self, Role::Operator | Role::Admin),
            Need::Administer => matches!(self, Role::Admin),
        }
    }

    /// As in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Sender => "sender",
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }

    /// From settings.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Role> {
        [Role::Sender, Role::Viewer, Role::Operator, Role::Admin].into_iter().find(|role| role.name() == name)
    }
}

impl Need {
    /// The least role that is enough.
    #[must_use]
    pub const fn least(self) -> &'static str {
        match self {
            Need::Nothing => "anybody",
            Need::Send => "sender",
            Need::Read => "viewer",
            Need::Operate => "operator",
            Need::Administer => "admin",
        }
    }
}

/// A token as the settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its owner: what the ledger names.
    pub name: Arc<str>,
    /// What its owner may do.
    pub role: Role,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// From then on it is refused.
    pub expires: Option<Time>,
}

/// A new token; its text is shown once and kept nowhere.
#[derive(Clone)]
pub struct NewToken {
    /// What its owner sends.
    pub text: String,
    /// What the settings keep.
    pub token: Token,
}

impl NewToken {
    /// Makes one, from the system's randomness.
    ///
    /// # Errors
    /// The system has none to give.
    pub fn generate(name: &str, role: Role) -> Result<NewToken, String> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| format!("the system gives no randomness: {error}"))?;
        let text = format!("{PREFIX}{}", hex(&secret));
        let token = Token { name: Arc::from(name), role, sha256: digest(&text), expires: None };
        Ok(NewToken { text, token })
    }

    /// The lines for the settings.
    #[must_use]
    pub fn settings(&self) -> String {
        let Token { name, role, sha256, expires } = &self.token;
        let expires = expires.map_or_else(String::new, |time| format!("expires = \"{time}\"\n"));
        // The same escapes as JSON's, for what a name can hold.
        let name = serde_json::to_string(name).unwrap_or_default();
        let (role, sha256) = (role.name(), hex(sha256));
        format!("[[api.tokens]]\nname = {name}\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n{expires}")
    }
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewToken({})", self.token.name)
    }
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Not one of ours; which part of it is wrong is nobody's business.
    #[error("the token is not known")]
    Unknown,
    /// It was, once.
    #[error("the token has expired")]
    Expired,
}

/// Every token that is taken.
#[derive(Debug, Clone, Default)]
pub struct Tokens(BTreeMap<[u8; FOUND_BY], Vec<Token>>);

impl Tokens {
    /// Of the settings.
    #[must_use]
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Tokens {
        let mut found: BTreeMap<_, Vec<Token>> = BTreeMap::new();
        for token in tokens {
            found.entry(start(&token.sha256)).or_default().push(token);
        }
        Tokens(found)
    }

    /// Whose token `text` is. What time it takes tells nothing of the hashes it is compared with.
    ///
    /// # Errors
    /// It is not taken.
    pub fn check(&self, text: &str, now: Time) -> Result<&Token, NotTaken> {
        let digest = digest(text);
        let near = self.0.get(&start(&digest)).map_or(&[][..], Vec::as_slice);
        let found = near.iter().find(|token| bool::from(token.sha256.ct_eq(&digest)));
        match found {
            None => Err(NotTaken::Unknown),
            Some(token) if token.expires.is_some_and(|expires| expires <= now) => Err(NotTaken::Expired),
            Some(token) => Ok(token),
        }
    }
}

fn start(digest: &[u8; 32]) -> [u8; FOUND_BY] {
    let [a, b, c, d, ..] = *digest;
    [a, b, c, d]
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    #[test]
    fn a_token_is_taken_until_it_expires_and_nothing_near_it_is() {
        let mut new = NewToken::generate("ana", Role::Operator).unwrap();
        assert_eq!(new.text.len(), 4 + 64, "{}", new.text);
        let tokens = Tokens::new([new.token.clone()]);
        assert_eq!(tokens.check(&new.text, NOW).unwrap().name.as_ref(), "ana");
        let last = if new.text.ends_with('0') { "1" } else { "0" };
        let near = format!("{}{last}", &new.text[..new.text.len() - 1]);
        for wrong in ["", "rgt_", "ana", &near, &new.text.to_uppercase(), &format!("{} ", new.text)] {
            assert_eq!(tokens.check(wrong, NOW), Err(NotTaken::Unknown), "{wrong}");
        }
        new.token.expires = Some(NOW);
        let tokens = Tokens::new([new.token]);
        assert_eq!(tokens.check(&new.text, NOW), Err(NotTaken::Expired));
        assert!(tokens.check(&new.text, Time::from_millis(NOW.as_millis() - 1)).is_ok());
    }

    #[test]
    fn two_tokens_share_nothing_and_settings_hold_no_secret() {
        let (one, two) = (NewToken::generate("a", Role::Admin).unwrap(), NewToken::generate("a", Role::Admin).unwrap());
        assert_ne!(one.text, two.text);
        let secret = one.text.rsplit('_').next().unwrap();
        assert!(!one.settings().contains(secret) && !format!("{one:?}").contains(secret));
    }

    #[rstest::rstest]
    #[case(Role::Sender, [true, true, false, false, false])]
    #[case(Role::Viewer, [true, false, true, false, false])]
    #[case(Role::Operator, [true, false, true, true, false])]
    #[case(Role::Admin, [true, true, true, true, true])]
    fn each_role_may_do_what_it_is_for(#[case] role: Role, #[case] may: [bool; 5]) {
        let needs = [Need::Nothing, Need::Send, Need::Read, Need::Operate, Need::Administer];
        assert_eq!(needs.map(|need| role.allows(need)), may);
        assert_eq!(Role::from_name(role.name()), Some(role));
    }
}
