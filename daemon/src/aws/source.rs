//! Which source of keys the configuration names, decided without asking anybody.
//!
//! The SDK's chain chooses, it does not fall through: the first source that is configured is the one,
//! and when it fails, so does signing. Instance metadata is what is left when nothing is configured.

use std::path::PathBuf;

use crate::aws::container::{self, Container};
use crate::aws::credentials::{Credentials, CredentialsError, checked};
use crate::aws::instance;
use crate::aws::profile::{self, Profile, ProfileError, Profiles};
use crate::config::Variables;

/// A source of keys. Shown, it is what the start line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Keys as configured, and by what.
    Keys {
        credentials: Credentials,
        origin: String,
    },
    /// A token of an identity provider, which STS exchanges for keys.
    WebIdentity { token_file: PathBuf, role: Role },
    /// A program that prints keys.
    Process { command: String, profile: String },
    /// The endpoint of ECS or EKS.
    Container(Container),
    /// The instance profile.
    Instance,
    /// A role, assumed with keys of another source.
    Role { role: Role, base: Box<Self> },
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) session_name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) duration_seconds: u32,
}

impl Role {
    /// What AWS's daemon asks for (`spec/daemon.md` section 7).
    fn of_daemon(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            session_name: "xray-daemon".to_owned(),
            external_id: None,
            duration_seconds: 900,
        }
    }
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) variables: &'a Variables,
    /// The destination's; it ranks before keys in the environment.
    pub(crate) profile: Option<&'a str>,
    /// The destination's.
    pub(crate) role_arn: Option<&'a str>,
    /// Whether instance metadata may be asked when nothing else is configured.
    pub(crate) allows_instance: bool,
}

impl Wanted<'_> {
    /// The source to load keys from. Reads the shared files, and so may block for a moment.
    ///
    /// # Errors
    /// When there is none, or what the shared files name is unusable.
    pub(crate) fn source(self) -> Result<Source, CredentialsError> {
        let base = self.base()?;
        Ok(match self.role_arn {
            Some(arn) => Source::Role {
                role: Role::of_daemon(arn),
                base: Box::new(base),
            },
            None => base,
        })
    }

    fn base(&self) -> Result<Source, CredentialsError> {
        if self.profile.is_none() {
            if let Some(keys) = environment(self.variables)? {
                return Ok(keys);
            }
            if let Some(web_identity) = web_identity(self.variables)? {
                return Ok(web_identity);
            }
        }
        let (name, is_named) = profile::chosen(self.profile, self.variables);
        let profiles = Profiles::read(self.variables)?;
        if is_named && profiles.get(name).is_none() {
            let profile = name.to_owned();
            return Err(ProfileError::Missing { profile }.into());
        }
        if let Some(source) = self.of_profile(&profiles, name, &mut Vec::new())? {
            return Ok(source);
        }
        if let Some(container) = container::configured(self.variables)? {
            return Ok(Source::Container(container));
        }
        let instance = if instance::is_disabled(self.variables) {
            "disabled"
        } else if self.allows_instance {
            return Ok(Source::Instance);
        } else {
            "asked for AWS endpoints alone"
        };
        Err(CredentialsError::None {
            profile: name.to_owned(),
            instance,
        })
    }

    /// What the profile names; `None` when it names nothing, or does not exist.
    fn of_profile(
        &self,
        profiles: &Profiles,
        name: &str,
        visited: &mut Vec<String>,
    ) -> Result<Option<Source>, CredentialsError> {
        let Some(profile) = profiles.get(name) else {
            return Ok(None);
        };
        let Some(arn) = profile.get("role_arn") else {
            return direct(profile, name);
        };
        let role = role(profile, name, arn)?;
        if let Some(token_file) = profile.get("web_identity_token_file") {
            let token_file = PathBuf::from(token_file);
            return Ok(Some(Source::WebIdentity { token_file, role }));
        }
        if visited.iter().any(|each| each == name) {
            let profile = name.to_owned();
            return Err(ProfileError::Circle { profile }.into());
        }
        visited.push(name.to_owned());
        let missing = |profile: &str| ProfileError::Missing {
            profile: profile.to_owned(),
        };
        let base = match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            // A profile may be its own source, with keys that are then only for assuming the role.
            (Some(source), _) if source == name => {
                direct(profile, name)?.ok_or_else(|| missing(source))?
            }
            (Some(source), _) => self
                .of_profile(profiles, source, visited)?
                .ok_or_else(|| missing(source))?,
            (None, Some(source)) => self.of_credential_source(source, name)?,
            (None, None) => {
                return Err(setting(
                    name,
                    "role_arn",
                    "source_profile, credential_source or web_identity_token_file must be beside it",
                ));
            }
        };
        let base = Box::new(base);
        Ok(Some(Source::Role { role, base }))
    }

    fn of_credential_source(&self, word: &str, name: &str) -> Result<Source, CredentialsError> {
        let found = match word {
            "Environment" => environment(self.variables)?,
            "Ec2InstanceMetadata" => Some(Source::Instance),
            "EcsContainer" => container::configured(self.variables)?.map(Source::Container),
            _ => None,
        };
        let allowed = "write Environment, Ec2InstanceMetadata or EcsContainer, whichever is there";
        found.ok_or_else(|| setting(name, "credential_source", allowed))
    }
}

fn environment(variables: &Variables) -> Result<Option<Source>, CredentialsError> {
    let id = variables
        .get("AWS_ACCESS_KEY_ID")
        .or_else(|| variables.get("AWS_ACCESS_KEY"));
    let secret = variables
        .get("AWS_SECRET_ACCESS_KEY")
        .or_else(|| variables.get("AWS_SECRET_KEY"));
    let (Some(id), Some(secret)) = (id, secret) else {
        return Ok(None);
    };
    let keys = Credentials::lasting(id, secret, variables.get("AWS_SESSION_TOKEN"));
    Ok(Some(Source::Keys {
        credentials: checked(keys, "environment")?,
        origin: "environment".to_owned(),
    }))
}

fn web_identity(variables: &Variables) -> Result<Option<Source>, CredentialsError> {
    let Some(token_file) = variables.get("AWS_WEB_IDENTITY_TOKEN_FILE") else {
        return Ok(None);
    };
    // Somebody wants this identity: to go on with the instance's would be to use another one.
    let arn = variables
        .get("AWS_ROLE_ARN")
        .ok_or_else(|| CredentialsError::Malformed {
            origin: "AWS_WEB_IDENTITY_TOKEN_FILE",
            problem: "AWS_ROLE_ARN must be set beside it".to_owned(),
        })?;
    let session_name = variables.get("AWS_ROLE_SESSION_NAME");
    let role = Role {
        arn: arn.to_owned(),
        session_name: session_name.unwrap_or("xray-daemon").to_owned(),
        external_id: None,
        duration_seconds: 3600,
    };
    Ok(Some(Source::WebIdentity {
        token_file: PathBuf::from(token_file),
        role,
    }))
}

/// Keys or program of a profile, without its role.
fn direct(profile: &Profile, name: &str) -> Result<Option<Source>, CredentialsError> {
    let id = profile.get("aws_access_key_id");
    let secret = profile.get("aws_secret_access_key");
    if let (Some(id), Some(secret)) = (id, secret) {
        let token = profile.get("aws_session_token").map(String::as_str);
        let keys = Credentials::lasting(id, secret, token.filter(|token| !token.is_empty()));
        return Ok(Some(Source::Keys {
            credentials: checked(keys, "profile")?,
            origin: format!("profile {name}"),
        }));
    }
    if profile.contains_key("sso_session") || profile.contains_key("sso_start_url") {
        return Err(CredentialsError::Profile(ProfileError::Unsupported {
            profile: name.to_owned(),
            setting: "single sign-on",
            instead: "use another profile with credential_process = aws configure \
                      export-credentials --format process --profile <this one>",
        }));
    }
    Ok(profile
        .get("credential_process")
        .map(|command| Source::Process {
            command: command.clone(),
            profile: name.to_owned(),
        }))
}

fn role(profile: &Profile, name: &str, arn: &str) -> Result<Role, CredentialsError> {
    if profile.contains_key("mfa_serial") {
        return Err(CredentialsError::Profile(ProfileError::Unsupported {
            profile: name.to_owned(),
            setting: "mfa_serial",
            instead: "a daemon has nobody to ask for a code",
        }));
    }
    let duration_seconds = match profile.get("duration_seconds") {
        None => 900,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| setting(name, "duration_seconds", "write 900 to 43200"))?,
    };
    let session_name = profile.get("role_session_name");
    Ok(Role {
        arn: arn.to_owned(),
        session_name: session_name.map_or_else(|| "xray-daemon".to_owned(), Clone::clone),
        external_id: profile.get("external_id").cloned(),
        duration_seconds,
    })
}

fn setting(profile: &str, setting: &'static str, allowed: &'static str) -> CredentialsError {
    CredentialsError::Profile(ProfileError::Setting {
        profile: profile.to_owned(),
        setting,
        allowed,
    })
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys {
                credentials,
                origin,
            } => write!(f, "{origin} key {}", credentials.masked_id()),
            Self::WebIdentity { role, .. } => write!(f, "role {} via web identity", role.arn),
            Self::Process { profile, .. } => write!(f, "profile {profile} via credential_process"),
            Self::Container(_) => f.write_str("container endpoint"),
            Self::Instance => f.write_str("instance profile"),
            Self::Role { role, base } => write!(f, "role {} via {base}", role.arn),
        }
    }
}

#[cfg(test)]
mod tests;
