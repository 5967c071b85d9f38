# Runs a command line as a shell does, in a session of its own, so that it outlives whoever asks for it; and says how it has ended, though what it has
# left in the background may hold its output open.
# Arguments: its folder, where command.sh has made its pipes; the folder of its control group; the mark that is written behind its output: to stdout, and
# to stderr before and behind what this shell says of its end, which is its status and, before that, something only if a signal ended it; what its stdin
# is: "empty", "own", which is this shell's, or "open", the pipe that feed.sh writes to; its id, a number; the command line.
#
# Two programs copy its output from the pipes that it writes to into those that are carried to the host (command.sh, resume.sh): what they have written
# is how much there has been. They write what a pipe takes as a whole (PIPE_BUF), so that they are never in the middle of it. This shell reads nothing of
# what is carried, but keeps it while nobody carries. All pipes are opened here: another process might come to it when there is nobody at the other end
# any more, and would wait for somebody.
d=$1
group=$2
mark=$3
echo $$ >"$d/holder"
exec 5>"$d/to-out" 6>"$d/to-err"
exec 3<"$d/to-out" 4<"$d/to-err"
exec 7<>"$d/out" 8<>"$d/err"
exec 9<"$d/out"
LC_ALL=C dd bs=4096 <&9 >&5 2>"$d/out.count" 3<&- 4<&- 5>&- 6>&- 7>&- 8>&- 9<&- &
pumps=$!
exec 9<"$d/err"
LC_ALL=C dd bs=4096 <&9 >&6 2>"$d/err.count" 3<&- 4<&- 5>&- 6>&- 7>&- 8>&- 9<&- &
echo "$pumps $!" >"$d/pumps"
exec 5>&- 6>&- 9<&-
case $4 in
  empty) exec </dev/null ;;
  open) exec <"$d/in" ;;
esac
said=$(
  exec 2>&1
  # A process between redirects, because some shells tell of a signal to where the command's own output goes. The command's processes are known by
  # their control group; or by this limit, which the shells have two names for (warden.sh).
  (
    echo 500 >/proc/self/oom_score_adj
    echo 0 >"$group/cgroup.procs"
    ulimit -Sw "$5" || ulimit -Sx "$5"
    exec /bin/sh -c "$6" >&7 2>&8 3<&- 4<&- 7>&- 8>&-
  ) 2>/dev/null
  echo " $?"
)
printf %s "$mark" >&7
printf '%s%s%s' "$mark" "$said" "$mark" >&8
echo "${said##* } ${#said}" >"$d/ended"
exec 7>&- 8>&-
wait
# Until whoever has heard the end ends this (warden.sh).
exec 7<>"$d/out"
read -r _ <&7
