-- `wide`: 200 columns of eleven types beside the key, one value in eleven NULL; `rows` is a
-- variable of psql. Values differ by row and column, and are the same in every run.
select format(
  'create table wide as select i as id, %s from generate_series(1, %s) as numbers(i)',
  string_agg(
    format(
      'case when (i + %1$s) %% 11 <> 0 then (%2$s) end as c%1$s_%3$s',
      c, replace(kinds.value, '$c', c::text), kinds.name
    ), ', ' order by c
  ),
  :rows
)
from generate_series(1, 199) as columns(c)
join (values
  (0, 'int4', '(i::bigint * 7919 + $c * 104729) % 1000003 - 500000'),
  (1, 'int8', 'i::bigint * 6700417 * $c'),
  (2, 'numeric', '((i::bigint * 31337 + $c) % 1000000007)::numeric(15, 3) / 1000'),
  (3, 'float8', 'sqrt(i::float8 * $c)'),
  (4, 'text', '''value '' || i % (97 * $c)'),
  (5, 'date', 'date ''1992-01-01'' + (i * 13 + $c) % 10000'),
  (6, 'timestamp', 'timestamp ''2001-02-03 04:05:06.789012'' + i * $c * interval ''1.000001 s'''),
  (7, 'timestamptz', 'timestamptz ''1999-12-31 23:00:00+00'' + i * interval ''1 min'' * $c'),
  (8, 'bool', '(i + $c) % 3 = 0'),
  (9, 'varchar', '(array[''new'', ''open'', ''paid'', ''sent'', ''back''])[1 + (i + $c) % 5]'),
  (10, 'int2', '(i + $c) % 32000')
) as kinds(number, name, value) on kinds.number = c % 11
\gexec
-- Types that expressions do not give by themselves.
select 'alter table wide ' || string_agg(
  format('alter %I type %s', attname, case
    when attname like '%\_int4' then 'integer'
    when attname like '%\_int2' then 'smallint'
    when attname like '%\_numeric' then 'numeric(15, 3)'
    else 'varchar(20)'
  end), ', ')
from pg_attribute
where attrelid = 'wide'::regclass
  and attname similar to '%\_(int4|int2|numeric|varchar)'
\gexec
alter table wide add primary key (id);
vacuum (freeze, analyze) wide;
