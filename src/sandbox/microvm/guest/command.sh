# Runs a command line as a shell does and says when it has ended, though what it left in the background may hold its output open.
# Arguments: the command line; the mark that is written behind its output: to stdout, and to stderr before and behind what this shell says of
# its end, which is its status and, before that, something only if a signal ended it; what its stdin is: "empty", "own", which is this shell's,
# or a FIFO to be made (feed.sh); the file that tells which commands are on, and the command's id, a number.
# Its processes are known by this limit, which the shells have two names for (warden.sh).
ulimit -Sw "$5" 2>/dev/null || ulimit -Sx "$5" 2>/dev/null
{ echo "+$5" >>"$4"; } 2>/dev/null
case $3 in
  own) ;;
  empty) exec </dev/null ;;
  *) mkfifo "$3" && exec <"$3" || exec </dev/null ;;
esac
exec 3>&1 4>&2
said=$(
  exec 2>&1
  # Another shell redirects, because some tell of a signal to where the command's own output goes.
  /bin/sh -c '
    { mkdir "$2" && echo 0 >"$2/cgroup.procs"; } 2>/dev/null
    exec /bin/sh -c "$1" >&3 2>&4 3>&- 4>&-
  ' sh "$1" "$6/$5"
  echo " $?"
)
{ echo "-$5" >>"$4"; } 2>/dev/null
printf %s "$2" >&3
printf '%s%s%s' "$2" "$said" "$2" >&4
# Groups are empty once their commands have ended, with all that they had left behind. One that has just been made can be made out by its limit.
rmdir "$6"/[0-9]* 2>/dev/null
