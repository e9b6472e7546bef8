-- The columns of the best key of the relation $1, in order, and whether all are NOT NULL: its
-- primary key, or a unique index on plain columns.
select
  a.attname::pg_catalog.text,
  best.is_filled
from (
  select
    i.indkey::pg_catalog.int2[] as columns,
    i.indnkeyatts,
    (
      select pg_catalog.bool_and(a.attnotnull)
      from pg_catalog.pg_attribute as a
      where a.attrelid = i.indrelid
        and a.attnum = any ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])
    ) as is_filled
  from pg_catalog.pg_index as i
  where i.indrelid = $1
    and i.indisunique
    and i.indisvalid
    and i.indpred is null
    and i.indexprs is null
  order by i.indisprimary desc, is_filled desc, i.indnkeyatts, i.indexrelid
  limit 1
) as best
cross join lateral pg_catalog.generate_series(0, best.indnkeyatts - 1) as k(position)
join pg_catalog.pg_attribute as a on a.attrelid = $1 and a.attnum = best.columns[k.position]
order by k.position
