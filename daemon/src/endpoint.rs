//! Where uploads and proxied calls go: one URL for both (`spec/daemon.md` section 7).
//!
//! A path in it is a prefix for every call; AWS's proxy ignores it (section 5.2).

use reqwest::Url;

/// Hosts of the real service, in all partitions.
const AWS_DOMAINS: [&str; 10] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu",
    ".api.aws",
    ".c2s.ic.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
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
    /// A region that cannot stand in a host name or a signature.
    #[error("region {region}: write letters, digits and hyphens, such as us-east-1")]
    Region {
        /// The region as configured.
        region: String,
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
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&prefix);
        Ok(Self(url))
    }

    /// The URL of a call, whose path begins with a slash and may hold a query. It is always one of
    /// this endpoint's host, whatever the path says.
    pub(crate) fn call(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let prefix = self.0.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}{path}"));
        url.set_query(query);
        url
    }

    /// Whether it is the real service, which takes signed calls only.
    pub(crate) fn is_aws(&self) -> bool {
        let host = format!(".{}", self.0.host_str().unwrap_or_default());
        AWS_DOMAINS.iter().any(|domain| host.ends_with(domain))
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The region in the name of a host of AWS: `xray.<region>.…`, also behind a VPC endpoint's name.
    pub(crate) fn aws_region(&self) -> Option<String> {
        let mut labels = self.0.host_str().filter(|_| self.is_aws())?.split('.');
        labels.find(|label| matches!(*label, "xray" | "xray-fips"))?;
        let region = labels.next()?;
        region.contains('-').then(|| region.to_owned())
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
    fn a_call_keeps_its_query_and_its_host() {
        let cases = [
            ("/GetGroup?a=b%20c", "http://c:9000/p/GetGroup?a=b%20c"),
            ("//evil.example/x", "http://c:9000/p//evil.example/x"),
            ("/@evil.example", "http://c:9000/p/@evil.example"),
            ("/a#b", "http://c:9000/p/a%23b"),
            ("evil.example", "http://c:9000/pevil.example"),
        ];
        let endpoint = Endpoint::parse("http://c:9000/p").unwrap();
        for (path, url) in cases {
            assert_eq!(endpoint.call(path).as_str(), url, "{path}");
        }
    }

    #[test]
    fn hosts_of_aws_are_told_from_lookalikes_and_may_name_their_region() {
        let cases = [
            ("xray.eu-west-1.amazonaws.com", true, Some("eu-west-1")),
            ("xray.cn-north-1.amazonaws.com.cn", true, Some("cn-north-1")),
            ("XRAY.us-east-1.API.AWS", true, Some("us-east-1")),
            ("xray-fips.us-east-2.amazonaws.com", true, Some("us-east-2")),
            (
                "vpce-1.xray.eu-west-1.vpce.amazonaws.com",
                true,
                Some("eu-west-1"),
            ),
            ("xray.amazonaws.com", true, None),
            ("xray.eu-west-1.amazonaws.com.example.org", false, None),
            ("myamazonaws.com", false, None),
            ("127.0.0.1", false, None),
        ];
        for (host, is_aws, region) in cases {
            let endpoint = Endpoint::parse(&format!("https://{host}")).unwrap();
            assert_eq!(endpoint.is_aws(), is_aws, "{host}");
            assert_eq!(endpoint.aws_region().as_deref(), region, "{host}");
        }
    }
}
