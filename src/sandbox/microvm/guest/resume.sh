# Goes on carrying the output of a command (hold.sh) whose carrier has gone with another process of ours. First a line: how many bytes have been written
# to each of its two streams since its begin; and if it has ended, its status and the length of what has been said of its end. Then what is left of
# them, a mark, and what is written from then on, with another mark behind each stream as command.sh has it. There is no first mark where there is
# nothing behind it.
# Arguments: the command's folder; the mark for the end; the first mark.
d=$1
read -r holder <"$d/holder" && read -r out err <"$d/pumps" || exit 1

# How much the program $1 has written, in `bytes`, and stops it, with its id in `stopped`; if it has ended, what it has said of that in $2.
measure() {
  stopped=
  while { read -r line <"/proc/$1/stat"; } 2>/dev/null; do
    set -- "$1" "$2" ${line##*) }
    [ "$4" = "$holder" ] || break
    case $3 in
      Z) break ;;
      [Tt]) stopped=$1 && break ;;
    esac
    kill -STOP "$1"
  done
  bytes=0
  if [ -n "$stopped" ]; then
    while read -r name value; do [ "$name" != wchar: ] || bytes=$value; done <"/proc/$1/io"
  else
    while read -r value name _; do case $name in byte | bytes) bytes=$value ;; esac; done <"$2"
  fi
}
measure "$out" "$d/out.count"
to_out=$stopped
header=$bytes
measure "$err" "$d/err.count"
to_err=$stopped
header="$header $bytes"
ended=
{ read -r ended <"$d/ended"; } 2>/dev/null
# Opened for both first: with nobody at the other end, it would wait for somebody.
exec 5<>"$d/to-out" 6<>"$d/to-err"
exec 7<"$d/to-out" 8<"$d/to-err" 5>&- 6>&-
echo "$header $ended"
{
  [ -z "$to_out" ] || printf %s "$3" >"$d/to-out"
  [ -z "$to_err" ] || printf %s "$3" >"$d/to-err"
  kill -CONT $to_out $to_err
} 2>/dev/null &
{
  cat <&8 >&2
  printf %s "$2" >&2
} &
cat <&7
printf %s "$2"
wait
