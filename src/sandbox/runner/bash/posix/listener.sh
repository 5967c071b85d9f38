# The listener for a shell that is not bash, as ../listener.sh is: a process of its own that makes shell code of what the host says, which the runner
# reads as a script. A `read` that a signal comes into loses its line in such shells, so none is sent here: files in the runner's folder tell.

# How often and how long apart a run is interrupted that goes on. Seconds.
__msb_interrupts=40
__msb_pause=0.1

# $1: the runner's process id; $2: its folder.
__msb_listen() {
  trap '' INT QUIT TERM HUP TSTP PIPE USR1 USR2
  LC_ALL=C
  __msb_runner=$1 __msb_folder=$2 __msb_current=
  read -r __msb_self _ </proc/self/stat
  while IFS= read -r line; do
    kind=${line%% *} rest=${line#* }
    id=${rest%% *} rest=${rest#* }
    case $kind in
      run) __msb_forward_run $rest ;;
      interrupt) ! __msb_is_on "$id" || __msb_interrupt "$id" "$rest" ;;
      input) __msb_forward_input $rest ;;
      close) [ -z "$__msb_pumped" ] || [ "$id" != "$__msb_current" ] || __msb_close ;;
      # Nobody looks.
      look) printf '{"look": "%s", "changes": null}\n' "$id" >&6 ;;
      moment) printf '{"moment": "%s"}\n' "$id" >&6 ;;
      attach)
        ! __msb_is_on "$__msb_current" || __msb_interrupt "$__msb_current" again
        printf '__msb_attach %s\n' "$id"
        ;;
    esac
  done
  # Nobody is there any more who could want anything.
  read -r stat <"/proc/$__msb_self/stat"
  set -- ${stat##*) }
  [ "$2" != "$__msb_runner" ] || kill -KILL "$__msb_runner"
}

__msb_is_on() {
  local now=
  { read -r now <"$__msb_folder/current"; } 2>/dev/null
  [ -n "$1" ] && [ "$now" = "$1" ]
}

# So many bytes of what the host says; some shells' head takes more than it passes on.
__msb_take_bytes() {
  [ "$1" = 0 ] || dd bs="$1" count=1 iflag=fullblock 2>/dev/null
}

# $@: mark, input, bytes. The source follows its line.
__msb_forward_run() {
  [ -z "$__msb_pumped" ] || __msb_close
  __msb_current=$id
  if [ "$2" = open ]; then __msb_pump; fi
  echo "$id" >"$__msb_folder/current"
  printf '%s\n' "__msb_source=\$(trap '' INT; cat <<'__msb_$1'"
  __msb_take_bytes "$3"
  printf '\n__msb_%s\n)\n__msb_begin_run %s %s %s\n' "$1" "$id" "$1" "$2"
  printf '%s\n' 'eval "$__msb_source"' '{ __msb_over; } 2>/dev/null' 'eval "$__msb_bye_now"' '{ __msb_end; } 2>/dev/null'
}

# The run's input is a pipe that a process of its own writes to, as that may take long.
__msb_pumped=
__msb_pump() {
  rm -f "$__msb_folder/typed" "$__msb_folder/in"
  mkfifo "$__msb_folder/typed" "$__msb_folder/in"
  {
    exec 5>"$__msb_folder/in"
    while read -r number bytes; do
      text=$(__msb_take_bytes "$bytes"; echo .)
      printf %b "${text%.}" >&5
      printf '{"id": "%s", "taken": %d}\n' "$id" "$number" >&6
    done
  } <"$__msb_folder/typed" >/dev/null 2>&1 &
  __msb_pumped=$!
  exec 4>"$__msb_folder/typed"
}

# $@: number, bytes.
__msb_forward_input() {
  if [ -n "$__msb_pumped" ] && [ "$id" = "$__msb_current" ]; then
    printf '%s %s\n' "$1" "$2" >&4
    __msb_take_bytes "$2" >&4
  else
    __msb_take_bytes "$2" >/dev/null
  fi
}

__msb_close() {
  exec 4>&-
  __msb_pumped=
}

# Beside this, as more may be said meanwhile. The runner waits for the end of the folder.
__msb_interrupt() {
  mkdir "$__msb_folder/interrupting" 2>/dev/null || return 0
  {
    left=$__msb_interrupts
    [ "$2" != once ] || left=1
    while [ "$left" -gt 0 ] && __msb_is_on "$1"; do
      __msb_tree=
      __msb_find_tree "$__msb_runner"
      kill -INT $__msb_tree
      left=$((left - 1))
      [ "$left" = 0 ] || sleep "$__msb_pause"
    done
    rmdir "$__msb_folder/interrupting"
  } 4>&- >/dev/null 2>&1 &
}

__msb_find_tree() {
  local child children=
  __msb_tree="$__msb_tree $1"
  { read -r children <"/proc/$1/task/$1/children"; } 2>/dev/null
  for child in $children; do
    [ "$child" = "$__msb_self" ] || __msb_find_tree "$child"
  done
}
