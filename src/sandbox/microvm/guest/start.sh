# Starts an interpreter that outlives whoever asks for it, and prints a line break once its pipes are there, then what it writes to its
# control descriptor.
# Arguments: the folder for its pipes, the mark that is written behind all of its output, the file for the runner and the runner in two parts, as Linux
# takes no argument of its length, the folder of control groups, then the interpreter's name, then its command line. Ends with 127 if the image has no
# such interpreter.
#
# The pipes are named ones that a shell of a session of its own (setsid) holds open, so that neither end notices when the programs that
# carry them to the host end, and others take their place (attach.sh). The runtime kills what it has started for a client that goes away.
top=${1%/*}
mark=$2
command -v "$7" >/dev/null || exit 127
umask 077
[ ! -e "${6%/*}/cgroup.procs" ] || mkdir -p "$6/code"
mkdir -p "$1" "$top/runs" && printf %s "$4" "$5" >"$3" && mkfifo "$1/in" "$1/out" "$1/err" "$1/ctl" || exit 1
hold='
d=$1
mark=$2
shift 7
echo $$ >"$d/holder"
exec 4<>"$d/in" 5<>"$d/out" 6<>"$d/err" 7<>"$d/ctl"
# That shell redirects, because some tell of a signal to where that program writes itself.
/bin/sh -c '\''
d=$1
shift
umask 022
echo $$ >"$d/pid"
echo 500 >/proc/self/oom_score_adj
# What it starts is known by this limit, where there are no control groups (warden.sh).
ulimit -Sw 0 2>/dev/null || ulimit -Sx 0 2>/dev/null
exec "$@" <&4 >&5 2>&6 3>&7 4>&- 5>&- 6>&- 7>&-
'\'' sh "$d" "$@"
status=$?
printf %s "$mark" >&5
printf %s "$mark" >&6
printf "{\"exit\":%d}\n" "$status" >&7
'
# No background job: those ignore interrupts, and a bash that is started so does for ever. So it is waited for, by a shell that is ended at once.
begin='
setsid=$1
hold=$2
shift 2
$setsid /bin/sh -c "$hold" sh "$@" </dev/null >/dev/null 2>&1 | kill -KILL $$
'
/bin/sh -c "$begin" sh "$(command -v setsid)" "$hold" "$@" 2>/dev/null
echo "${1##*/}" >"$top/current"
echo
exec 9<"$1/ctl"
# Its first line: it is ready, and runs nothing yet.
IFS= read -r line <&9
# What it has started until now is no run's (warden.sh). In hundredths of a second since boot.
read -r up _ </proc/uptime
echo $((${up%%.*} * 100 + 1${up#*.} - 100)) >"$1/ready"
# Whoever takes all memory is to be ended at once, and not to have the kernel read what is open again and again, for minutes. So code and commands have a
# limit together. What the interpreter has read so far is no part of it, because it has joined its group only now. KiB.
if [ -d "$6/code" ]; then
  free=
  [ -e "$6/memory.max" ] || while read -r name value _; do [ "$name" != MemFree: ] || free=$value; done </proc/meminfo
  [ -z "$free" ] || { echo +memory >"${6%/*}/cgroup.subtree_control" && echo "$((free - free / 64 - 24576))K" >"$6/memory.max"; }
  read -r pid <"$1/pid" && echo "$pid" >"$6/code/cgroup.procs"
fi 2>/dev/null
printf '%s\n' "$line"
exec cat <&9
