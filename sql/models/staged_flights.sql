-- Flights as published, one row for each: the time parsed, the codes in upper case, and the month
-- that the files are partitioned by. Row-local, so it runs split by split.
select
  to_timestamp("date", '%Y/%m/%d %H:%M') as departed_at,
  replace(substr("date", 1, 7), '/', '-') as month,
  upper(origin) as origin,
  upper(destination) as destination,
  delay,
  distance
from flights
