//! Places of invented addresses, in `fixtures/logins/places.mmdb`.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::memory::Unlimited;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/logins/places.mmdb")
}

fn database() -> GeoDatabase {
    GeoDatabase::open(&file(), "places.mmdb", &Unlimited).unwrap()
}

fn field(written: &str) -> Field {
    Field::parse(written).unwrap()
}

/// The field of the place of one address.
fn found(address: &str, written: &str) -> Option<String> {
    let places = database().places(&StringArray::from(vec![address]), &field(written)).unwrap();
    places.iter().next().flatten().map(str::to_owned)
}

#[test]
fn the_place_of_an_address_is_found_field_by_field() {
    for (address, written, expected) in [
        ("192.0.2.1", "country.iso_code", Some("DE")),
        ("192.0.2.1", "city.names.de", Some("Köln")),
        ("192.0.2.1", "location.latitude", Some("50.9333")),
        ("192.0.2.1", "country.geoname_id", Some("2921044")),
        ("192.0.2.1", "registered_country.is_in_european_union", Some("true")),
        ("192.0.2.1", "subdivisions.0.iso_code", Some("NW")),
        ("192.0.2.1", "subdivisions.1.iso_code", None),
        ("192.0.2.200", "country.iso_code", Some("FR")),
        ("192.0.2.200", "city.names.en", None),
        ("2001:db8::1", "city.names.en", Some("Wellington")),
        ("2001:0DB8:0:0::1", "city.names.en", Some("Wellington")),
        ("::ffff:198.51.100.7", "city.names.en", Some("Seattle")),
        ("10.0.0.1", "country.iso_code", None),
        ("127.0.0.1", "country.iso_code", None),
        ("fe80::1", "country.iso_code", None),
    ] {
        assert_eq!(found(address, written).as_deref(), expected, "{address} {written}");
    }
}

#[test]
fn null_has_no_place() {
    let places = database()
        .places(&StringArray::from(vec![None, Some("192.0.2.1")]), &field("country.iso_code"));
    assert_eq!(places.unwrap(), StringArray::from(vec![None, Some("DE")]));
}

#[test]
fn what_is_no_address_is_refused_with_its_text() {
    for text in ["", " 192.0.2.1", "192.0.2.1:443", "192.0.2.256", "192.0.2.1/24", "localhost"] {
        let failed = database().places(&StringArray::from(vec![text]), &field("country.iso_code"));
        let error = failed.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        let expected = format!("`geo_ip` was given `{text}`, which is not an address");
        assert_eq!(error.message(), expected);
        assert!(!is_address(text));
    }
    assert!(is_address("192.0.2.1") && is_address("::1"));
}

#[test]
fn a_field_that_no_place_has_is_told_from_one_that_some_have() {
    let database = database();
    database.has(&field("city.names.de")).unwrap();
    let error = database.has(&field("country.isocode")).unwrap_err();
    assert_eq!(
        error.report(),
        "error: no place in the database has a field `country.isocode`\n  \
         database: places.mmdb\n\n\
         hint: a field of a GeoLite2 city database is `country.iso_code` or `city.names.en`"
    );
    let error = database.has(&field("country")).unwrap_err();
    assert_eq!(error.message(), "the field `country` of `geo_ip` holds several values");
    let error = Field::parse("country..iso_code").unwrap_err();
    assert_eq!(error.message(), "`country..iso_code` is not a field of `geo_ip`");
}

#[test]
fn a_file_that_is_missing_or_no_database_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.mmdb");
    let open = || GeoDatabase::open(&path, "places.mmdb", &Unlimited).unwrap_err();
    assert_eq!(open().kind(), Kind::Missing);
    let whole = std::fs::read(file()).unwrap();
    for bytes in [&b""[..], b"not a database", &whole[..whole.len() / 2]] {
        std::fs::write(&path, bytes).unwrap();
        let error = open();
        assert_eq!(error.kind(), Kind::Data);
        assert_eq!(error.message(), "the database of `geo_ip` cannot be read");
    }
}

#[test]
fn a_database_that_is_larger_than_the_memory_is_not_read() {
    #[derive(Debug)]
    struct None;
    impl Memory for None {
        fn reserve(&self, _: &str) -> Box<dyn Reservation> {
            Box::new(None)
        }
        fn limit(&self) -> Option<u64> {
            Some(0)
        }
    }
    impl Reservation for None {
        fn resize(&mut self, _: usize) -> Result<()> {
            Err(Error::limit("the memory limit is reached"))
        }
        fn held(&self) -> usize {
            0
        }
    }
    let error = GeoDatabase::open(&file(), "places.mmdb", &None).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}

#[test]
fn a_changed_file_has_another_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.mmdb");
    let mut bytes = std::fs::read(file()).unwrap();
    let german = bytes.windows(2).position(|pair| pair == b"DE").unwrap();
    bytes[german..german + 2].copy_from_slice(b"AT");
    std::fs::write(&path, &bytes).unwrap();
    let changed = GeoDatabase::open(&path, "places.mmdb", &Unlimited).unwrap();
    assert_ne!(changed.fingerprint(), database().fingerprint());
    let moved = folder.path().join("moved.mmdb");
    std::fs::copy(file(), &moved).unwrap();
    let moved = GeoDatabase::open(&moved, "moved.mmdb", &Unlimited).unwrap();
    assert_eq!(moved.fingerprint(), database().fingerprint());
}

proptest! {
    #[test]
    fn a_damaged_database_never_makes_it_panic(damage in prop::collection::vec((0..2208usize, any::<u8>()), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.mmdb");
        let mut bytes = std::fs::read(file()).unwrap();
        for (at, byte) in damage {
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(database) = GeoDatabase::open(&path, "places.mmdb", &Unlimited) {
            let addresses = StringArray::from(vec!["192.0.2.1", "2001:db8::1", "10.0.0.1"]);
            for written in ["country.iso_code", "location.latitude", "subdivisions.0.iso_code"] {
                let _ = database.places(&addresses, &field(written));
                let _ = database.has(&field(written));
            }
        }
    }
}
