//! Secrets, kept out of the log, of error messages and of `--check-config`.

/// A URL without its user name and password, however broken it is.
pub(crate) fn url(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + "://".len()),
        None => ("", text),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}"),
        None => text.to_owned(),
    }
}

/// What may be shown of an environment variable: all of those known to be harmless, of others only
/// that they are set.
pub(crate) fn variable(name: &str, value: &str) -> String {
    if URLS.contains(&name) {
        return url(value);
    }
    let is_harmless = HARMLESS.contains(&name) || name.starts_with("XDG_");
    if is_harmless {
        value.to_owned()
    } else {
        "***".to_owned()
    }
}

const URLS: [&str; 6] = [
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_XRAY",
    "HTTPS_PROXY",
];

const HARMLESS: [&str; 31] = [
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EXECUTION_ENV",
    "AWS_HOSTNAME",
    "AWS_INSTANCE_ID",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "ECS_CONTAINER_METADATA_FILE",
    "ECS_CONTAINER_METADATA_URI_V4",
    "ECS_ENABLE_CONTAINER_METADATA",
    "HOME",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "STATE_DIRECTORY",
    "USERPROFILE",
    "no_proxy",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_name_and_password_of_a_url_are_masked_however_broken_it_is() {
        let cases = [
            ("http://p:3128", "http://p:3128"),
            ("http://user:secret@p:3128/x", "http://***@p:3128/x"),
            ("http://user:se@c/ret@p", "http://***@p"),
            ("user:secret@p:3128", "***@p:3128"),
            ("://secret@", "://***@"),
            ("", ""),
        ];
        for (text, masked) in cases {
            assert_eq!(url(text), masked, "{text}");
        }
    }

    #[test]
    fn a_variable_is_shown_only_when_it_is_known_to_be_harmless() {
        let cases = [
            ("AWS_REGION", "eu-west-1", "eu-west-1"),
            ("AWS_SECRET_ACCESS_KEY", "secret", "***"),
            ("AWS_SESSION_TOKEN", "secret", "***"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret", "***"),
            ("AWS_SOMETHING_NEW", "secret", "***"),
            ("HTTPS_PROXY", "http://u:secret@p", "http://***@p"),
            ("XDG_DATA_HOME", "/data", "/data"),
        ];
        for (name, value, shown) in cases {
            assert_eq!(variable(name, value), shown, "{name}");
        }
    }
}
