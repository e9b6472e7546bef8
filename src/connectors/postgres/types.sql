-- Types with all that they are made of: what is below a domain, and the elements of an array.
-- $1: oids of types; $2: their modifiers.
with recursive needed (type, modifier) as (
  select w.type, w.modifier
  from rows from (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::int4[]))
    as w (type, modifier)
  union
  select
    case t.typtype when 'd' then t.typbasetype else t.typelem end,
    case t.typtype when 'd' then t.typtypmod else needed.modifier end
  from needed
  join pg_catalog.pg_type t on t.oid = needed.type
  left join pg_catalog.pg_type e on e.oid = t.typelem
  where t.typtype = 'd' or e.typarray = t.oid
)
select
  t.oid as type,
  needed.modifier,
  n.nspname::text as schema,
  t.typname::text as name,
  pg_catalog.format_type(t.oid, needed.modifier) as shown,
  case
    when t.typtype = 'd' then 'domain'
    when e.typarray = t.oid then 'array'
    when t.typtype = 'e' then 'enum'
    when t.typtype = 'c' then 'composite'
    when t.typtype in ('r', 'm') then 'range'
    else 'base'
  end as form,
  case t.typtype when 'd' then t.typbasetype else t.typelem end as inner_type,
  case t.typtype when 'd' then t.typtypmod else needed.modifier end as inner_modifier,
  t.typndims::int4 as dimensions
from needed
join pg_catalog.pg_type t on t.oid = needed.type
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_type e on e.oid = t.typelem
