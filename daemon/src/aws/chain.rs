//! Loads keys from the source that the configuration names, and for a role from STS.

use reqwest::Client;
use tokio::sync::OnceCell;

use crate::aws::container;
use crate::aws::credentials::{Credentials, CredentialsError};
use crate::aws::files;
use crate::aws::http;
use crate::aws::instance::Instance;
use crate::aws::process;
use crate::aws::region::Region;
use crate::aws::source::{Source, Wanted};
use crate::aws::sts::Sts;
use crate::clock;
use crate::config::{Destination, Variables};
use crate::endpoint::Endpoint;

/// One destination's way to keys. Its HTTP clients are built when first needed: most hosts need none.
#[derive(Debug)]
pub(crate) struct Chain {
    variables: Variables,
    profile: Option<String>,
    role_arn: Option<String>,
    region: Region,
    allows_instance: bool,
    local: OnceCell<Client>,
    stock: OnceCell<Client>,
}

impl Chain {
    /// `allows_instance`: whether keys of the instance profile may be asked for.
    pub(crate) fn new(
        destination: &Destination,
        variables: &Variables,
        region: Region,
        allows_instance: bool,
    ) -> Self {
        Self {
            variables: variables.clone(),
            profile: destination.profile.clone(),
            role_arn: destination.role_arn.clone(),
            region,
            allows_instance,
            local: OnceCell::new(),
            stock: OnceCell::new(),
        }
    }

    /// The source as configured now.
    ///
    /// # Errors
    /// As [`Wanted::source`].
    pub(crate) fn source(&self) -> Result<Source, CredentialsError> {
        let wanted = Wanted {
            variables: &self.variables,
            profile: self.profile.as_deref(),
            role_arn: self.role_arn.as_deref(),
            allows_instance: self.allows_instance,
        };
        wanted.source()
    }

    /// Loads keys that are good now. `source` was just found by [`Chain::source`].
    ///
    /// # Errors
    /// Says which source failed, and why.
    pub(crate) async fn load(&self, source: Source) -> Result<Credentials, CredentialsError> {
        // Innermost first: a role's keys are had with those of its base.
        let mut roles = Vec::new();
        let mut source = source;
        while let Source::Role { role, base } = source {
            roles.push(role);
            source = *base;
        }
        let mut keys = self.base(source).await?;
        while let Some(role) = roles.pop() {
            keys = self.sts().await?.assume_role(&role, &keys).await?;
        }
        let is_over = keys.expires_at.is_some_and(|at| at <= clock::since_epoch());
        if is_over {
            Err(CredentialsError::Expired)
        } else {
            Ok(keys)
        }
    }

    async fn base(&self, source: Source) -> Result<Credentials, CredentialsError> {
        match source {
            Source::Keys { credentials, .. } => Ok(credentials),
            Source::WebIdentity { token_file, role } => {
                let token = files::read_aside(token_file.clone()).await;
                let token = token.map_err(|source| CredentialsError::Unreadable {
                    origin: "web identity token",
                    path: token_file,
                    source,
                })?;
                self.sts()
                    .await?
                    .assume_role_with_web_identity(&role, &token)
                    .await
            }
            Source::Process { command, .. } => process::load(&command).await,
            Source::Container(container) => {
                let is_plain = container.url.scheme() == "http";
                let client = if is_plain {
                    self.local().await?
                } else {
                    self.stock().await?
                };
                container::load(container, client).await
            }
            Source::Instance => {
                let client = self.local().await?.clone();
                let instance = Instance::greet(client, &self.variables).await;
                instance
                    .map_err(CredentialsError::Instance)?
                    .credentials()
                    .await
            }
            // Taken apart by the caller.
            Source::Role { .. } => Err(CredentialsError::Abnormal),
        }
    }

    async fn local(&self) -> Result<&Client, CredentialsError> {
        let build = async || http::local_client().map_err(CredentialsError::Client);
        self.local.get_or_try_init(build).await
    }

    async fn stock(&self) -> Result<&Client, CredentialsError> {
        let build = async || http::stock_client(&self.variables).map_err(CredentialsError::Client);
        self.stock.get_or_try_init(build).await
    }

    async fn sts(&self) -> Result<Sts, CredentialsError> {
        // AWS_ENDPOINT_URL is not for STS here: it names a collector, which hands out no keys.
        let set = self.variables.get("AWS_ENDPOINT_URL_STS");
        let url = set.map_or_else(|| self.region.url_of("sts", &self.variables), str::to_owned);
        let url = Endpoint::parse(&url).map_err(|error| CredentialsError::Malformed {
            origin: "AWS_ENDPOINT_URL_STS",
            problem: error.to_string(),
        })?;
        let is_plain = !url.is_tls();
        let client = if is_plain {
            self.local().await?
        } else {
            self.stock().await?
        };
        Ok(Sts {
            client: client.clone(),
            url: url.call("/"),
            region: self.region.as_str().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
