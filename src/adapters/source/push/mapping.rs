//! From the labels that others use to the policy's groups and regions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::frame::Group;

/// Names and values that something carries.
pub trait Labels {
    /// The value called `name`, as text.
    fn label(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Labels for BTreeMap<String, String> {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(|value| Cow::Borrowed(value.as_str()))
    }
}

/// What a label must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// Its name.
    pub label: String,
    /// Any one of these.
    pub one_of: Vec<String>,
}

impl Matcher {
    /// Whether `labels` carry it.
    #[must_use]
    pub fn matches(&self, labels: &dyn Labels) -> bool {
        labels.label(&self.label).is_some_and(|value| self.one_of.iter().any(|one| *one == value))
    }
}

/// Which group and region a reading belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who was measured.
    pub group: GroupBy,
    /// Where.
    pub region: RegionBy,
}

/// Where the group comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Always this one.
    Always(Group),
    /// From a label.
    Label {
        /// Its name.
        label: String,
        /// Its values and what they stand for; empty where they are `treatment`, `control` and `all` already.
        values: BTreeMap<String, Group>,
    },
}

/// Where the region comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionBy {
    /// Always this one; empty where there is only one.
    Always(String),
    /// The value of a label.
    Label(String),
}

impl Place {
    /// Everything in one place.
    #[must_use]
    pub fn always(group: Group, region: &str) -> Place {
        Place { group: GroupBy::Always(group), region: RegionBy::Always(region.to_owned()) }
    }

    /// Group and region of what carries `labels`; none when a label is missing or stands for nothing.
    #[must_use]
    pub fn of(&self, labels: &dyn Labels) -> Option<(Group, String)> {
        let group = match &self.group {
            GroupBy::Always(group) => *group,
            GroupBy::Label { label, values } => {
                let value = labels.label(label)?;
                if values.is_empty() { Group::from_name(&value)? } else { *values.get(value.as_ref())? }
            }
        };
        let region = match &self.region {
            RegionBy::Always(region) => region.clone(),
            RegionBy::Label(label) => labels.label(label)?.into_owned(),
        };
        Some((group, region))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[rstest::rstest]
    #[case::mapped(&[("track", "canary"), ("zone", "eu")], Some((Group::Treatment, "eu")))]
    #[case::a_value_that_stands_for_nothing(&[("track", "treatment"), ("zone", "eu")], None)]
    #[case::no_group(&[("zone", "eu")], None)]
    #[case::no_region(&[("track", "canary")], None)]
    fn labels_say_group_and_region(#[case] pairs: &[(&str, &str)], #[case] place: Option<(Group, &str)>) {
        let values = BTreeMap::from([("canary".to_owned(), Group::Treatment)]);
        let by = Place {
            group: GroupBy::Label { label: "track".to_owned(), values },
            region: RegionBy::Label("zone".to_owned()),
        };
        assert_eq!(by.of(&labels(pairs)), place.map(|(group, region)| (group, region.to_owned())));
    }

    #[test]
    fn without_a_table_the_label_names_the_group_itself() {
        let group = GroupBy::Label { label: "group".to_owned(), values: BTreeMap::new() };
        let by = Place { group, region: RegionBy::Always(String::new()) };
        assert_eq!(by.of(&labels(&[("group", "control")])), Some((Group::Control, String::new())));
        assert_eq!(by.of(&labels(&[("group", "canary")])), None);
    }
}
