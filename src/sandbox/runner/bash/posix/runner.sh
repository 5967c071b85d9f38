# The runner where there is no bash: what ../main.sh says, as far as a plain shell can keep it (dash, busybox's ash). An exit of the shell is the start of
# a new one in the same process, with all that a shell can tell of itself: its functions are lost. Descriptors: 6 control-out, 7 and 8 the host's stdout
# and stderr, 9 the requests, which are shell code.

__msb_notice='There is no bash in this sandbox: sh runs the code. It has no arrays, no [[ ]] and no other extensions of bash, and its functions are lost after an exit or an interrupt.'
__msb_on_exit='__msb_status=$? __msb_options=$-; { set +efuvxC; __msb_leave "$@"; } 2>/dev/null'
__msb_on_interrupt='if [ -n "$__msb_running" ]; then __msb_interrupted=1 __msb_running=; exit 130; fi'
# What is read behind a run, and what is run after an exit.
__msb_serve='. "$__msb_folder/requests"; exit'
__msb_again='__msb_posix=1; . "$1"; { . "$2/state"; __msb_read_aliases; } 2>/dev/null; shift 2; exec 1>&7 2>&8; __msb_set_traps; __msb_say_goodbye; eval "$__msb_bye_now"; { __msb_end; } 2>/dev/null; eval "$__msb_serve"'

# $1: where this program is; $2: the shell.
__msb_begin() {
  __msb_program=$1 __msb_shell=$2 __msb_folder=$1.$$ __msb_options= __msb_status=0 __msb_running= __msb_bye= __msb_bye_now= __msb_interrupted=
  # Of an earlier process of the same number, say.
  rm -rf "$__msb_folder"
  mkdir -m 700 "$__msb_folder" && mkfifo "$__msb_folder/requests" || exit 1
  exec 5<&0 </dev/null 6>&3 7>&1 8>&2 3>&-
  { __msb_listen "$$" "$__msb_folder"; } <&5 >"$__msb_folder/requests" 2>/dev/null 5<&- 7>&- 8>&- &
  exec 9<>"$__msb_folder/requests" 5<&-
  __msb_set_traps
  alias trap=__msb_trap
  __msb_say_ready
}

__msb_set_traps() {
  trap "$__msb_on_exit" EXIT
  [ -n "${__msb_traps_int-}" ] || trap "$__msb_on_interrupt" INT
}

# $@: id, mark, input.
__msb_begin_run() {
  __msb_id=$1 __msb_mark=$2 __msb_interrupted= __msb_bye= __msb_bye_now=
  exec 0</dev/null 1>&7 2>&8
  [ "$3" != open ] || exec <"$__msb_folder/in"
  if printf '%s\n' "$__msb_source" | (trap '' INT && exec "$__msb_shell" -n); then
    __msb_recall "$__msb_status"
    __msb_source=$__msb_prelude$__msb_source
  else
    __msb_source="__msb_return 2"
  fi
  __msb_running=1
}

# What gives the user's options and a last status back, in the source's first line. A status is no failure here that `set -e` ends anything for.
__msb_recall() {
  __msb_prelude="{ ${__msb_options:+set -$__msb_options;} __msb_return $1 && :; } 2>/dev/null; "
}

__msb_return() {
  return "$1"
}

__msb_over() {
  __msb_status=$? __msb_options=$-
  __msb_lay_down_options
  __msb_say_goodbye
}

__msb_lay_down_options() {
  set +efuvxC
  local letter kept=
  for letter in e f u v x C; do
    case $__msb_options in *"$letter"*) kept=$kept$letter ;; esac
  done
  __msb_options=$kept
}

# A trap on EXIT is run between a run and its end, and may call exit itself.
__msb_say_goodbye() {
  __msb_bye_now=
  [ -n "$__msb_bye" ] || return 0
  __msb_recall "$__msb_status"
  __msb_bye_now="$__msb_prelude$__msb_bye"
  __msb_bye=
}

__msb_end() {
  if [ -n "$__msb_bye_now" ]; then __msb_options=$- && __msb_lay_down_options; fi
  __msb_running=
  rm -f "$__msb_folder/current"
  # No interrupt is on its way any more then.
  while [ -e "$__msb_folder/interrupting" ]; do sleep 0.02; done
  exec 0</dev/null
  local how=exited success=false
  if [ -n "$__msb_interrupted" ]; then how=interrupted; elif [ "$__msb_status" = 0 ]; then success=true; fi
  printf %s "$__msb_mark" >&8
  printf '%s{"id": "%s", "ended": "%s", "success": %s, "exitCode": %d, "result": null, "changes": null}\n' \
    "$__msb_mark" "$__msb_id" "$how" "$success" "$__msb_status" >&7
}

# The end of every exit, in the trap on EXIT. All that is known of the shell goes into files: what is forked now may be ended by force.
__msb_leave() {
  __msb_running=
  __msb_lay_down_options
  rm -f "$__msb_folder/current"
  # A new shell dies of an interrupt, for a moment.
  while [ -e "$__msb_folder/interrupting" ]; do sleep 0.02; done
  # Those that a shell gives values to by itself.
  unset __msb_source LINENO PPID RANDOM SECONDS EPOCHSECONDS EPOCHREALTIME FUNCNAME
  { set && readonly -p && trap; } >"$__msb_folder/state"
  alias >"$__msb_folder/aliases"
  exec "$__msb_shell" -c "$__msb_again" sh "$__msb_program" "$__msb_folder" "$@"
}

__msb_read_aliases() {
  local line
  while IFS= read -r line; do eval "alias $line"; done <"$__msb_folder/aliases"
}

__msb_attach() {
  printf %s "$1" >&7
  printf %s "$1" >&8
  __msb_say_ready
}

__msb_say_ready() {
  printf '{"ready": true, "pid": %d, "protocol": 4, "notice": "%s"}\n' "$$" "$__msb_notice" >&6
}

# In the place of the builtin, by an alias: a trap on EXIT is kept for the end of the run.
__msb_trap() {
  [ "${1-}" != -- ] || shift
  if [ $# = 0 ]; then
    trap | grep -v __msb_
    return 0
  fi
  # With one word only, a signal is reset.
  [ $# -gt 1 ] || set -- - "$1"
  local action=$1 name
  shift
  for name; do
    case $name in
      EXIT | 0) if [ "$action" = - ]; then __msb_bye=; else __msb_bye=$action; fi ;;
      INT | 2)
        __msb_traps_int=1
        if [ "$action" = - ]; then __msb_traps_int= && trap "$__msb_on_interrupt" INT; else trap "$action" INT; fi
        ;;
      *) trap "$action" "$name" ;;
    esac
  done
}
