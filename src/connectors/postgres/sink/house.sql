create schema if not exists _dhow;
comment on schema _dhow is 'what dhow has published here, and what it is about to publish';

create table if not exists _dhow.load (
  load text primary key,
  schema_name text not null,
  table_name text not null,
  mode text not null,
  snapshot text not null,
  stage text,
  state text not null check (state in ('open', 'swept', 'published')),
  at timestamptz not null default pg_catalog.now()
);
comment on table _dhow.load is 'loads, and the snapshot that each is bound to; without a stage its parts go straight into the table';

create table if not exists _dhow.part (
  load text not null references _dhow.load,
  part text not null,
  token text not null,
  rows bigint not null,
  bytes bigint not null,
  xid bigint not null,
  primary key (load, part, token)
);
comment on table _dhow.part is 'parts of loads that are not published yet; written in the transaction of their rows';

create table if not exists _dhow.mark (
  number bigint generated always as identity unique,
  load text primary key,
  schema_name text not null,
  table_name text not null,
  rows bigint not null,
  watermarks text not null,
  at text not null
);
create index if not exists mark_of_table on _dhow.mark (schema_name, table_name, number);
comment on table _dhow.mark is 'loads that are published; written in the transaction that published them';
