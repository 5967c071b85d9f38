# The bash runner: one shell that keeps its state, spoken to in lines. Two processes: the runner, whose process id is the interpreter's, and the
# listener (listener.sh), its child. program.ts has the command lines of both.
#
# What the host says, a line each:
#
#     run ID MARK INPUT BYTES   run the source of so many bytes that follows the line; INPUT is "open" or "empty". When it has ended, write the
#                               mark to stderr, and the mark and an answer as a line to stdout
#     interrupt ID HOW          send SIGINT to the shell and to what it waits for; HOW is "once" or "again"
#     input ID NUMBER BYTES     write to that run's input what `printf %b` makes of so many bytes that follow the line
#     close ID                  end that input
#     look ID SINCE BEGUN       tell what a command has changed, when it was running beside; the moments are seconds
#     moment ID                 tell the time here
#     attach MARK               interrupt whatever runs, then write this mark to stdout and stderr and say that it is ready
#
# Behind "run" and "look" are words for the shared folders, in which %20 is a blank, and so on. Answers are lines of JSON, as python/main.py describes them. Sources are evaluated at the shell's top level, in a callback of mapfile: there is no
# function around them and no loop. All names of ours begin with __msb_, but for the function trap. Bash 4.4 and later.

# A request is a line to wake up mapfile and what __msb_take reads.
__msb_step='if __msb_take; then builtin eval "$__msb_source"; { __msb_over; } 2>/dev/null; builtin eval "$__msb_bye_now"; { __msb_end; } 2>/dev/null; fi #'
__msb_serve='builtin mapfile -t -u 203 -c 1 -C "$__msb_step" __msb_wakes; builtin trap - EXIT; builtin exit'
__msb_main="__msb_begin \"\$1\"; builtin set --; $__msb_serve"
# After an exit, in the new shell. The user's arguments are the top level's.
__msb_again='LC_ALL=C IFS= builtin read -r -N 1000000000 __msb_state <"$__msb_store"; [[ -f $__msb_store ]] || exec 205<&-; builtin unset -v BASH_ENV ENV; builtin eval "$__msb_state" 2>/dev/null; builtin unset -v __msb_state; exec 1>&201 2>&202; builtin set -- "${__msb_arguments[@]}"; { __msb_say_goodbye; } 2>/dev/null; builtin eval "$__msb_bye_now"; { __msb_end; } 2>/dev/null; '"$__msb_serve"

# $1: where this program is.
__msb_begin() {
  __msb_shell=$BASH __msb_program=$1 __msb_options= __msb_status=0 __msb_id= __msb_running= __msb_bye= __msb_interrupted= __msb_pump=
  exec 201>&1 202>&2 203<&0 204>&3
  exec 0</dev/null 3>&-
  builtin read -r -u 203 __msb_listener
  __msb_set_traps ''
  __msb_begin_changes
  { __msb_open_store; } 2>/dev/null
  __msb_say_ready
}
