//! Where uploads and proxied calls go: one URL for both (`spec/daemon.md` section 7).
//!
//! A path in it is a prefix for every call; AWS's proxy ignores it (section 5.2).

use reqwest::Url;

/// Hosts of the real service, in all partitions.
const AWS_DOMAINS: [&str; 5] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
];

/// An `http` or `https` URL that calls are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

/// A text that is no usable endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL, or of another scheme.
    #[error("endpoint {endpoint}: write http://host:port or https://host:port")]
    Invalid {
        /// The endpoint as configured.
        endpoint: String,
    },
    /// User name or password in the URL; not shown, since it would end in the log.
    #[error("endpoint: user name and password in the URL are not supported")]
    Credentials,
    /// The real service, which takes signed requests only.
    #[error(
        "endpoint {endpoint} is an AWS host: this version sends unsigned requests, which AWS refuses; \
         name a Radiograph collector instead"
    )]
    NeedsSignature {
        /// The endpoint as configured.
        endpoint: String,
    },
}

impl Endpoint {
    /// Reads a configured endpoint.
    pub(crate) fn parse(text: &str) -> Result<Self, EndpointError> {
        let invalid = || EndpointError::Invalid {
            endpoint: text.to_owned(),
        };
        let mut url = Url::parse(text).map_err(|_| invalid())?;
        let is_plain = url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(invalid());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        let host = format!(".{}", url.host_str().unwrap_or_default());
        if AWS_DOMAINS.iter().any(|domain| host.ends_with(domain)) {
            return Err(EndpointError::NeedsSignature {
                endpoint: text.to_owned(),
            });
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&prefix);
        Ok(Self(url))
    }

    /// The URL of a call, whose path begins with a slash.
    pub(crate) fn call(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let prefix = self.0.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}{path}"));
        url
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_prefix_of_every_call() {
        let cases = [
            (
                "http://127.0.0.1:2080",
                "http://127.0.0.1:2080/TraceSegments",
            ),
            (
                "http://127.0.0.1:2080/",
                "http://127.0.0.1:2080/TraceSegments",
            ),
            (
                "https://c:9000/prefix/",
                "https://c:9000/prefix/TraceSegments",
            ),
            ("https://c/a/b", "https://c/a/b/TraceSegments"),
        ];
        for (text, call) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.call("/TraceSegments").as_str(), call, "{text}");
            assert_eq!(endpoint.to_string(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn other_texts_are_no_endpoints() {
        for text in [
            "",
            "collector:2080",
            "ftp://c",
            "http://",
            "//c",
            "http://c/?x=1",
            "http://c/#x",
        ] {
            let error = EndpointError::Invalid {
                endpoint: text.to_owned(),
            };
            assert_eq!(Endpoint::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for text in ["http://user:secret@c", "http://user@c", "http://:secret@c"] {
            let error = Endpoint::parse(text).unwrap_err();
            assert_eq!(error, EndpointError::Credentials, "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn hosts_of_aws_are_refused_and_lookalikes_are_not() {
        for host in [
            "xray.eu-west-1.amazonaws.com",
            "xray.cn-north-1.amazonaws.com.cn",
            "XRAY.us-east-1.API.AWS",
        ] {
            let error = Endpoint::parse(&format!("https://{host}")).unwrap_err();
            assert!(
                matches!(error, EndpointError::NeedsSignature { .. }),
                "{host}: {error}"
            );
        }
        for host in ["amazonaws.com.example.org", "myamazonaws.com"] {
            assert!(
                Endpoint::parse(&format!("https://{host}")).is_ok(),
                "{host}"
            );
        }
    }
}
