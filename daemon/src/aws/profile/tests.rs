//! Shared files as people and tools write them, and as they should not.

use super::*;

fn profiles(config: &str, credentials: &str) -> Result<Profiles, ProfileError> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config"), config).unwrap();
    std::fs::write(folder.join("credentials"), credentials).unwrap();
    Profiles::read(
        &[("HOME", home.path().to_str().unwrap())]
            .into_iter()
            .collect(),
    )
}

#[test]
fn both_files_are_merged_and_the_credentials_file_counts_more() {
    let config = "# comment\n[default]\nregion = eu-west-1\naws_access_key_id=OLD\n\n\
                  [profile  two words] ; comment\nRegion = us-east-2 # comment\n\
                  [sso-session x]\nregion = nowhere\n[services s]\nxray =\n  endpoint_url = x\n\
                  [profilelike]\nregion = nowhere\n";
    let credentials = "[default]\naws_access_key_id = NEW\naws_secret_access_key = a#b=c;d==\n\
                       s3 =\n  addressing_style = path\n";
    let profiles = profiles(config, credentials).unwrap();
    let default = profiles.get("default").unwrap();
    assert_eq!(default["aws_access_key_id"], "NEW");
    assert_eq!(default["aws_secret_access_key"], "a#b=c;d==");
    assert_eq!(default["region"], "eu-west-1");
    assert!(!default.contains_key("addressing_style"));
    assert_eq!(profiles.get("two words").unwrap()["region"], "us-east-2");
    for section in ["x", "sso-session x", "services s", "like", "profilelike"] {
        assert_eq!(profiles.get(section), None, "{section}");
    }
}

#[test]
fn files_that_do_not_exist_are_empty() {
    let home = tempfile::tempdir().unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())]
        .into_iter()
        .collect();
    assert_eq!(Profiles::read(&variables).unwrap(), Profiles::default());
    assert_eq!(
        Profiles::read(&Variables::default()).unwrap(),
        Profiles::default(),
        "no home directory"
    );
}

#[test]
fn files_may_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "[p]\nregion = r\n").unwrap();
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())];
    let profiles = Profiles::read(&variables.into_iter().collect()).unwrap();
    assert_eq!(profiles.get("p").unwrap()["region"], "r");
}

#[test]
fn a_line_that_is_no_setting_is_named_by_its_number_and_not_repeated() {
    for (text, line) in [
        ("[default]\nsecret s3cret\n", 2),
        ("\n\n[default\n", 3),
        ("no section s3cret\n", 1),
    ] {
        let error = profiles("", text).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!(
                "credentials, line {line}: write [section] or name = value"
            )),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_text_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    let variables = [("AWS_CONFIG_FILE", file.to_str().unwrap())];
    let error = Profiles::read(&variables.into_iter().collect()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} cannot be read", file.display())
    );
}

proptest::proptest! {
    #[test]
    fn property_any_text_is_read_or_refused_by_the_number_of_one_of_its_lines(
        text in "([\\[\\]=#; a\\t\\n]|profile)*",
        is_config in proptest::bool::ANY,
    ) {
        let lines = text.lines().count();
        match Profiles::default().add(&text, is_config) {
            Ok(()) => {}
            Err(line) => proptest::prop_assert!((1..=lines).contains(&line)),
        }
    }
}
