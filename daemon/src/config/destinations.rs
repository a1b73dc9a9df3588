//! The destinations: the settings of AWS's format make one, `Radiograph.Destinations` any number.
//!
//! What an entry of the list leaves out is taken from the setting beside the list. A flag or
//! variable of ours overrules the entry of a list of one, as it overrules any other setting of the
//! file; in a list of several it stands for what entries leave out, and says so when there is none.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::config::key::Key;
use crate::config::layer::{Entry, List, Said, Source};
use crate::config::reading::{Origin, Reading, optional};
use crate::config::{CONCURRENCY_DEFAULT, ClientCertificate, ConfigError, Destination, units};
use crate::endpoint::Endpoint;

/// Each has its queue, its connections and its spool; more than this is a mistake.
const DESTINATIONS_MAX: usize = 16;

const NAME_BYTES_MAX: usize = 64;

/// The destinations, at least one.
pub(crate) fn checked(
    reading: &mut Reading<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Destination>, ConfigError> {
    let layer = reading.layer;
    let Some(list) = &layer.list else {
        return Ok(vec![single(reading)?]);
    };
    check_number(list)?;
    check_endpoint(list, layer.get(Key::Endpoint))?;
    let mut destinations: Vec<Destination> = Vec::new();
    for (index, entry) in list.entries.iter().enumerate() {
        let place = format!("Radiograph.Destinations[{index}]");
        let name = name(list, entry, &place)?;
        let others = destinations.iter();
        // A file system may not tell them apart by case.
        if let Some(other) = others
            .into_iter()
            .find(|each| each.name.eq_ignore_ascii_case(&name))
        {
            let value = format!("{name} beside {}", other.name);
            return Err(refused(list, &format!("{place}.Name"), value, NAME_TAKEN));
        }
        let shown_as = format!("{place}.Name");
        let source = match entry.name {
            Some(_) => list.source.clone(),
            None => Source::BuiltIn,
        };
        reading.note(&shown_as, name.clone(), source);
        destinations.push(from_entry(reading, list, entry, &place, name)?);
    }
    warn_of_no_effect(reading, list, warnings);
    Ok(destinations)
}

const NAME_TAKEN: &str = "give each destination a name of its own, whatever the case";

fn check_number(list: &List) -> Result<(), ConfigError> {
    let count = list.entries.len();
    if (1..=DESTINATIONS_MAX).contains(&count) {
        return Ok(());
    }
    let value = format!("a list of {count}");
    Err(refused(
        list,
        "Radiograph.Destinations",
        value,
        "1 to 16 destinations",
    ))
}

/// An endpoint beside the list would be ignored by some destinations and followed by others.
fn check_endpoint(list: &List, endpoint: Option<&Said>) -> Result<(), ConfigError> {
    let Some(endpoint) = endpoint else {
        return Ok(());
    };
    let place = endpoint.source.place("Endpoint");
    let rank = endpoint.source.rank();
    if rank == list.source.rank() {
        return Err(ConfigError::EndpointBesideList { place });
    }
    if rank < list.source.rank() && list.entries.len() > 1 {
        let count = list.entries.len();
        return Err(ConfigError::EndpointOverList { place, count });
    }
    Ok(())
}

fn name(list: &List, entry: &Entry, place: &str) -> Result<String, ConfigError> {
    let place = format!("{place}.Name");
    let Some(name) = &entry.name else {
        if list.entries.len() == 1 {
            return Ok(Destination::default().name);
        }
        let allowed = "of several destinations each needs a name";
        return Err(refused(list, &place, "none".to_owned(), allowed));
    };
    let is_right = name.len() <= NAME_BYTES_MAX
        && name
            .bytes()
            .all(|each| each.is_ascii_alphanumeric() || each == b'-' || each == b'_');
    if is_right {
        return Ok(name.clone());
    }
    let allowed = "letters, digits, - and _ are allowed, 64 at most";
    Err(refused(list, &place, name.clone(), allowed))
}

fn refused(list: &List, name: &str, value: String, allowed: &'static str) -> ConfigError {
    ConfigError::Value {
        place: list.source.place(name),
        value,
        allowed,
    }
}

/// Without a list.
fn single(reading: &mut Reading<'_>) -> Result<Destination, ConfigError> {
    let layer = reading.layer;
    let mut fields = Fields {
        reading,
        find: |key: Key| {
            let name = key.known().name.to_owned();
            (layer.get(key).cloned(), name.clone(), name)
        },
    };
    fields.destination(Destination::default().name)
}

fn from_entry(
    reading: &mut Reading<'_>,
    list: &List,
    entry: &Entry,
    place: &str,
    name: String,
) -> Result<Destination, ConfigError> {
    let layer = reading.layer;
    let mut fields = Fields {
        reading,
        find: |key: Key| {
            let shown_as = format!("{place}.{}", key.member());
            let beside = layer.get(key);
            let own = entry.members.get(&key).filter(|_| {
                let is_one = list.entries.len() == 1;
                !beside.is_some_and(|beside| is_one && beside.source.rank() < list.source.rank())
            });
            match own {
                Some(text) => {
                    let said = Said {
                        text: text.clone(),
                        source: list.source.clone(),
                    };
                    (Some(said), shown_as.clone(), shown_as)
                }
                None => (beside.cloned(), key.known().name.to_owned(), shown_as),
            }
        },
    };
    fields.destination(name)
}

/// A flag that no destination follows would mislead whoever wrote it.
fn warn_of_no_effect(reading: &Reading<'_>, list: &List, warnings: &mut Vec<String>) {
    for key in Key::OF_DESTINATION {
        let Some(said) = reading.layer.get(key) else {
            continue;
        };
        let is_above = said.source.rank() < list.source.rank();
        let has_all = list
            .entries
            .iter()
            .all(|entry| entry.members.contains_key(&key));
        if is_above && has_all && list.entries.len() > 1 {
            let place = said.source.place(key.known().name);
            let member = key.member();
            warnings.push(format!(
                "{place} has no effect: each of the destinations has its own {member}"
            ));
        }
    }
}

/// Reads one destination's settings wherever they are found: the value, the place where it was said,
/// the name to show it under.
struct Fields<'a, 'b, F> {
    reading: &'a mut Reading<'b>,
    find: F,
}

impl<F: Fn(Key) -> (Option<Said>, String, String)> Fields<'_, '_, F> {
    fn destination(&mut self, name: String) -> Result<Destination, ConfigError> {
        let owned = |text: &str| Ok(text.to_owned());
        Ok(Destination {
            name,
            endpoint: self.value(Key::Endpoint, optional(endpoint))?,
            region: self.value(Key::Region, optional(units::region))?,
            role_arn: self.value(Key::RoleArn, optional(owned))?,
            profile: self.value(Key::Profile, optional(owned))?,
            concurrency: self.value(Key::Concurrency, concurrency)?,
            proxy_address: self.value(Key::ProxyAddress, optional(units::proxy_url))?,
            no_verify_ssl: self.value(Key::NoVerifySsl, units::boolean)?,
            ca_file: self.value(Key::CaFile, optional(|text| Ok(PathBuf::from(text))))?,
            client_certificate: self.client_certificate()?,
            telemetry: self.value(Key::Telemetry, units::boolean)?,
        })
    }

    /// Certificate and key go together; which of them is missing is told at the other's place.
    fn client_certificate(&mut self) -> Result<Option<ClientCertificate>, ConfigError> {
        let path = |text: &str| Ok(PathBuf::from(text));
        let certificate = self.value(Key::ClientCert, optional(path))?;
        let key = self.value(Key::ClientKeyFile, optional(path))?;
        let (alone, allowed) = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                return Ok(Some(ClientCertificate { certificate, key }));
            }
            (None, None) => return Ok(None),
            (Some(_), None) => (Key::ClientCert, "ClientKey must name the key to it"),
            (None, Some(_)) => (
                Key::ClientKeyFile,
                "ClientCert must name the certificate to it",
            ),
        };
        let (said, said_at, _) = (self.find)(alone);
        let (place, value) = said.map_or_else(
            || (said_at.clone(), String::new()),
            |said| (said.source.place(&said_at), said.text),
        );
        Err(ConfigError::Value {
            place,
            value,
            allowed,
        })
    }

    fn value<T>(
        &mut self,
        key: Key,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<T, ConfigError> {
        let (said, said_at, shown_as) = (self.find)(key);
        let origin = Origin {
            said: said.as_ref(),
            said_at: &said_at,
            shown_as: &shown_as,
        };
        let value = self.reading.value_of(key, origin, parse)?;
        // 0 asks for the default; what is shown is what holds.
        if let Some(line) = self.reading.lines.last_mut()
            && key == Key::Concurrency
            && line.value == "0"
        {
            line.value = CONCURRENCY_DEFAULT.to_string();
        }
        Ok(value)
    }
}

fn endpoint(text: &str) -> Result<String, &'static str> {
    match Endpoint::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err("write http://host:port or https://host:port, without user name and password")
        }
    }
}

/// 0 means the default. AWS starts no uploader for a negative number, and everything spills.
fn concurrency(text: &str) -> Result<NonZeroUsize, &'static str> {
    let number = usize::try_from(units::whole(text)?)
        .ok()
        .filter(|number| *number <= 1000)
        .ok_or("0 to 1000, 0 for the default of 8")?;
    Ok(NonZeroUsize::new(number).unwrap_or(CONCURRENCY_DEFAULT))
}
