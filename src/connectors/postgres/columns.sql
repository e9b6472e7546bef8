-- The columns of a relation in their order; one row with a NULL name for a relation without any.
-- $1: schema; $2: name.
select
  a.attname::text as name,
  a.atttypid as type,
  a.atttypmod as modifier,
  a.attndims::int4 as dimensions,
  a.attnotnull as not_null,
  pg_catalog.col_description(c.oid, a.attnum) as comment,
  case
    when a.attgenerated <> '' then 'always'
    when a.atthasdef or a.attidentity <> '' or t.typdefault is not null then 'default'
    else 'never'
  end as filled
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a
  on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_type t on t.oid = a.atttypid
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'v', 'm', 'f', 'p')
order by a.attnum
