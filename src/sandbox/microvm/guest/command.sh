# Starts a command line (hold.sh) and carries its output to the host, with a mark behind each stream once nobody holds that open any more.
# Arguments: those of hold.sh, of which the folder is to be made, unless the warden has; that mark; the text of hold.sh; the name by which a later
# process finds the command.
#
# The runtime kills what it has started for a client that goes away: this shell and what carries, which the command does not notice (resume.sh).
d=$1
over=$7
if [ ! -p "$d/to-err" ]; then
  # Not with the group's own parents: where there are none, there are no groups. A guest that an older server has started may have no folder yet.
  mkdir "$d" "$2" 2>/dev/null || mkdir -p "$d" || exit
  mkfifo "$d/in" "$d/out" "$d/err" "$d/to-out" "$d/to-err" || exit
fi
echo "$9" >"$d/name"
# Each of them waits for hold.sh to open the other end, and that for them.
{
  cat <"$d/to-err" >&2
  printf %s "$over" >&2
} &
{
  cat <"$d/to-out"
  printf %s "$over"
} &
exec >/dev/null 2>&1
# Waited for, and so no background job of this shell's: those ignore interrupts, and what they start does too.
if command -v setsid; then
  setsid /bin/sh -c "$8" sh "$1" "$2" "$3" "$4" "$5" "$6"
else
  /bin/sh -c "$8" sh "$1" "$2" "$3" "$4" "$5" "$6"
fi
wait
