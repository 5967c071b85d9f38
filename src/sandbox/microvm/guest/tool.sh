# Runs a program of ours that works for the host, from a file.
# Arguments: the file, the program, then the command line that runs it.
umask 077
mkdir -p "${1%/*}" && printf %s "$2" >"$1.$$" && mv -f "$1.$$" "$1" || exit 1
shift 2
# Should memory run out, this is to end and not the guest's agent.
echo 500 >/proc/self/oom_score_adj
# The runtime kills what it has started for a host that has gone. In a session of its own, the program lives to see the end of its stdin, and tidies up.
setsid "$@"
exit $?
