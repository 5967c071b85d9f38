#!/bin/sh
# scripts/bench/microvm.ts in the emulated machine of test/live, with the program that is built from this tree. Arguments: the number of rounds.
# $LIVE_PROCESSORS: how many the machine has. With two it breaks down now and then: then run it again.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd -P)
. "$root/scripts/setup.sh"
. "$root/test/live/run.sh"
bring_bun
bring_dependencies
live_app || exit
bash "$root/test/live/machine" run -c "${LIVE_PROCESSORS:-2}" -m 6144 -t 2400 "$app" -- ./bun scripts/bench/microvm.ts /app/program/msb-mcp "$@"
status=$?
rm -rf "$work"
exit $status
