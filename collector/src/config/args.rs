//! The flags of a collector, which `radiograph-collector` and the all-in-one `radiograph` share: the same
//! names for the same things (`design.md`, "Addresses and names that users type").
//!
//! What only one of them has (log levels, the health check) stands with it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use radiograph_protocol::limits::{SAMPLING_RULES_MAX_DEFAULT, SAMPLING_RULES_MAX_MAX};

use super::{
    AdminAddress, Config, ConnectionsMax, Exposure, RequestRate, RetentionAge, RetentionBytes,
    SealBytes, TlsFiles, WindowMax, default_data_dir,
};

/// What a command line, or variables in its place, says of a collector.
#[derive(Debug, Clone, Args)]
pub struct CollectorArgs {
    /// Address of the X-Ray API [default: 127.0.0.1:2080].
    #[arg(long, env = "RADIOGRAPH_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Directory that holds everything; made if it is not there [default: radiograph-data under the
    /// user's data directory].
    #[arg(long, env = "RADIOGRAPH_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Region in ARNs.
    #[arg(long, env = "RADIOGRAPH_REGION", default_value = "us-east-1")]
    region: String,
    /// Account in ARNs.
    #[arg(long, env = "RADIOGRAPH_ACCOUNT_ID", default_value = "000000000000")]
    account_id: String,
    /// Longest window of summaries and service graphs in hours, as on AWS; 0 or none lifts the bound.
    #[arg(
        long,
        env = "RADIOGRAPH_QUERY_WINDOW_MAX",
        value_name = "HOURS",
        default_value_t
    )]
    query_window_max: WindowMax,
    /// How many sampling rules there may be besides the Default rule.
    #[arg(
        long,
        env = "RADIOGRAPH_SAMPLING_RULES_MAX",
        value_name = "COUNT",
        default_value_t = SAMPLING_RULES_MAX_DEFAULT,
        value_parser = clap::value_parser!(u16).range(..=i64::from(SAMPLING_RULES_MAX_MAX))
    )]
    sampling_rules_max: u16,
    /// How long segments are kept, in days (30d) or hours (36h); 0 or none keeps them for ever.
    #[arg(
        long,
        env = "RADIOGRAPH_RETENTION",
        value_name = "AGE",
        default_value_t
    )]
    retention: RetentionAge,
    /// How much is kept on disk, as in 20GB: the oldest hours beyond are dropped; 0 or none for no bound.
    #[arg(
        long,
        env = "RADIOGRAPH_RETENTION_BYTES",
        value_name = "SIZE",
        default_value_t
    )]
    retention_bytes: RetentionBytes,
    /// Bytes of documents at which a log is sealed: less takes less memory, more makes fewer files.
    #[arg(
        long,
        env = "RADIOGRAPH_SEAL_BYTES",
        value_name = "SIZE",
        default_value_t
    )]
    seal_bytes: SealBytes,
    /// Certificate of the X-Ray API in PEM, with those that lead to a root; then it speaks TLS alone.
    #[arg(
        long,
        env = "RADIOGRAPH_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate in PEM, not encrypted.
    #[arg(
        long,
        env = "RADIOGRAPH_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Authorities of client certificates in PEM; clients without a certificate of theirs are refused.
    #[arg(
        long,
        env = "RADIOGRAPH_TLS_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_client_ca: Option<PathBuf>,
    /// Requests per second that one client may make, by key or by address; 0 or none for no limit.
    #[arg(
        long,
        env = "RADIOGRAPH_RATE_LIMIT",
        value_name = "REQUESTS",
        default_value_t
    )]
    rate_limit: RequestRate,
    /// Connections to the X-Ray API that may be open; others wait.
    #[arg(
        long,
        env = "RADIOGRAPH_CONNECTIONS_MAX",
        value_name = "NUMBER",
        default_value_t
    )]
    connections_max: ConnectionsMax,
    /// File of access keys: every call must be signed with one of them; radiograph keys new makes it.
    #[arg(long, env = "RADIOGRAPH_KEYS", value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Beyond loopback: let everybody call who reaches the address.
    #[arg(long, env = "RADIOGRAPH_WITHOUT_KEYS", conflicts_with = "keys")]
    without_keys: bool,
    /// Beyond loopback: speak plain HTTP, which everybody on the way can read.
    #[arg(long, env = "RADIOGRAPH_WITHOUT_TLS")]
    without_tls: bool,
    /// Address of the collector's /livez, /readyz and /metrics, or off [default: 127.0.0.1:2081].
    #[arg(long, env = "RADIOGRAPH_ADMIN", value_name = "HOST:PORT")]
    admin: Option<AdminAddress>,
}

impl CollectorArgs {
    /// The configuration that they stand for, without a key of this process.
    #[must_use]
    pub fn config(self) -> Config {
        let tls = tls_files(self.tls_cert, self.tls_key, self.tls_client_ca);
        Config {
            listen: self.listen.unwrap_or_else(|| Config::default().listen),
            listen_is_explicit: self.listen.is_some(),
            data_dir: self.data_dir.unwrap_or_else(default_data_dir),
            region: self.region,
            account_id: self.account_id,
            query_window_max: self.query_window_max,
            sampling_rules_max: self.sampling_rules_max,
            admin: self.admin.unwrap_or(AdminAddress::Default),
            retention: self.retention,
            retention_bytes: self.retention_bytes,
            seal_bytes: self.seal_bytes,
            tls,
            rate_limit: self.rate_limit,
            connections_max: self.connections_max,
            keys: self.keys,
            own_key: None,
            exposure: Exposure {
                without_keys: self.without_keys,
                without_tls: self.without_tls,
            },
        }
    }

    /// Where its `/livez` is answered, for a health check.
    #[must_use]
    pub fn admin(&self) -> AdminAddress {
        self.admin.clone().unwrap_or(AdminAddress::Default)
    }
}

/// Both files, or none: the command line sees to that.
fn tls_files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
) -> Option<TlsFiles> {
    Some(TlsFiles {
        certificate: certificate?,
        key: key?,
        client_ca,
        admits_own: false,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        collector: CollectorArgs,
    }

    fn read(args: &[&str]) -> Result<Config, String> {
        let args = ["program"].iter().chain(args);
        let program = Program::try_parse_from(args);
        let program = program.map_err(|error| error.to_string())?;
        Ok(program.collector.config())
    }

    #[test]
    fn without_flags_everything_is_as_by_default_but_for_the_admin_address() {
        let expected = Config {
            admin: AdminAddress::Default,
            ..Config::default()
        };
        assert_eq!(read(&[]), Ok(expected));
    }

    #[test]
    fn each_flag_of_tls_keys_and_limits_has_its_place() {
        let args = "--tls-cert c.pem --tls-key k.pem --tls-client-ca a.pem --keys keys.yaml \
            --without-tls --rate-limit 50 --connections-max 10 --region eu-central-1 \
            --account-id 123456789012 --admin off --data-dir d";
        let expected = Config {
            tls: Some(TlsFiles {
                certificate: "c.pem".into(),
                key: "k.pem".into(),
                client_ca: Some("a.pem".into()),
                admits_own: false,
            }),
            keys: Some("keys.yaml".into()),
            exposure: Exposure {
                without_keys: false,
                without_tls: true,
            },
            rate_limit: "50".parse().unwrap(),
            connections_max: "10".parse().unwrap(),
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            admin: AdminAddress::Off,
            data_dir: "d".into(),
            ..Config::default()
        };
        assert_eq!(
            read(&args.split_whitespace().collect::<Vec<_>>()),
            Ok(expected)
        );
    }

    #[test]
    fn flags_that_need_or_exclude_each_other_are_refused_by_name() {
        for (args, told) in [
            ("--tls-cert c.pem", "--tls-key"),
            ("--tls-key k.pem", "--tls-cert"),
            ("--tls-client-ca a.pem", "--tls-cert"),
            ("--keys keys.yaml --without-keys", "--without-keys"),
            ("--rate-limit fast", "requests per second"),
            ("--connections-max 0", "number of connections"),
        ] {
            let error = read(&args.split_whitespace().collect::<Vec<_>>()).unwrap_err();
            assert!(error.contains(told), "{args}: {error}");
        }
    }
}
