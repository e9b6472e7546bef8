-- What the columns of tables say of the columns of a query that are taken from them unchanged.
-- $1: oids of tables; $2: numbers of their columns.
select
  w.place,
  a.attndims::int4 as dimensions,
  pg_catalog.col_description(a.attrelid, a.attnum) as comment
from rows from (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::int2[]))
  with ordinality as w (relation, number, place)
join pg_catalog.pg_attribute a on a.attrelid = w.relation and a.attnum = w.number
