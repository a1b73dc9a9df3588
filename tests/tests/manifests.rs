//! What deploy/ecs holds is what ECS and IAM take: checked by botocore's model of ECS, by rules of ECS and
//! Fargate that the model does not tell, and by parliament, which knows IAM's actions and resources. Each
//! kind of check is seen to complain about a copy that was broken.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use radiograph_tests::manifests::{
    assert_complains, assert_right, assert_settings_are_known, deploy,
};
use serde_json::{Value, json};

#[test]
fn task_definitions_and_services_are_what_ecs_takes() {
    assert_right("ecs", &[deploy("ecs")]);
}

#[test]
#[rustfmt::skip]
fn a_broken_task_definition_or_service_is_told() {
    let changes = [
        ["sidecar-fargate.json", "\"stopTimeout\"", "\"stopTimeOut\"", "stopTimeOut"],
        ["sidecar-fargate.json", "\"cpu\": 32", "\"cpu\": \"32\"", "containerDefinitions[1].cpu"],
        ["sidecar-fargate.json", "\"family\": \"app-with-radiograph\",", "", "Missing required parameter in input: \"family\""],
        ["sidecar-fargate.json", "\"awsvpc\"", "\"avwspc\"", "is none of bridge"],
        ["sidecar-fargate.json", "\"512\"", "\"4096\"", "Fargate has no tasks of 256"],
        ["sidecar-fargate.json", "\"memory\": 64", "\"memory\": 640", "want more memory than"],
        ["sidecar-fargate.json", "\"sourceVolume\": \"spool\"", "\"sourceVolume\": \"spol\"", "the volume spol"],
        ["sidecar-fargate.json", "\"containerName\": \"xray-daemon\"", "\"containerName\": \"xray\"", "depends on xray,"],
        ["sidecar-ec2-bridge.json", "\"networkMode\": \"bridge\"", "\"networkMode\": \"host\"", "links need"],
        ["sidecar-ec2-bridge.json", "\"protocol\": \"udp\"", "\"protocol\": \"UDP\"", "UDP is none of tcp, udp"],
        ["daemon-task.json", "\"hostPort\": 2000", "\"hostPort\": 2001", "hostPort is containerPort"],
        ["daemon-service.json", "\"launchType\"", "\"desiredCount\": 1, \"launchType\"", "desiredCount is for"],
        ["collector-efs-task.json", "\"essential\": false", "\"essential\": true", "which is essential"],
        ["collector-efs-service.json", "\"radiograph-collector-efs\"", "\"efs\"", "no task definition efs"],
        ["collector-ebs-service.json", "\"name\": \"data\"", "\"name\": \"date\"", "volumeConfigurations are"],
        ["collector-ebs-service.json", "\"availabilityZoneRebalancing\": \"DISABLED\"", "\"availabilityZoneRebalancing\": \"ENABLED\"", "zones are"],
    ];
    assert_complains("ecs", &deploy("ecs"), true, &changes);
}

#[test]
fn policies_allow_what_is_needed_and_nothing_else() {
    assert_right("iam", &[deploy("ecs/iam")]);
    let policy = fs::read_to_string(deploy("ecs/iam/daemon-task.json")).unwrap();
    let policy: Value = serde_json::from_str(&policy).unwrap();
    // those of AWS's AWSXRayDaemonWriteAccess, spec/daemon.md section 13
    let expected = json!([
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
    ]);
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(policy["Statement"][0]["Action"], expected);
}

#[test]
#[rustfmt::skip]
fn a_broken_policy_is_told() {
    let changes = [
        ["daemon-task.json", "xray:PutTraceSegments", "xray:PutTraceSegment", "UNKNOWN_ACTION"],
        ["daemon-task.json", "xray:PutTraceSegments", "xray:Put*", "an action with a star"],
        ["daemon-task.json", "\"Effect\": \"Allow\",", "", "MALFORMED"],
        ["collector-task.json", ":file-system/", ":access-point/", "RESOURCE_MISMATCH"],
        ["collector-execution.json", "\"arn:aws:logs:eu-west-1:111122223333:log-group:/ecs/radiograph:*\"", "\"*\"", "any resource"],
        ["trust-tasks.json", "sts:AssumeRole", "sts:*", "nobody does anything else"],
    ];
    assert_complains("iam", &deploy("ecs/iam"), true, &changes);
}

#[test]
fn the_servers_know_what_the_task_definitions_set() {
    let files = json_files(&deploy("ecs"));
    let paths: Vec<PathBuf> = files.keys().map(|name| deploy("ecs").join(name)).collect();
    assert_eq!(assert_settings_are_known(&paths), (5, 2));
}

#[test]
fn your_values_reach_the_files_and_wrong_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (values, out) = (folder.path().join("values.env"), folder.path().join("out"));
    let render = |text: &str| -> Output {
        fs::write(&values, text).unwrap();
        let mut command = Command::new(deploy("ecs/render"));
        command.arg(&values).arg(&out).output().unwrap()
    };
    let shipped = fs::read_to_string(deploy("ecs/values.env")).unwrap();
    // the script and the file of values agree on what is shipped
    assert!(render(&shipped).status.success());
    assert_eq!(json_files(&out), json_files(&deploy("ecs")));
    let lines = shipped.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| Some(line.split_once('=')?.0));
    let mut count = 0;
    for name in names {
        assert!(render(&format!("{name}=mine-4711\n")).status.success());
        let changed = json_files(&out);
        let has_it = changed.values().any(|text| text.contains("mine-4711"));
        assert!(has_it, "{name} is in no file");
        assert!(changed.values().all(|text| !text.contains("<<")), "{name}");
        count += 1;
    }
    assert_eq!(count, 11);
    for (text, complaint) in [
        ("REGION=eu west\n", "REGION: letters"),
        ("REGOIN=eu-west-1\n", "unknown: REGOIN"),
    ] {
        let output = render(text);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(complaint), "{said}");
    }
}

/// Name and text of the JSON files of a folder and of its folder iam.
fn json_files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in ["", "iam/"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let name = path.file_name().unwrap().to_str().unwrap();
                let text = fs::read_to_string(&path).unwrap();
                found.insert(format!("{part}{name}"), text);
            }
        }
    }
    found
}
