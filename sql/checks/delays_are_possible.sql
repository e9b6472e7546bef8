-- Flights that left earlier than {earliest_delay} minutes before their time, or more than a day late.
select *
from staged_flights
where delay < {earliest_delay}
  or delay > 1440
