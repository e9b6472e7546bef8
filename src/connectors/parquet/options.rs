//! The options of a Parquet target: where, how files are divided, how they are encoded.

use std::path::{Component, Path, PathBuf};

use parquet::basic::{Compression, GzipLevel, ZstdLevel};

use crate::config::{Options, Problem, Reader};
use crate::connectors::store_options::{STORES, of_stores};
use crate::connectors::{OptionDoc, Role};
use crate::stores::{Access, Address};

/// The folder beside every table in which dhow keeps files, manifests and what is staged.
pub(super) const HOUSE: &str = "_dhow";

/// The options of a target, checked.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The table's folder or file, as written.
    pub(super) path: String,
    /// Where it is, when that is a store.
    pub(super) address: Option<Address>,
    /// Who we are in a store.
    pub(super) access: Access,
    /// Whether readers who list a store find copies of the files.
    pub(super) is_shown: bool,
    /// Columns that become folders, outermost first.
    pub(super) partition_by: Vec<String>,
    /// How pages are compressed.
    pub(super) compression: Compression,
    /// Encoded bytes after which a row group ends.
    pub(super) row_group_bytes: usize,
    /// Encoded bytes after which a part goes on in another file.
    pub(super) file_bytes: u64,
}

const MIB: u64 = 1024 * 1024;
const VIEWS: &[&str] = &["copy", "none"];
const CODECS: &[&str] = &["zstd", "snappy", "gzip", "lz4", "none"];

/// The options of sources and targets, for the manual.
pub(super) static DOCS: &[OptionDoc] = &of_stores::<{ OWN.len() + STORES }>(OWN, None);

const OWN: &[OptionDoc] = &[
    OptionDoc {
        name: "path",
        role: Some(Role::Source),
        default: None,
        summary: "a file, a glob, a list of them, or a folder (Hive folders become text columns)",
    },
    OptionDoc {
        name: "path",
        role: Some(Role::Sink),
        default: None,
        summary: "folder of the table, or one file ending in `.parquet` (truncate and replace)",
    },
    OptionDoc {
        name: "partition_by",
        role: Some(Role::Sink),
        default: None,
        summary: "columns that become Hive folders such as `day=2026-03-01`",
    },
    OptionDoc {
        name: "compression",
        role: Some(Role::Sink),
        default: Some("zstd"),
        summary: "zstd, snappy, gzip, lz4 or none",
    },
    OptionDoc {
        name: "row_group_bytes",
        role: Some(Role::Sink),
        default: Some("33554432"),
        summary: "encoded bytes of a row group; less when memory is short",
    },
    OptionDoc {
        name: "file_bytes",
        role: Some(Role::Sink),
        default: Some("536870912"),
        summary: "encoded bytes after which a part goes on in another file",
    },
    OptionDoc {
        name: "view",
        role: Some(Role::Sink),
        default: Some("copy"),
        summary: "in a store, `copy` for readers that list `path`; `none`: only by the manifest",
    },
];

/// Everything that is wrong with `options` as those of a target.
pub(super) fn check(options: &Options) -> Vec<Problem> {
    read(options).1
}

/// The options, and everything that is wrong with them.
pub(super) fn read(options: &Options) -> (Target, Vec<Problem>) {
    let reader = options.reader();
    let path = reader.required("path");
    let target = Target {
        partition_by: reader.list("partition_by"),
        compression: codec(reader.one_of("compression", CODECS)),
        row_group_bytes: usize::try_from(reader.number(
            "row_group_bytes",
            32 * MIB,
            4096..=4096 * MIB,
        ))
        .unwrap_or(usize::MAX),
        file_bytes: reader.number("file_bytes", 512 * MIB, 4096..=1024 * 1024 * MIB),
        is_shown: reader.one_of("view", VIEWS) == "copy",
        access: Access::read(&reader, std::slice::from_ref(&path)),
        address: Address::parse(&path).ok(),
        path,
    };
    match &target.address {
        Some(address) => check_address(&reader, &target, address),
        None => check_path(&reader, &target),
    }
    check_partitions(&reader, &target);
    (target, reader.finish())
}

impl Target {
    /// Whether the target is one file and not a folder.
    pub(super) fn is_single_file(&self) -> bool {
        self.path.ends_with(".parquet")
    }

    /// The table's path, and the folder in which dhow keeps what belongs to it.
    pub(super) fn places(&self, base: &Path) -> (PathBuf, PathBuf) {
        // Absolute, so that there is a folder above it to hold the house.
        let table = base.join(&self.path);
        let table = std::path::absolute(&table).unwrap_or(table);
        houses(table)
    }
}

/// The key of the folder in which dhow keeps what belongs to the table `key` of a store; `None`
/// for the bucket itself, which cannot be a table.
pub(super) fn house_in_store(key: &str) -> Option<String> {
    let key = key.trim_matches('/');
    let (folder, name) = match key.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => (String::new(), key),
    };
    (!name.is_empty() && name != HOUSE).then(|| format!("{folder}{HOUSE}/{name}"))
}

/// `table`, and the folder in which dhow keeps what belongs to it.
pub(super) fn houses(table: PathBuf) -> (PathBuf, PathBuf) {
    let name = table.file_name().unwrap_or_default();
    let house = table.with_file_name(HOUSE).join(name);
    (table, house)
}

fn codec(name: &str) -> Compression {
    match name {
        "snappy" => Compression::SNAPPY,
        "gzip" => Compression::GZIP(GzipLevel::default()),
        "lz4" => Compression::LZ4_RAW,
        "none" => Compression::UNCOMPRESSED,
        // Level 1: a few per cent larger than level 3 on tables, and much faster.
        _ => Compression::ZSTD(ZstdLevel::default()),
    }
}

/// The largest object that every store copies in one request.
const COPY_MAX: u64 = 4096 * MIB;

fn check_address(reader: &Reader<'_>, target: &Target, address: &Address) {
    let place = reader.place_of("path");
    if !address.can_write() {
        let message = format!("`{address}` can be read, but not written");
        reader.problem(Problem::new(&place, message).hint("write to s3://, gs:// or az://"));
    } else if house_in_store(address.key()).is_none() {
        let message = format!("`{address}` cannot be a table");
        let hint = "end the path in the table's name, such as `s3://bucket/out/orders`";
        reader.problem(Problem::new(&place, message).hint(hint));
    }
    if target.file_bytes > COPY_MAX {
        let message = "`file_bytes` must be at most 4294967296 in a store";
        let hint = "stores copy no larger objects in one request";
        reader.problem(Problem::new(&reader.place_of("file_bytes"), message).hint(hint));
    }
}

fn check_path(reader: &Reader<'_>, target: &Target) {
    // What is wrong with an address has been said already.
    if target.path.is_empty() || Address::is(&target.path) {
        return;
    }
    let place = reader.place_of("path");
    let last = Path::new(&target.path).components().next_back();
    let Some(Component::Normal(name)) = last else {
        let message = format!("`{}` names no folder of its own", target.path);
        let hint = "end the path in the table's name, such as `out/orders`";
        return reader.problem(Problem::new(&place, message).hint(hint));
    };
    if name == HOUSE || target.path.contains('\0') {
        let message = format!("`{}` cannot be a table", target.path.escape_debug());
        let hint = format!("`{HOUSE}` is where dhow keeps its own files; choose another name");
        reader.problem(Problem::new(&place, message).hint(hint));
    }
}

fn check_partitions(reader: &Reader<'_>, target: &Target) {
    let place = reader.place_of("partition_by");
    if target.is_single_file() && !target.partition_by.is_empty() {
        let message = "a single file cannot be partitioned";
        let hint = "give a folder as `path`, or remove `partition_by`";
        reader.problem(Problem::new(&place, message).hint(hint));
    }
    for (index, name) in target.partition_by.iter().enumerate() {
        if target.partition_by[..index].contains(name) {
            reader.problem(Problem::new(&place, format!("`{name}` is named twice")));
        }
    }
}
