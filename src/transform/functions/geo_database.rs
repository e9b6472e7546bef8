//! A database of places by address, in the format of MaxMind: opened once, held in memory.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use arrow::array::{Array, StringArray, StringBuilder};
use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Kind, Result};
use crate::memory::{Memory, Reservation};
use crate::source::Refused;

/// A database of places by address.
#[derive(Debug)]
pub(in crate::transform) struct GeoDatabase {
    reader: Reader<Vec<u8>>,
    /// The file, as the user named it.
    name: String,
    fingerprint: String,
    _held: Box<dyn Reservation>,
}

impl GeoDatabase {
    /// Reads the file at `path`, which the user calls `name`.
    ///
    /// # Errors
    /// When it cannot be read, is no such database, or is larger than what `memory` has left.
    pub(in crate::transform) fn open(
        path: &Path,
        name: &str,
        memory: &dyn Memory,
    ) -> Result<GeoDatabase> {
        let (bytes, held) = contents(path, memory).map_err(|error| opening(error, name))?;
        let fingerprint = blake3::hash(&bytes).to_hex().to_string();
        let reader = Reader::from_source(bytes).map_err(|error| damaged(&error, name))?;
        Ok(GeoDatabase { reader, name: name.to_owned(), fingerprint, _held: held })
    }

    /// Tells one database from another: the hash of the file.
    pub(in crate::transform) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Looks whether any place has this field.
    ///
    /// # Errors
    /// [`Kind::Config`] when none has, or when it holds several values.
    pub(super) fn has(&self, field: &Field) -> Result<()> {
        let mut seen = HashSet::new();
        let networks =
            self.reader.networks(WithinOptions::default()).map_err(|e| self.wrong(&e))?;
        for network in networks {
            let place = network.map_err(|error| self.wrong(&error))?;
            // Many networks share one place.
            if !place.offset().is_some_and(|offset| seen.insert(offset)) {
                continue;
            }
            match place.decode_path::<Found>(&field.path()) {
                Ok(Some(Found::One(_))) => return Ok(()),
                Ok(Some(Found::Several)) => return Err(field.several().at("database", &self.name)),
                Ok(None) | Err(MaxMindDbError::Decoding { .. }) => {}
                Err(error) => return Err(self.wrong(&error)),
            }
        }
        Err(Error::config(format!("no place in the database has a field `{}`", field.written))
            .at("database", &self.name)
            .hint("a field of a GeoLite2 city database is `country.iso_code` or `city.names.en`"))
    }

    /// The field of the place of each address; NULL where the database knows none.
    ///
    /// # Errors
    /// [`Kind::Data`] for a text that is no address, and for a damaged database.
    pub(super) fn places(&self, addresses: &StringArray, field: &Field) -> Result<StringArray> {
        let path = field.path();
        let mut places = StringBuilder::with_capacity(addresses.len(), 0);
        for address in addresses {
            let place = match address {
                Some(text) => self.place(parsed(text)?, field, &path)?,
                None => None,
            };
            places.append_option(place);
        }
        Ok(places.finish())
    }

    fn place(
        &self,
        address: IpAddr,
        field: &Field,
        path: &[PathElement<'_>],
    ) -> Result<Option<String>> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let place = self.reader.lookup(address).map_err(|error| self.wrong(&error))?;
        match place.decode_path::<Found>(path).map_err(|error| self.wrong(&error))? {
            Some(Found::One(text)) => Ok(Some(text)),
            Some(Found::Several) => Err(field.several().at("database", &self.name)),
            None => Ok(None),
        }
    }

    fn wrong(&self, error: &MaxMindDbError) -> Error {
        damaged(error, &self.name)
    }
}

/// The whole file, with the memory that it takes.
fn contents(path: &Path, memory: &dyn Memory) -> Result<(Vec<u8>, Box<dyn Reservation>)> {
    let io = |error: std::io::Error| Error::io(&error, "read", path);
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut held = memory.reserve("the database of geo_ip");
    held.resize(usize::try_from(size).unwrap_or(usize::MAX))?;
    let mut bytes = Vec::new();
    // What is written to it meanwhile was not asked of the budget.
    Read::by_ref(&mut file).take(size).read_to_end(&mut bytes).map_err(io)?;
    Ok((bytes, held))
}

fn opening(error: Error, name: &str) -> Error {
    let error = error.at("geo_ip", name);
    match error.kind() {
        Kind::Missing => error.hint(
            "`geo_ip` names a MaxMind database, such as GeoLite2-City.mmdb, from the folder of the \
             pipeline",
        ),
        _ => error,
    }
}

fn damaged(error: &MaxMindDbError, name: &str) -> Error {
    Error::data("the database of `geo_ip` cannot be read")
        .at("database", name)
        .at("reason", error)
        .hint("download it again: it is damaged, or no MaxMind database")
}

/// The address in `text`; an address of version 4 in the clothes of version 6 is one of version 4.
fn parsed(text: &str) -> Result<IpAddr> {
    text.parse().map(|address: IpAddr| address.to_canonical()).map_err(|_| {
        let shown = Refused::shown(text.as_bytes());
        Error::data(format!("`geo_ip` was given `{shown}`, which is not an address")).hint(
            "ask first, and keep or refuse the others: \
             `case when is_ip(ip) then geo_ip(ip, 'country.iso_code') end`",
        )
    })
}

/// Whether `text` is an address of version 4 or 6.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// A field of a place: `country.iso_code`, `subdivisions.0.names.en`.
#[derive(Debug, Clone)]
pub(super) struct Field {
    written: String,
}

impl Field {
    /// The field that is written so; a part of digits alone is a place in a list, from 0.
    ///
    /// # Errors
    /// [`Kind::Config`] when a part is empty.
    pub(super) fn parse(written: &str) -> Result<Field> {
        if written.split('.').any(str::is_empty) {
            return Err(Error::config(format!("`{written}` is not a field of `geo_ip`"))
                .hint("write names with points between them: `country.iso_code`"));
        }
        Ok(Field { written: written.to_owned() })
    }

    fn path(&self) -> Vec<PathElement<'_>> {
        let part = |part: &'_ str| part.parse().map(PathElement::Index).ok();
        self.written.split('.').map(|name| part(name).unwrap_or(PathElement::Key(name))).collect()
    }

    fn several(&self) -> Error {
        Error::config(format!("the field `{}` of `geo_ip` holds several values", self.written))
            .hint("name one of them: `country.iso_code` instead of `country`")
    }
}

/// What stands under a field.
enum Found {
    /// One value, as text.
    One(String),
    /// A map, a list or bytes.
    Several,
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(decoder: D) -> Result<Found, D::Error> {
        decoder.deserialize_any(Finder)
    }
}

struct Finder;

impl<'de> Visitor<'de> for Finder {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field of a place")
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(Found::One(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Found, E> {
        Ok(Found::One(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Found, E> {
        Ok(Found::One(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Found, E> {
        Ok(Found::One(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Found, E> {
        Ok(Found::One(value.to_string()))
    }

    fn visit_f32<E>(self, value: f32) -> Result<Found, E> {
        Ok(Found::One(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Found, E> {
        Ok(Found::One(value.to_string()))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Found, E> {
        Ok(Found::Several)
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Found, A::Error> {
        Ok(Found::Several)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Found, A::Error> {
        Ok(Found::Several)
    }
}

#[cfg(test)]
mod tests;
