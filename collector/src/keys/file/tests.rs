//! Files as people write them, with slips.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.yaml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    (dir, path)
}

/// The error with the folder left out.
fn problem(path: &Path, error: &KeysError) -> String {
    let folder = format!("{}/", path.parent().unwrap().display());
    error.to_string().replace(&folder, "")
}

#[test]
fn a_file_gives_its_keys() {
    let text = "# ours\n\
        - AccessKeyId: AKIAIOSFODNN7EXAMPLE\n  SecretAccessKey: wJalrXUtnFEMI/K7MDENG\n  Role: write\n\
        - {AccessKeyId: '0123', SecretAccessKey: \"s3cret\", Role: admin, SessionToken: tok/en==,\n\
        \x20  Expiration: 2026-11-21T12:00:00Z}\n";
    let (_dir, path) = file(text, 0o600);
    let first = AccessKey {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG".to_owned(),
        role: Role::Write,
        session_token: None,
        expires_at: None,
    };
    let second = AccessKey {
        id: "0123".to_owned(),
        secret: "s3cret".to_owned(),
        role: Role::Admin,
        session_token: Some("tok/en==".to_owned()),
        expires_at: Some(Timestamp::from_seconds(1_795_262_400)),
    };
    assert_eq!(read(&path).unwrap(), [first, second]);
}

#[test]
fn what_is_no_list_of_keys_is_refused_without_repeating_a_secret() {
    let key = "AccessKeyId: A, SecretAccessKey: s3cret, Role: read";
    for (text, expected) in [
        ("", "there is no key in it; radiograph keys new makes one"),
        (
            "# nothing\n",
            "there is no key in it; radiograph keys new makes one",
        ),
        ("s3cret", FORM),
        ("- {AccessKeyId: A, SecretAccessKey: s3cret}", FORM),
        (
            "- {AccessKeyId: A, SecretAccessKey: s3cret, Role: s3cret}",
            FORM,
        ),
        ("- {{k}, Secret: s3cret}", FORM),
        ("- {{k}}\n- {{k}}", "key 2: A is there twice"),
        (
            "- {AccessKeyId: '', SecretAccessKey: s3cret, Role: read}",
            "key 1: AccessKeyId is empty, too long or holds odd characters",
        ),
        (
            "- {AccessKeyId: 'a b', SecretAccessKey: s3cret, Role: read}",
            "key 1: AccessKeyId is empty, too long or holds odd characters",
        ),
        (
            "- {AccessKeyId: 'a,b', SecretAccessKey: s3cret, Role: read}",
            "key 1: AccessKeyId is empty, too long or holds odd characters",
        ),
        (
            "- {AccessKeyId: A, SecretAccessKey: '', Role: read}",
            "key 1: SecretAccessKey is empty, too long or holds odd characters",
        ),
        (
            "- {{k}, SessionToken: ''}",
            "key 1: SessionToken is empty, too long or holds odd characters",
        ),
        (
            "- {{k}, Expiration: s3cret}",
            "key 1: Expiration is no RFC 3339 time",
        ),
    ] {
        let text = text.replace("{k}", key);
        let (_dir, path) = file(&text, 0o600);
        let error = read(&path).unwrap_err();
        let problem = problem(&path, &error);
        let expected = format!("keys file keys.yaml: {expected}");
        // of a slip of form, line and column follow
        assert!(problem.starts_with(&expected), "{text}: {problem}");
        assert!(!problem.contains("s3cret"), "{text}: {problem}");
    }
}

#[test]
fn a_file_that_others_have_access_to_is_refused() {
    for (mode, is_refused) in [
        (0o600, false),
        (0o400, false),
        (0o604, true),
        (0o644, true),
        (0o620, true),
    ] {
        let (_dir, path) = file("- {AccessKeyId: A, SecretAccessKey: s, Role: read}", mode);
        let expected = format!(
            "keys file keys.yaml is open to others than its owner (mode {mode:04o}); chmod 600 keys.yaml"
        );
        match read(&path) {
            Ok(keys) => assert_eq!((keys.len(), is_refused), (1, false), "{mode:o}"),
            Err(error) => assert_eq!((problem(&path, &error), is_refused), (expected, true)),
        }
    }
}

#[test]
fn a_group_may_read_what_root_has_mounted() {
    for (owner, mode, expected) in [
        (0, 0o400, true),
        (0, 0o440, true),
        (0, 0o640, true),
        (0, 0o444, false),
        (0, 0o660, false),
        (0, 0o650, false),
        (10_001, 0o600, true),
        (10_001, 0o440, false),
        (10_001, 0o640, false),
    ] {
        assert_eq!(is_private(owner, mode), expected, "{owner} {mode:04o}");
    }
}

#[test]
fn a_file_that_is_too_long_or_not_there_is_refused() {
    let long = "#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
    let (_dir, path) = file(&long, 0o600);
    let error = read(&path).unwrap_err();
    assert_eq!(
        problem(&path, &error),
        "keys file keys.yaml: it is longer than 1048576 bytes"
    );
    let missing = path.with_file_name("none.yaml");
    assert!(matches!(read(&missing), Err(KeysError::Io { .. })));
    let entries: Vec<String> = (0..=KEYS_MAX)
        .map(|id| format!("- {{AccessKeyId: K{id}, SecretAccessKey: s, Role: read}}"))
        .collect();
    let (_dir, path) = file(&entries.join("\n"), 0o600);
    let error = read(&path).unwrap_err();
    assert_eq!(
        problem(&path, &error),
        "keys file keys.yaml: it has more than 4096 keys"
    );
}

#[test]
fn appended_keys_are_read_back_behind_what_people_wrote() {
    let text = "- {AccessKeyId: A, SecretAccessKey: s, Role: read} # no line feed";
    let (_dir, path) = file(text, 0o600);
    let key = AccessKey {
        session_token: Some("tok\"en\\".to_owned()),
        expires_at: Some(Timestamp::from_seconds(1_795_262_400)),
        ..AccessKey::random(Role::Admin)
    };
    append(&path, &key).unwrap();
    let other = AccessKey::random(Role::Write);
    append(&path, &other).unwrap();
    let keys = read(&path).unwrap();
    assert_eq!(keys[1..], [key.clone(), other]);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with(text));
    // the same id again is not written
    let twice = append(&path, &key).unwrap_err();
    assert!(twice.to_string().ends_with("is there twice"), "{twice}");
    assert_eq!(read(&path).unwrap().len(), 3);
}

#[test]
fn a_file_that_append_makes_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.yaml");
    let key = AccessKey::random(Role::Read);
    append(&path, &key).unwrap();
    assert_eq!(read(&path).unwrap(), [key]);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}
