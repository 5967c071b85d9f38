# Carries the streams of an interpreter that start.sh has started: its stdin from here, its stdout and stderr to here.
# Argument: the folder of its pipes; or, with "current" as its last part, of the one that was started last.
d=$1
[ "${d##*/}" != current ] || read -r name <"$d" && d=${d%/*}/${name:-${d##*/}}
cat "$d/out" &
cat "$d/err" >&2 &
exec cat >"$d/in"
