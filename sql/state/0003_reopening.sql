-- What the next process needs to open the snapshots of an unfinished run again, and which loads
-- nobody will finish.

create table snapshots (
    run    text not null references runs (id) on delete cascade,
    source text not null,
    memo   text not null,           -- understood by the source's connector alone
    primary key (run, source)
) strict;

alter table loads add column given_up text;  -- when what it had staged was taken back
