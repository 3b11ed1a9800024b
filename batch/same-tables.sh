#!/usr/bin/env bash
# Whether the tables of the sweep of batch/tiny-sweep.sh in two folders are the same, to the byte.
#
#     batch/same-tables.sh ONE OTHER
set -euo pipefail
cells=$(ls "$2/cells" | wc -l)
[ "$cells" = 24 ] || { echo "$cells cells, not 24" >&2; exit 1; }
for file in search/trials.csv search/chosen.yaml test/trials.csv test/rounds.csv test/summary.json test/details.json; do
    cmp "$1/$file" "$2/$file"
done
echo "24 cells in job arrays: the tables are those of one process"
