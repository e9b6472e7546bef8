-- Foreign keys of table $1 that table $2 does not have yet, as statements for table $2, where that has
-- the columns: it has those named in $3, and may not be there yet itself. $2 is its name in SQL.
select pg_catalog.format(
  'alter table %s add constraint %I %s', $2::text, k.conname, pg_catalog.pg_get_constraintdef(k.oid)
) as statement
from pg_catalog.pg_constraint k
where k.conrelid = $1 and k.contype = 'f' and k.confrelid <> $1
  and not exists (
    select from pg_catalog.pg_constraint o
    where o.conrelid = pg_catalog.to_regclass($2::text)::pg_catalog.oid and o.conname = k.conname
  )
  and not exists (
    select from pg_catalog.unnest(k.conkey) c (number)
    join pg_catalog.pg_attribute a on a.attrelid = $1 and a.attnum = c.number
    where a.attname <> all ($3::text[])
  )
order by k.oid
