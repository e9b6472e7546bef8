-- Foreign keys of table $1 that table $2 does not have yet, as statements for table $2, where it
-- has the columns.
select pg_catalog.format(
  'alter table %I.%I add constraint %I %s',
  n.nspname, s.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid)
) as statement
from pg_catalog.pg_constraint k
join pg_catalog.pg_class s on s.oid = $2
join pg_catalog.pg_namespace n on n.oid = s.relnamespace
where k.conrelid = $1 and k.contype = 'f' and k.confrelid <> $1
  and not exists (
    select from pg_catalog.pg_constraint o where o.conrelid = $2 and o.conname = k.conname
  )
  and not exists (
    select from pg_catalog.unnest(k.conkey) c (number)
    join pg_catalog.pg_attribute a on a.attrelid = $1 and a.attnum = c.number
    where not exists (
      select from pg_catalog.pg_attribute b
      where b.attrelid = $2 and b.attname = a.attname and b.attnum > 0 and not b.attisdropped
    )
  )
order by k.oid
