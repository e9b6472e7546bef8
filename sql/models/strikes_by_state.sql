-- Aircraft that hit birds, and what it cost (in US dollars), by the name of the state.
select
  state,
  count(*) as strikes,
  sum(cost_total) as cost
from strikes
group by state
