//! The shared files `~/.aws/credentials` and `~/.aws/config`, as AWS's command line writes them.
//!
//! Source: "Configuration and credential file settings" of the AWS SDKs and tools guide. Read anew at
//! each use, since other programs replace them. Nested settings (indented lines) are skipped, and so
//! are sections that are no profile.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::aws::files;
use crate::config::Variables;

/// Settings of one profile, both files merged.
pub(crate) type Profile = BTreeMap<String, String>;

/// All profiles of both files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Profiles(BTreeMap<String, Profile>);

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// A file is there and cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is neither section, setting nor comment; not repeated, it may hold a secret.
    #[error("{path}, line {line}: write [section] or name = value")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A profile that is named is in neither file.
    #[error("profile {profile} is in neither shared file")]
    Missing {
        /// Its name.
        profile: String,
    },
    /// `source_profile` leads back to where it came from.
    #[error("profile {profile}: source_profile goes round in a circle")]
    Circle {
        /// Where the circle closes.
        profile: String,
    },
    /// The profile needs what this daemon cannot do.
    #[error("profile {profile}: {setting} is not supported; {instead}")]
    Unsupported {
        /// Its name.
        profile: String,
        /// The setting.
        setting: &'static str,
        /// What to write.
        instead: &'static str,
    },
    /// A setting has a value that makes no sense.
    #[error("profile {profile}: {setting}: {allowed}")]
    Setting {
        /// Its name.
        profile: String,
        /// The setting.
        setting: &'static str,
        /// What to write.
        allowed: &'static str,
    },
}

impl Profiles {
    /// Reads both files; one that does not exist is empty.
    ///
    /// # Errors
    /// When a file is unreadable or malformed.
    pub(crate) fn read(variables: &Variables) -> Result<Self, ProfileError> {
        let mut profiles = Self::default();
        // The credentials file comes last: of settings in both, its count.
        for (variable, name, is_config) in [
            ("AWS_CONFIG_FILE", "config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", false),
        ] {
            let Some(path) = path_of(variables, variable, name) else {
                continue;
            };
            match files::read(&path) {
                Ok(text) => profiles
                    .add(&text, is_config)
                    .map_err(|line| ProfileError::Malformed { path, line })?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(ProfileError::Unreadable { path, source }),
            }
        }
        Ok(profiles)
    }

    /// The profile of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// Adds a file's content; the error is the number of the offending line.
    fn add(&mut self, text: &str, is_config: bool) -> Result<(), usize> {
        let mut section: Option<String> = None;
        for (line, number) in text.lines().zip(1_usize..) {
            let is_nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) || is_nested {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let (name, _) = rest.split_once(']').ok_or(number)?;
                section = profile_name(name.trim(), is_config);
                if let Some(profile) = &section {
                    self.0.entry(profile.clone()).or_default();
                }
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(number)?;
            if let Some(profile) = &section {
                let value = without_comment(value).trim().to_owned();
                let settings = self.0.entry(profile.clone()).or_default();
                settings.insert(name.trim().to_ascii_lowercase(), value);
            }
        }
        Ok(())
    }
}

/// The profile to use, and whether somebody named it: the destination's, else the environment's.
pub(crate) fn chosen<'a>(
    of_destination: Option<&'a str>,
    variables: &'a Variables,
) -> (&'a str, bool) {
    of_destination
        .or_else(|| variables.get("AWS_PROFILE"))
        .or_else(|| variables.get("AWS_DEFAULT_PROFILE"))
        .map_or(("default", false), |name| (name, true))
}

/// The profile that a section describes, if it does.
fn profile_name(section: &str, is_config: bool) -> Option<String> {
    if !is_config || section == "default" {
        return Some(section.to_owned());
    }
    let name = section.strip_prefix("profile")?;
    let trimmed = name.trim_start();
    (trimmed.len() < name.len()).then(|| trimmed.to_owned())
}

/// A comment in a line begins with a blank before its mark.
fn without_comment(value: &str) -> &str {
    [" #", " ;", "\t#", "\t;"]
        .into_iter()
        .filter_map(|mark| value.split_once(mark))
        .map(|(before, _)| before)
        .min_by_key(|before| before.len())
        .unwrap_or(value)
}

fn path_of(variables: &Variables, variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = variables.get(variable) {
        return Some(PathBuf::from(path));
    }
    let home = variables
        .get("HOME")
        .or_else(|| variables.get("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join(name))
}

#[cfg(test)]
mod tests;
