-- The history: nice to have. Nothing is decided by it.

create table past_runs (
    id       text primary key,
    pipeline text not null,
    started  text not null,
    seconds  real,                  -- null while it runs, and for ever when it was killed
    outcome  text not null,         -- unfinished, succeeded, failed
    error    text
) strict;

create index past_runs_started on past_runs (started);

create table past_loads (
    run          text not null references past_runs (id) on delete cascade,
    sink         text not null,
    mode         text not null,
    rows_read    integer not null,
    rows_written integer not null,
    rows_refused integer not null,
    bytes        integer not null,
    seconds      real not null
) strict;
