//! The three programs: their definitions, and what their pages say beyond these
//! (`spec/daemon.md` sections 8 to 12 for the daemon).

use clap::Command;

/// The names of the programs.
pub(crate) const NAMES: [&str; 3] = ["radiograph", "radiograph-daemon", "radiograph-collector"];

/// One program with its page's own sections.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) command: Command,
    pub(crate) sections: Vec<Section>,
}

/// A section of a page: a text, then terms with their meanings.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) text: &'static str,
    pub(crate) entries: Vec<(String, String)>,
}

/// All three.
pub(crate) fn all() -> [Program; 3] {
    let [radiograph, daemon, collector] = NAMES;
    [
        Program {
            name: radiograph,
            command: radiograph::command(),
            sections: of_radiograph(),
        },
        Program {
            name: daemon,
            command: radiograph_daemon::config::command(),
            sections: of_daemon(),
        },
        Program {
            name: collector,
            command: radiograph_collector::config::command(),
            sections: of_collector(),
        },
    ]
}

fn section(heading: &'static str, text: &'static str, entries: &[(&str, &str)]) -> Section {
    let owned = |(term, meaning): &(&str, &str)| ((*term).to_owned(), (*meaning).to_owned());
    Section {
        heading,
        text,
        entries: entries.iter().map(owned).collect(),
    }
}

fn of_radiograph() -> Vec<Section> {
    vec![
        section(
            "FILES",
            "",
            &[(
                "$XDG_DATA_HOME/radiograph-data",
                "everything that is stored, unless --data-dir says otherwise; XDG_DATA_HOME is \
                 ~/.local/share where it is not set",
            )],
        ),
        section(
            "SIGNALS",
            "",
            &[(
                "SIGINT, SIGTERM, SIGHUP",
                "Stop: what was received is stored, then the process ends with 0. A command ends early \
                 and says what it has done.",
            )],
        ),
        section(
            "EXIT STATUS",
            "Commands that answer with other numbers say so in their own pages.",
            &[
                ("0", "it did what was asked"),
                ("1", "it could not, or found what it was to look for"),
                ("2", "the command line is wrong"),
            ],
        ),
    ]
}

fn of_collector() -> Vec<Section> {
    vec![
        section(
            "FILES",
            "",
            &[
                (
                    "$XDG_DATA_HOME/radiograph-data",
                    "everything that is stored, unless --data-dir says otherwise; XDG_DATA_HOME is \
                     ~/.local/share where it is not set",
                ),
                (
                    "--keys, --tls-cert, --tls-key, --tls-client-ca",
                    "are read again when they change",
                ),
            ],
        ),
        section(
            "SIGNALS",
            "",
            &[(
                "SIGINT, SIGTERM",
                "Stop: requests that have begun are answered, then the process ends with 0.",
            )],
        ),
        section(
            "EXIT STATUS",
            "",
            &[
                (
                    "0",
                    "stopped by a signal; --healthcheck: the collector works",
                ),
                (
                    "1",
                    "it did not start, and the log says why; --healthcheck: it does not work",
                ),
                ("2", "the command line is wrong"),
            ],
        ),
    ]
}

fn of_daemon() -> Vec<Section> {
    vec![
        Section {
            heading: "SETTINGS",
            text: "A flag outranks a RADIOGRAPH_ variable, that the configuration file, that AWS's own \
                   variables, and these what is built in. --check-config prints what holds and where it \
                   comes from. One or two dashes are the same, and of a flag given twice the last one \
                   holds. By their names in the configuration file:",
            entries: settings(),
        },
        other_variables(),
        section(
            "FILES",
            "",
            &[
                (
                    "/etc/amazon/xray/cfg.yaml, cfg.yaml",
                    "The configuration file is the first of these that exists, where none is named.",
                ),
                (
                    "spool/<destination>",
                    "under the data directory: documents that wait for their destination",
                ),
            ],
        ),
        section(
            "SIGNALS",
            "",
            &[
                (
                    "SIGINT, SIGTERM",
                    "Stop: what was received is delivered within --grace or spooled, then the process \
                     ends with 0. A second one is ignored.",
                ),
                (
                    "SIGHUP",
                    "Open the log file anew and read the configuration again; what takes a restart is \
                     named in the log.",
                ),
            ],
        ),
        section(
            "EXIT STATUS",
            "",
            &[
                ("0", "stopped by a signal; --healthcheck: the daemon works"),
                (
                    "1",
                    "bad configuration file, unusable address, too little memory; --healthcheck: it \
                     does not work; spool: damage, or what could not be done",
                ),
                ("2", "the command line is wrong"),
            ],
        ),
    ]
}

/// What the daemon reads beside its settings (`spec/daemon.md` section 10).
fn other_variables() -> Section {
    section(
        "OTHER VARIABLES",
        "",
        &[
            ("RADIOGRAPH_CONFIG", "the configuration file, as --config"),
            (
                "RADIOGRAPH_DESTINATIONS",
                "several destinations, as Radiograph.Destinations of the file",
            ),
            ("AWS_REGION", "as Region"),
            ("AWS_ENDPOINT_URL_XRAY, AWS_ENDPOINT_URL", "as Endpoint"),
            (
                "HTTPS_PROXY, NO_PROXY",
                "as ProxyAddress, and what goes without",
            ),
            ("AWS_CA_BUNDLE, SSL_CERT_FILE", "as Radiograph.CAFile"),
            (
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE and others",
                "credentials, found as the AWS SDKs find them",
            ),
            ("STATE_DIRECTORY", "where the spool lies under systemd"),
        ],
    )
}

/// Each setting under all its names.
fn settings() -> Vec<(String, String)> {
    let all = radiograph_daemon::config::settings().into_iter();
    all.map(|setting| {
        let mut names = vec![setting.flag, setting.variable];
        names.retain(|name| !name.is_empty());
        let default = match setting.default {
            "" => String::new(),
            default => format!("; default {default}"),
        };
        (setting.name.to_owned(), names.join(", ") + &default)
    })
    .collect()
}
