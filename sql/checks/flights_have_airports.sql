-- Flights from or to an airport that nobody has described.
select
  staged_flights.departed_at,
  staged_flights.origin,
  staged_flights.destination
from staged_flights
left join airports as here
  on here.iata = staged_flights.origin
left join airports as there
  on there.iata = staged_flights.destination
where here.iata is null
  or there.iata is null
