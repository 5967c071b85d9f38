# The listener: a shell of its own beside the one that runs sources. It reads what the host says, so that an interrupt is carried out at once,
# and hands over what is the runner's. Its stdin is control-in, its stdout the runner's requests, its descriptor 3 control-out.

# A run that is interrupted is so again, with pauses that double, until the runner has noticed: it may not have begun yet. Seconds; so many of them are
# the first pause, and so many pauses.
__msb_slice=0.05
__msb_first_pause=1
__msb_pauses=7

# Runs for as long as the host speaks. $1: the runner's process id.
__msb_listen() {
  builtin trap '' INT QUIT TERM HUP TSTP
  builtin trap '__msb_pause=' USR1
  # What takes longer must not be done while a read may come to the end of its time.
  builtin trap 'if [[ -n $__msb_timed ]]; then __msb_is_over=1; else __msb_tell_over; fi' USR2
  LC_ALL=C
  __msb_runner=$1 __msb_run= __msb_current= __msb_pause= __msb_left=0 __msb_attach= __msb_timed= __msb_is_over=
  __msb_begin_changes
  builtin printf '%s\n' "$BASHPID"
  while __msb_hear_line; do
    line=$__msb_line __msb_line=
    kind=${line%% *} rest=${line#* }
    id=${rest%% *} rest=${rest#* }
    case $kind in
      run) __msb_forward_run $rest ;;
      interrupt) [[ -z $__msb_current || $id != "$__msb_current" ]] || __msb_begin_interrupt "$rest" ;;
      input) __msb_forward_input $rest ;;
      close) [[ $id != "$__msb_current" ]] || builtin printf '\n%s\n' "$line" ;;
      look) __msb_forward_look $rest ;;
      moment) __msb_tell_moment ;;
      attach)
        # Of what comes before a run is over, the runner hears nothing.
        __msb_attach=$'\n'"attach $id"$'\n'
        if [[ -n $__msb_current ]]; then
          __msb_begin_interrupt again
        else
          builtin printf '%s' "$__msb_attach"
          __msb_attach=
        fi
        ;;
    esac
  done
  # Nobody is there any more who could want anything.
  builtin read -r stat 2>/dev/null <"/proc/$BASHPID/stat" || builtin return
  builtin read -r _ parent _ <<<"${stat##*) }"
  [[ $parent != "$__msb_runner" ]] || builtin kill -KILL "$__msb_runner"
}

# The next line of the host's, in __msb_line. Fails at the end.
__msb_hear_line() {
  while :; do
    if [[ -z $__msb_pause ]]; then
      IFS= builtin read -r part
      code=$?
    else
      __msb_timed=1
      IFS= builtin read -r -t "$__msb_slice" part
      code=$?
      __msb_timed=
      [[ -z $__msb_is_over ]] || __msb_tell_over
    fi
    __msb_line+=$part
    ((code != 0)) || builtin return 0
    # More than 128: the time is over, or the runner has noticed.
    ((code > 128)) || builtin return 1
    [[ -z $__msb_pause ]] || ((--__msb_slices > 0)) || __msb_interrupt_again
  done
}

# The run is over, says the runner: it is interrupted no more, and what it has changed is told.
__msb_tell_over() {
  __msb_pause= __msb_current= __msb_is_over=
  __msb_look "$__msb_since" "$__msb_folders"
  builtin printf '\nover %s %s %d\n%s' "$__msb_run" "$__msb_begun" "${#__msb_found}" "$__msb_found"
  builtin printf %s "$__msb_attach"
  __msb_attach=
}

# $@: when it began, at the earliest and at the latest; folders.
__msb_forward_look() {
  __msb_look "$1" "${*:3}"
  builtin printf '\nlook %s %s %d\n%s' "$id" "$2" "${#__msb_found}" "$__msb_found"
}

# $@: mark, input, bytes, folders. A source follows its line, as bytes.
__msb_forward_run() {
  [[ ${3-} =~ ^[0-9]+$ ]] || builtin return
  source=
  (($3 == 0)) || IFS= builtin read -r -N "$3" source || builtin return
  __msb_run=$id __msb_current=$id __msb_pause= __msb_folders=${*:4}
  __msb_note_moment
  builtin printf '\nrun %s %s %s %s\n%s' "$id" "$1" "$2" "$3" "$source"
}

# $@: number, bytes. A text follows its line, likewise.
__msb_forward_input() {
  [[ ${2-} =~ ^[0-9]+$ ]] && IFS= builtin read -r -N "$2" text || builtin return
  [[ $id != "$__msb_current" ]] || builtin printf '\n%s\n%s' "$line" "$text"
}

# Milliseconds. Before bash 5, nobody knows.
__msb_tell_moment() {
  local now=${EPOCHREALTIME-} ms=
  now=${now/./}
  [[ -z $now ]] || ms=", \"ms\": ${now:0:-3}"
  builtin printf '{"moment": "%s"%s}\n' "$id" "$ms" >&3
}

__msb_begin_interrupt() {
  __msb_pause=$__msb_first_pause __msb_slices=$__msb_first_pause __msb_left=$__msb_pauses
  [[ $1 != once ]] || __msb_left=1
  __msb_interrupt_all
}

__msb_interrupt_again() {
  ((__msb_left -= 1))
  if ((__msb_left <= 0)); then
    __msb_pause=
    builtin return
  fi
  __msb_pause=$((__msb_pause * 2))
  __msb_slices=$__msb_pause
  __msb_interrupt_all
}

# The runner and what it waits for: itself first, so that it does not go on in the moment in which that has ended. What runs in the background
# ignores SIGINT, as the shell starts it so.
__msb_interrupt_all() {
  __msb_tree=
  __msb_find_tree "$__msb_runner"
  builtin kill -INT $__msb_tree 2>/dev/null
}

__msb_find_tree() {
  local child children=
  __msb_tree+=" $1"
  { builtin read -r children <"/proc/$1/task/$1/children"; } 2>/dev/null
  for child in $children; do
    [[ $child = "$BASHPID" ]] || __msb_find_tree "$child"
  done
}
