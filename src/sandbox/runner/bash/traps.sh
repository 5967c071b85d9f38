# What is the runner's own of traps. An exit of the shell, whatever brings it about, ends the run only: __msb_leave goes on with the state.

__msb_on_exit='{ __msb_status=$? __msb_options=$-; __msb_lay_down_options; [[ -n ${FUNCNAME-} ]] || __msb_arguments=("$@"); __msb_locals=$(builtin local -p); __msb_leave; } 2>/dev/null'
# Not in a function, so that the user's own variables are the innermost at the exit.
__msb_on_interrupt='if [[ -n $__msb_running ]]; then __msb_interrupted=1 __msb_running=; builtin exit 130; fi'

# $1: not empty where the user's traps are there.
__msb_set_traps() {
  builtin trap -- "$__msb_on_exit" EXIT
  [[ -z $1 ]] || builtin return 0
  builtin trap -- "$__msb_on_interrupt" INT
  for __msb_name in $__msb_deadly; do builtin trap -- "__msb_die $__msb_name" "$__msb_name"; done
}

# Signals that end a shell by way of its EXIT trap: those end ours, and no run only.
__msb_deadly='HUP ILL ABRT FPE BUS SEGV SYS PIPE ALRM TERM XCPU XFSZ USR1 USR2'

__msb_die() {
  builtin trap - EXIT "$1"
  builtin kill "-$1" $$
}

# Tells the listener that the user's trap on INT has got an interrupt.
__msb_noticed() {
  builtin kill -USR1 "$__msb_listener"
}

# In the place of the builtin: a trap on EXIT is kept for the end of the run, and one on INT tells that it has got an interrupt.
trap() {
  if [[ $BASHPID != "$$" || -n ${__msb_restoring-} ]]; then
    builtin trap "$@"
    builtin return
  fi
  case ${1-} in
    '' | -p | -l) if (($# < 1)) || [[ -n $1 ]]; then __msb_show_traps "$@"; builtin return; fi ;;
  esac
  [[ $1 != -- ]] || builtin shift
  # With one word only, a signal is reset.
  (($# > 1)) || builtin set -- - "$@"
  local __msb_action=$1 __msb_signal __msb_others=() __msb_failed=0
  builtin shift
  for __msb_signal; do
    case ${__msb_signal^^} in
      EXIT | 0) if [[ $__msb_action = - ]]; then __msb_bye=; else __msb_bye=$__msb_action; fi ;;
      INT | SIGINT | 2)
        case $__msb_action in
          -) builtin trap -- "$__msb_on_interrupt" INT ;;
          '') builtin trap '' INT ;;
          *) builtin trap -- "__msb_noticed; $__msb_action" INT ;;
        esac
        ;;
      *)
        if [[ $__msb_action = - && " $__msb_deadly " = *" ${__msb_signal#SIG} "* ]]; then
          builtin trap -- "__msb_die ${__msb_signal#SIG}" "$__msb_signal"
        else
          __msb_others+=("$__msb_signal")
        fi
        ;;
    esac
  done
  ((${#__msb_others[@]} == 0)) || builtin trap -- "$__msb_action" "${__msb_others[@]}"
}

# As the builtin lists them, without what is ours.
__msb_show_traps() {
  [[ ${1-} != -l ]] || { builtin trap -l; builtin return; }
  [[ ${1-} != -p ]] || builtin shift
  [[ ${1-} != -- ]] || builtin shift
  local __msb_line __msb_all __msb_wanted
  __msb_wanted=" ${*^^} "
  if [[ -n $__msb_bye ]] && { (($# == 0)) || [[ $__msb_wanted = *" EXIT "* || $__msb_wanted = *" 0 "* ]]; }; then
    builtin printf 'trap -- %s EXIT\n' "'${__msb_bye//\'/\'\\\'\'}'"
  fi
  __msb_all=$(builtin trap -p "$@")
  while IFS= builtin read -r __msb_line; do
    case $__msb_line in
      *"$__msb_on_interrupt"* | *'__msb_status=$?'* | *"'__msb_die "* | '') ;;
      *) builtin printf '%s\n' "${__msb_line/#"trap -- '__msb_noticed; "/"trap -- '"}" ;;
    esac
  done <<<"$__msb_all"
}
