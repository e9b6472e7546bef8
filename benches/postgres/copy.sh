#!/bin/sh
# Reads or moves a table with psql and nothing else.
#
#     sh benches/postgres/copy.sh URL table 2              to nowhere, in two streams: the limit
#     sh benches/postgres/copy.sh URL table 2 URL key      into another database, then the key
#
# Streams are ranges of blocks. The format is the binary one, so that no value is made text.
set -eu
from=$1 table=$2 streams=$3 to=${4-} key=${5-}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# Status codes of a pipe are those of its last command: a failed reader must end the run as well.
move() {
  if [ -z "$to" ]; then
    sql "$from" -c "copy ($1) to stdout (format binary)" >/dev/null
  else
    { sql "$from" -c "copy ($1) to stdout (format binary)" || kill $$; } |
      sql "$to" -c "copy $table from stdin (format binary)"
  fi
}

if [ -n "$to" ]; then
  pg_dump --schema-only --no-owner --section=pre-data --table="$table" "$from" | sql "$to" >/dev/null
fi
if [ "$streams" = 1 ]; then
  move "select * from $table"
else
  blocks=$(sql "$from" -c "select pg_relation_size('$table') / current_setting('block_size')::int")
  part=0 jobs=''
  while [ "$part" -lt "$streams" ]; do
    begin=$((blocks * part / streams)) end=$((blocks * (part + 1) / streams))
    [ $((part + 1)) -lt "$streams" ] || end=4294967295
    move "select * from $table where ctid >= '($begin,0)' and ctid < '($end,0)'" &
    jobs="$jobs $!" part=$((part + 1))
  done
  for job in $jobs; do wait "$job"; done
fi
if [ -n "$to" ]; then
  sql "$to" -c "alter table $table add primary key ($key)"
fi
