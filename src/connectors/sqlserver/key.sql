-- The columns of the unique indexes of the table @P1, in their order, the primary key first, then
-- those that cannot be NULL; whether one of its columns may be NULL.
select c.name, i.index_id, c.is_nullable
from sys.indexes i
join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id
join sys.columns c on c.object_id = ic.object_id and c.column_id = ic.column_id
where i.object_id = @P1 and i.is_unique = 1 and i.is_disabled = 0 and i.has_filter = 0
    and i.is_hypothetical = 0 and ic.key_ordinal > 0
order by i.is_primary_key desc, i.index_id, ic.key_ordinal
