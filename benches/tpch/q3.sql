-- TPC-H Q3, shipping priority; validation parameters: BUILDING, 1995-03-15. The specification asks
-- for the first ten rows; the order key breaks ties, so that two engines agree on them.
select
  l_orderkey,
  sum(l_extendedprice * (1 - l_discount)) as revenue,
  o_orderdate,
  o_shippriority
from customer
join orders
  on c_custkey = o_custkey
join lineitem
  on l_orderkey = o_orderkey
where c_mktsegment = 'BUILDING'
  and o_orderdate < date '1995-03-15'
  and l_shipdate > date '1995-03-15'
group by l_orderkey, o_orderdate, o_shippriority
order by revenue desc, o_orderdate, l_orderkey
limit 10
