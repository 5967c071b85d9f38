# What is left of a shell that exits: written down as a text, which a new shell in the same process evaluates. The folder, open files,
# limits and processes stay what they are; only the table of jobs is lost.

# Names that a shell gives values to by itself, or that cannot be given any.
__msb_own_names=' BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_EXECUTION_STRING BASH_LINENO
 BASH_LOADABLES_PATH BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_VERSINFO BASH_VERSION COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME
 GROUPS HISTCMD LINENO PIPESTATUS PPID RANDOM SHELLOPTS SRANDOM UID _ '

# A file without a name, for what is left.
__msb_store=/proc/self/fd/205

__msb_open_store() {
  local folder file
  for folder in /tmp /dev/shm "$PWD"; do
    file=$(mktemp "$folder/.msb-XXXXXX") || continue
    exec 205<>"$file"
    rm -f "$file"
    builtin return
  done
}

# The end of every exit, in the trap on EXIT.
__msb_leave() {
  # A new shell dies of an interrupt, for a moment.
  __msb_let_go
  __msb_forget_locals
  __msb_running=1
  builtin unset -v __msb_source __msb_prelude __msb_wakes
  # By no process of its own, where that can be: what an interrupted run has started is ended by force.
  if [[ -f $__msb_store ]]; then
    builtin compgen -v >"$__msb_store" && builtin mapfile -t __msb_names <"$__msb_store"
    builtin declare -F >"$__msb_store" && builtin mapfile -t __msb_flagged <"$__msb_store"
    __msb_write_state >"$__msb_store"
  else
    builtin mapfile -t __msb_names <<<"$(builtin compgen -v)"
    builtin mapfile -t __msb_flagged <<<"$(builtin declare -F)"
    exec 205<<<"$(__msb_write_state)"
  fi
  BASH_ENV= ENV= exec "$__msb_shell" --norc --noprofile -c '. "$1"; builtin eval "$__msb_again"' bash "$__msb_program"
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
  for __msb_name in "${__msb_names[@]}"; do
    [[ $__msb_own_names = *[[:space:]]"$__msb_name"[[:space:]]* || $__msb_name = __msb_names || $__msb_name = __msb_own_names ]] ||
      builtin declare -p "$__msb_name"
  done
  builtin alias -p
  for __msb_name in "${__msb_flagged[@]}"; do
    __msb_flags=${__msb_name% *} __msb_name=${__msb_name##* }
    # The program defines its own.
    [[ $__msb_name != __msb_* && $__msb_name != trap ]] || continue
    builtin declare -f "$__msb_name"
    [[ $__msb_flags = "declare -f" ]] || builtin printf '%s %s\n' "$__msb_flags" "$__msb_name"
  done
  builtin set +o
  builtin printf '__msb_restoring=1\n'
  builtin trap -p
  builtin printf '__msb_restoring=\n__msb_set_traps kept\n'
} 2>/dev/null
