-- The ledger: must be right. One row per intended change, and what is staged for it.

create table runs (
    id       text primary key,
    pipeline text not null,
    started  text not null,
    finished text            -- null while the run is to be resumed
) strict;

create unique index runs_open on runs (pipeline) where finished is null;

create table loads (
    id          text primary key,
    run         text not null references runs (id),
    sink        text not null,
    number      integer not null,   -- counts the loads of a sink within its run, from 1
    fingerprint text not null,      -- what decides the rows, apart from the sources
    snapshot    text,               -- what the receipts belong to; null until frozen
    mark        text,               -- JSON, as found in the target; null until published
    unique (run, sink, number)
) strict;

create table receipts (
    load    text not null references loads (id),
    part    text not null,
    receipt text not null,          -- JSON
    rejects text,                   -- JSON: the receipt of the part's refused rows
    primary key (load, part)
) strict;

create table watermarks (
    pipeline text not null,
    sink     text not null,
    source   text not null,
    value    text not null,
    load     text not null,         -- whose mark it was copied from
    primary key (pipeline, sink, source)
) strict;
