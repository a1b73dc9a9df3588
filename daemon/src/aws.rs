//! What calls to AWS need: keys, a region, a signature, and who this host is.
//!
//! Sources: `spec/daemon.md` sections 4.2, 6 and 7, and where it says "the SDK's chain" the AWS SDK for
//! Go v2, which the AWS daemon is built on. Not here: IAM Identity Center (SSO) profiles, multi-factor
//! authentication, instance metadata without a session token (`IMDSv1`).

mod cache;
mod chain;
mod container;
mod credentials;
mod files;
mod host;
mod http;
mod instance;
mod process;
mod profile;
mod region;
mod sign;
mod source;
#[cfg(test)]
pub(crate) mod stand_in;
mod sts;

pub(crate) use cache::Cache;
pub(crate) use chain::Chain;
pub(crate) use credentials::CredentialsError;
pub(crate) use files::read as read_file;
pub(crate) use host::identity;
pub(crate) use region::Region;
pub(crate) use sign::{Scope, sign};
