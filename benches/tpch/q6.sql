-- TPC-H Q6, forecasting revenue change; validation parameters: 1994, 0.06 and 24. The bounds of the
-- discount are decimals: as floating point, 0.06 + 0.01 is less than 0.07.
select
  sum(l_extendedprice * l_discount) as revenue
from lineitem
where l_shipdate >= date '1994-01-01'
  and l_shipdate < date '1995-01-01'
  and l_discount between cast('0.05' as decimal(15, 2)) and cast('0.07' as decimal(15, 2))
  and l_quantity < 24
