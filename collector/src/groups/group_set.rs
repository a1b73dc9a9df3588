//! All groups as one value: what the store keeps, and what may be done to it. Pure.

use radiograph_protocol::api::groups::{Group, InsightsConfiguration};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::{GROUP_ARN_CHARS, GROUPS_MAX, NAME_OF_RULE_OR_GROUP_CHARS};
use serde::{Deserialize, Serialize};

use super::arn::Home;
use crate::filter::{self, Expression, GroupRef};
use crate::tags::TagSet;

/// The group that is always there and selects every trace.
pub(super) const DEFAULT_NAME: &str = "Default";

/// All groups, the default one first, the others by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSet {
    groups: Vec<StoredGroup>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredGroup {
    /// Unique, case-sensitive.
    pub name: String,
    /// Unique; a group made again under the same name has another one.
    pub arn: String,
    /// Its filter expression; without one it selects every trace.
    #[serde(default)]
    pub filter_expression: Option<String>,
    /// What is to be watched for.
    #[serde(default)]
    pub insights: InsightsConfiguration,
    /// They vanish with it.
    #[serde(default)]
    pub tags: TagSet,
}

impl StoredGroup {
    /// The group as answers show it.
    #[must_use]
    pub fn shown(&self) -> Group {
        Group {
            group_name: self.name.clone(),
            group_arn: self.arn.clone(),
            filter_expression: self.filter_expression.clone(),
            insights_configuration: self.insights,
        }
    }

    fn is_default(&self) -> bool {
        self.name == DEFAULT_NAME
    }

    fn is_meant(&self, name: Option<&str>, arn: Option<&str>) -> bool {
        name.is_none_or(|name| name == self.name) && arn.is_none_or(|arn| arn == self.arn)
    }
}

impl GroupSet {
    /// The groups of a store that nobody has touched.
    #[must_use]
    pub fn fresh(home: &Home) -> Self {
        let default_group = StoredGroup {
            name: DEFAULT_NAME.to_owned(),
            arn: home.default_group(),
            filter_expression: None,
            insights: InsightsConfiguration::default(),
            tags: TagSet::default(),
        };
        Self {
            groups: vec![default_group],
        }
    }

    /// All groups in the order of answers.
    #[must_use]
    pub fn groups(&self) -> &[StoredGroup] {
        &self.groups
    }

    /// The group that a request means; it may give name and ARN when they agree.
    ///
    /// # Errors
    /// When neither is given, there is no such group, or the two mean different ones.
    pub fn find(&self, name: Option<&str>, arn: Option<&str>) -> Result<&StoredGroup, ApiError> {
        let place = self.place(name, arn)?;
        self.groups.get(place).ok_or_else(not_found)
    }

    /// The tags of the group with this ARN.
    pub(super) fn tags(&self, arn: &str) -> Option<&TagSet> {
        let mut groups = self.groups.iter();
        groups
            .find(|group| group.arn == arn)
            .map(|group| &group.tags)
    }

    /// The tags of the group with this ARN, to be changed.
    pub(super) fn tags_mut(&mut self, arn: &str) -> Option<&mut TagSet> {
        let mut groups = self.groups.iter_mut();
        groups
            .find(|group| group.arn == arn)
            .map(|group| &mut group.tags)
    }

    /// Takes a new group in.
    ///
    /// # Errors
    /// When the name is reserved or taken, or there are too many groups.
    pub fn insert(&mut self, group: StoredGroup) -> Result<(), ApiError> {
        if group.is_default() {
            return Err(reserved());
        }
        if self.groups.iter().any(|known| known.name == group.name) {
            let message = format!("{} already exists", group.name);
            return Err(ApiError::invalid_request(message));
        }
        if self
            .groups
            .iter()
            .filter(|known| !known.is_default())
            .count()
            >= GROUPS_MAX
        {
            let message = format!("Exceeding maximum group count: {GROUPS_MAX}");
            return Err(ApiError::invalid_request(message));
        }
        self.groups.push(group);
        self.groups
            .sort_by(|a, b| (!a.is_default(), &a.name).cmp(&(!b.is_default(), &b.name)));
        Ok(())
    }

    /// Changes what is given and leaves the rest as it is.
    ///
    /// # Errors
    /// As [`GroupSet::find`]; also when the default group is given a filter.
    pub fn update(
        &mut self,
        name: Option<&str>,
        arn: Option<&str>,
        filter_expression: Option<String>,
        insights: Option<InsightsConfiguration>,
    ) -> Result<Group, ApiError> {
        let place = self.place(name, arn)?;
        let group = self.groups.get_mut(place).ok_or_else(not_found)?;
        if group.is_default() && filter_expression.is_some() {
            return Err(reserved());
        }
        if filter_expression.is_some() {
            group.filter_expression = filter_expression;
        }
        group.insights = insights.unwrap_or(group.insights);
        Ok(group.shown())
    }

    /// Takes a group out.
    ///
    /// # Errors
    /// As [`GroupSet::find`]; also when it is the default group.
    pub fn remove(&mut self, name: Option<&str>, arn: Option<&str>) -> Result<(), ApiError> {
        let place = self.place(name, arn)?;
        if self.groups.get(place).is_some_and(StoredGroup::is_default) {
            return Err(reserved());
        }
        self.groups.remove(place);
        Ok(())
    }

    /// The expression that a query restricts itself to when it names a group; `None` when all traces
    /// are meant. Unlike the operations on groups a query may give only one of name and ARN, as AWS
    /// has it (`spec/api.md` section 3.8).
    ///
    /// # Errors
    /// When both are given, there is no such group, or its filter is none any more.
    pub fn restriction(
        &self,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Option<Expression>, ApiError> {
        match (name, arn) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(either()),
            _ => check_lengths(name, arn)?,
        }
        let mut groups = self.groups.iter();
        let group = groups
            .find(|group| group.is_meant(name, arn))
            // AWS ends this text with a full stop in queries alone
            .ok_or_else(|| ApiError::invalid_request("Group not found."))?;
        let text = group.filter_expression.as_deref();
        text.map(|text| filter::parse_group(text).map_err(|error| refused(&error)))
            .transpose()
    }

    /// The expression of a group that a filter names; `None` when there is no such group.
    #[must_use]
    pub fn expression(&self, group: GroupRef<'_>) -> Option<Expression> {
        let (name, arn) = match group {
            GroupRef::Name(name) => (Some(name), None),
            GroupRef::Arn(arn) => (None, Some(arn)),
        };
        let found = self.groups.iter().find(|known| known.is_meant(name, arn))?;
        match &found.filter_expression {
            Some(text) => filter::parse_group(text).ok(),
            None => Some(Expression::default()),
        }
    }

    fn place(&self, name: Option<&str>, arn: Option<&str>) -> Result<usize, ApiError> {
        if name.is_none() && arn.is_none() {
            return Err(either());
        }
        check_lengths(name, arn)?;
        let place = |name, arn| {
            self.groups
                .iter()
                .position(|group| group.is_meant(name, arn))
        };
        if let Some(found) = place(name, arn) {
            return Ok(found);
        }
        if place(name, None).is_some() && place(None, arn).is_some() {
            let message = "GroupName and GroupARN belong to different groups";
            return Err(ApiError::invalid_request(message));
        }
        Err(not_found())
    }
}

/// A filter expression's error as clients are told.
pub(crate) fn refused(error: &filter::FilterError) -> ApiError {
    ApiError::invalid_request(error.to_string())
}

pub(super) fn reserved() -> ApiError {
    ApiError::invalid_request(format!("{DEFAULT_NAME} is a reserved group name"))
}

fn either() -> ApiError {
    ApiError::invalid_request("Provide either GroupName or GroupARN")
}

fn not_found() -> ApiError {
    ApiError::invalid_request("Group not found")
}

fn check_lengths(name: Option<&str>, arn: Option<&str>) -> Result<(), ApiError> {
    let length = |given: Option<&str>| given.map_or(1, |given| given.chars().count());
    let is_sound = NAME_OF_RULE_OR_GROUP_CHARS.contains(&length(name))
        && GROUP_ARN_CHARS.contains(&length(arn));
    is_sound
        .then_some(())
        .ok_or_else(|| ApiError::invalid_request("Group name or ARN has an invalid length"))
}
