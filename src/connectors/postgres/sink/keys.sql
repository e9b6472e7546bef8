-- Unique indexes over whole columns that hold at once. $1: oid of the table.
select array(
  select a.attname::pg_catalog.text
  from pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) k (number)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
) as names
from pg_catalog.pg_index i
where i.indrelid = $1 and i.indisunique and i.indimmediate and i.indisvalid
  and i.indpred is null and i.indexprs is null
