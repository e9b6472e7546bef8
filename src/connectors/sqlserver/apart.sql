-- Whether the database has memory-optimized or external tables that this user sees.
select case
    when exists (
        select 1 from sys.tables t where t.is_memory_optimized = 1 or t.is_external = 1
    ) then 1
    else 0
end
