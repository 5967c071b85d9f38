# Starts a command line (hold.sh) and carries its output to the host, with a mark behind each stream once nobody holds that open any more.
# Arguments: those of hold.sh, of which the folder is to be made; that mark; the text of hold.sh; the name by which a later process finds the command.
#
# The runtime kills what it has started for a client that goes away: this shell and what carries, which the command does not notice (resume.sh).
d=$1
over=$7
# Not with the group's own parents: where there are none, there are no groups. A guest that an older server has started may have no folder yet.
mkdir "$d" "$2" 2>/dev/null || mkdir -p "$d" || exit
mkfifo "$d/in" "$d/out" "$d/err" "$d/to-out" "$d/to-err" || exit
echo "$9" >"$d/name"
exec 5<>"$d/to-out" 6<>"$d/to-err"
if command -v setsid >/dev/null; then
  # Twice, because then it goes on by itself. A background job would ignore interrupts, and what it starts too.
  setsid setsid /bin/sh -c "$8" sh "$1" "$2" "$3" "$4" "$5" "$6" >/dev/null 2>&1
else
  /bin/sh -c "$8" sh "$1" "$2" "$3" "$4" "$5" "$6" <&0 >/dev/null 2>&1 &
fi
exec 7<"$d/to-out" 8<"$d/to-err" 5>&- 6>&-
{
  cat <&8 >&2
  printf %s "$over" >&2
} &
cat <&7
printf %s "$over"
wait
