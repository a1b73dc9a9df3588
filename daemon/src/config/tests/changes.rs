//! Which changed settings a running daemon can take over.

use super::*;

#[test]
fn every_change_is_named_and_four_need_no_restart() {
    let old = defaults();
    assert_eq!(changes(&old, &old), Changes::default());
    for row in &ROWS {
        let (mut old, mut new) = (defaults(), defaults());
        if other_half(row).is_some() {
            shown(&mut old);
        }
        (row.change)(&mut new);
        let found = changes(&old, &new);
        let is_reloadable = [
            "Logging.LogLevel",
            "Radiograph.Sampling",
            "Radiograph.ProxyAll",
            "Radiograph.Grace",
        ]
        .contains(&row.name);
        let (named, others) = if is_reloadable {
            (found.reloadable, found.needs_restart)
        } else {
            (found.needs_restart, found.reloadable)
        };
        let in_short = match row.name {
            name if name.starts_with("Radiograph.Spool") || name == "Radiograph.DataDir" => {
                "Radiograph.Spool"
            }
            "Radiograph.CAFile" => "CAFile",
            "Radiograph.ClientCert" => "ClientCert",
            "Radiograph.ClientKey" => "ClientKey",
            "Radiograph.Profile" => "Profile",
            "Radiograph.Telemetry" => "Telemetry",
            name => name,
        };
        assert_eq!(named, [in_short], "{}", row.name);
        assert_eq!(others, [""; 0], "{}", row.name);
    }
}

#[test]
fn another_list_of_destinations_is_named_as_a_whole() {
    let old = defaults();
    let mut more = defaults();
    more.destinations.push(Destination {
        name: "second".to_owned(),
        ..Destination::default()
    });
    assert_eq!(
        changes(&old, &more).needs_restart,
        ["Radiograph.Destinations"]
    );
    let mut variables = defaults();
    variables.variables = [("AWS_REGION", "x")].into_iter().collect();
    assert_eq!(changes(&old, &variables), Changes::default());
}
