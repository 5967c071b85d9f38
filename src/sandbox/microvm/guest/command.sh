# Runs a command line as a shell does and says when it has ended, though what it left in the background may hold its output open.
# Arguments: the command line, and the mark that is written behind its output: to stdout, and to stderr with its status behind it and before
# that what this shell says of its end, which is something only if a signal ended it. A third one says that the command has something on stdin.
test -n "$3" || exec </dev/null
exec 3>&1 4>&2
said=$(
  exec 2>&1
  # Another shell redirects, because some tell of a signal to where the command's own output goes.
  /bin/sh -c 'exec /bin/sh -c "$1" >&3 2>&4 3>&- 4>&-' sh "$1"
  echo " $?"
)
printf %s "$2" >&3
printf '%s%s\n' "$2" "$said" >&4
