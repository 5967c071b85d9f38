# What is left of a shell that exits: written down as a text, which a new shell in the same process evaluates. The folder, open files,
# limits and processes stay what they are; only the table of jobs is lost.

# Names that a shell gives values to by itself, or that cannot be given any.
__msb_own_names=' BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_EXECUTION_STRING BASH_LINENO
 BASH_LOADABLES_PATH BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_VERSINFO BASH_VERSION COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME
 GROUPS HISTCMD LINENO PIPESTATUS PPID RANDOM SHELLOPTS SRANDOM UID _ '

# The end of every exit, in the trap on EXIT.
__msb_leave() {
  # A new shell dies of an interrupt, for a moment.
  __msb_let_go now
  __msb_forget_locals
  __msb_running=1
  builtin unset -v __msb_source __msb_prelude __msb_wakes
  # Again if it was ended by force, as all is that an interrupted run has started. That goes on for a while.
  __msb_status_of_state=137
  while ((__msb_status_of_state == 137)); do
    __msb_state=
    __msb_state=$(__msb_write_state)
    __msb_status_of_state=$?
  done
  BASH_ENV= ENV= exec "$__msb_shell" --norc --noprofile -c '. "$1"; builtin eval "$__msb_again"' bash "$__msb_program" 205<<<"$__msb_state"
  builtin trap - EXIT
  builtin exit 70
}

# A function that was left by exit has not given back the names of its variables. Those of the innermost are known.
__msb_forget_locals() {
  # Its EXIT trap may still name them.
  [[ -z $__msb_bye ]] || builtin return 0
  while IFS= builtin read -r __msb_line; do
    [[ ! $__msb_line =~ ^declare\ -[A-Za-z-]+\ ([A-Za-z_][A-Za-z_0-9]*) ]] || builtin unset -v "${BASH_REMATCH[1]}"
  done <<<"$__msb_locals"
  __msb_locals=
}

__msb_write_state() {
  builtin shopt -p
  __msb_names=$(builtin compgen -v)
  (($? < 128)) || builtin exit 137
  # Whatever the user's IFS is.
  builtin mapfile -t __msb_list <<<"$__msb_names"
  for __msb_name in "${__msb_list[@]}"; do
    [[ $__msb_own_names = *[[:space:]]"$__msb_name"[[:space:]]* || $__msb_name = __msb_names || $__msb_name = __msb_list || $__msb_name = __msb_own_names ]] ||
      builtin declare -p "$__msb_name"
  done
  builtin alias -p
  builtin declare -f
  __msb_names=$(builtin declare -F)
  (($? < 128)) || builtin exit 137
  while IFS=' ' builtin read -r _ __msb_flags __msb_name; do
    [[ $__msb_flags = -f ]] || builtin printf 'declare %s %s\n' "$__msb_flags" "$__msb_name"
  done <<<"$__msb_names"
  builtin set +o
  builtin printf '__msb_restoring=1\n'
  builtin trap -p
  builtin printf '__msb_restoring=\n__msb_set_traps kept\n'
} 2>/dev/null
