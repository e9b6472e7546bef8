-- `documents`: about 2 kB of text and jsonb in each row, made of the lines of some orders. Most rows
-- are longer than what Postgres keeps in the row itself, and so compressed or stored apart.
create table documents as
select
  l_orderkey / 15 as id,
  max(l_shipdate) as day,
  string_agg(l_comment, '. ' order by l_orderkey, l_linenumber) as body,
  jsonb_agg(
    jsonb_build_object(
      'part', l_partkey, 'price', l_extendedprice, 'mode', rtrim(l_shipmode), 'sent', l_shipdate
    ) order by l_orderkey, l_linenumber
  ) as lines
from lineitem
group by 1;
alter table documents add primary key (id);
drop table lineitem;
vacuum (freeze, analyze) documents;
