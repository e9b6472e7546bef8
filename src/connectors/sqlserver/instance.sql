-- The database of this session: server, name, since when it is there; whether nobody writes to it,
-- whether transactions may see one moment, and whether statements do; whether this user would see
-- a security policy.
select
    cast(@@servername as nvarchar(128)),
    d.name,
    convert(nvarchar(50), d.create_date, 121),
    case when d.source_database_id is not null then 1 else 0 end,
    case when d.snapshot_isolation_state = 1 then 1 else 0 end,
    case when d.is_read_committed_snapshot_on = 1 then 1 else 0 end,
    has_perms_by_name(db_name(), 'DATABASE', 'VIEW DEFINITION')
from sys.databases d
where d.database_id = db_id()
