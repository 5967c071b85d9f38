# Runs a program of ours that works for the host, from a file.
# Arguments: the file, the program, then the command line that runs it.
umask 077
mkdir -p "${1%/*}" && printf %s "$2" >"$1.$$" && mv -f "$1.$$" "$1" || exit 1
shift 2
# Should memory run out, this is to end and not the guest's agent.
echo 500 >/proc/self/oom_score_adj
exec "$@"
