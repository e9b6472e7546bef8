-- TPC-H Q18, large volume customer; validation parameter: 300. The specification asks for the first
-- hundred rows; the order key breaks ties, so that two engines agree on them.
select
  c_name,
  c_custkey,
  o_orderkey,
  o_orderdate,
  o_totalprice,
  sum(l_quantity) as quantity
from customer
join orders
  on c_custkey = o_custkey
join lineitem
  on o_orderkey = l_orderkey
where o_orderkey in (
  select l_orderkey
  from lineitem
  group by l_orderkey
  having sum(l_quantity) > 300
)
group by c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice
order by o_totalprice desc, o_orderdate, o_orderkey
limit 100
