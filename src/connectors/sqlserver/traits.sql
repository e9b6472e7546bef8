-- What is special of the table @P1, a row for each: where its rows are, and what `select *` leaves
-- out: the hidden columns of periods and ledgers, and sparse columns where a column set stands for
-- them. (What is hidden of a graph, nobody can read.)
select case when t.is_memory_optimized = 1 then 'memory' else 'external' end as how, t.name, 0 as place
from sys.tables t
where t.object_id = @P1 and (t.is_memory_optimized = 1 or t.is_external = 1)
union all
select 'hidden', c.name, c.column_id
from sys.columns c
where c.object_id = @P1 and c.is_hidden = 1 and c.generated_always_type > 0
union all
select case when c.is_column_set = 1 then 'set' else 'sparse' end, c.name, c.column_id
from sys.columns c
where c.object_id = @P1 and (c.is_column_set = 1 or c.is_sparse = 1)
order by place
