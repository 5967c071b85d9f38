# The standard input of a run that has one: a pipe that a process of its own writes what the host sends into.

__msb_open_input() {
  # Of descriptor 203, as the runner itself reads nothing there until the run is over.
  exec 0< <(__msb_pump_input)
  __msb_pump=$!
}

__msb_pump_input() {
  builtin trap '' INT PIPE
  local kind id number bytes text
  while builtin read -r -u 203 kind id number bytes; do
    case $kind in
      close) builtin return ;;
      input)
        IFS= builtin read -r -N "$bytes" -u 203 text || builtin return
        builtin printf '%b' "$text" 2>/dev/null
        builtin printf '{"id": "%s", "taken": %d}\n' "$id" "$number" >&204
        ;;
    esac
  done
}

# Nothing more of the run's input and no interrupt comes from the listener, which has looked for what has changed.
__msb_let_go() {
  local line=
  if [[ -n $__msb_pump ]]; then
    builtin kill -KILL "$__msb_pump"
    builtin wait "$__msb_pump"
    __msb_pump=
    exec 0</dev/null
  fi
  builtin kill -USR2 "$__msb_listener"
  # Behind what the process has left.
  until [[ $line = "over $__msb_id "* ]]; do
    IFS= builtin read -r -u 203 line || builtin kill -KILL $$
  done
  __msb_read_found "${line##* }"
  line=${line% *}
  __msb_begun=${line##* }
}
