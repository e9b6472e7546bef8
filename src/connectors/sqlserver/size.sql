-- Rows and bytes of the table @P1, as the server counts them.
select sum(s.row_count), sum(s.used_page_count) * 8192
from sys.dm_db_partition_stats s
where s.object_id = @P1 and s.index_id in (0, 1)
