-- Since when transactions are open, less five seconds; and what stands against knowing it.
select
  pg_catalog.pg_is_in_recovery(),
  (select pg_catalog.count(*) from pg_catalog.pg_prepared_xacts where database = pg_catalog.current_database()),
  (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
    or pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
  pg_catalog.count(*) filter (where a.state = 'disabled'),
  (
    least(pg_catalog.min(a.xact_start), pg_catalog.statement_timestamp())
    - '5 seconds'::pg_catalog.interval
  )::pg_catalog.text
from pg_catalog.pg_stat_activity as a
where a.backend_type <> 'autovacuum worker'
