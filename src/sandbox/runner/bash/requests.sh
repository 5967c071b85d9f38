# The runner's side of the conversation: takes a request, and makes ready for its source.
#
# Descriptors: 201 and 202 are the host's stdout and stderr, 203 the requests, 204 control-out. What is done between runs is silent,
# and done without the user's options: __msb_options has them.

# Waits for a run. Fails for what is none.
__msb_take() {
  local LC_ALL=C IFS=' ' kind id mark input bytes source
  while builtin read -r -u 203 kind id mark input bytes; do
    case $kind in
      run)
        source=
        ((bytes == 0)) || IFS= builtin read -r -N "$bytes" -u 203 source || builtin return 1
        # Not as it is: a listing of all variables would end the run's output.
        __msb_id=$id __msb_mark=${mark//-/_}
        __msb_interrupted= __msb_bye= __msb_bye_now= __msb_pump=
        exec 0</dev/null 1>&201 2>&202
        [[ $input != open ]] || __msb_open_input
        __msb_found=
        __msb_prepare "$source"
        __msb_running=1
        builtin return 0
        ;;
      look)
        __msb_read_found "$input"
        __msb_tell_changes "$mark"
        __msb_write 204 "{\"look\": \"$id\", \"changes\": $__msb_changes}"$'\n'
        builtin return 1
        ;;
      attach)
        __msb_write 201 "$id"
        __msb_write 202 "$id"
        __msb_say_ready
        builtin return 1
        ;;
    esac
  done
  builtin return 1
}

# So many bytes, in __msb_found.
__msb_read_found() {
  __msb_found=
  (($1 == 0)) || IFS= LC_ALL=C builtin read -r -N "$1" -u 203 __msb_found
}

# What is to be evaluated, in __msb_source: the source, with the user's options and the last status; or what tells that it does not parse.
__msb_prepare() {
  local code
  # A signal on the way says nothing of the source.
  until __msb_parses "$1"; code=$?; ((code < 128)); do :; done
  if ((code != 0)); then
    __msb_tell_syntax "$1"
    __msb_recall 2
    __msb_source=$__msb_prelude
    builtin return
  fi
  __msb_recall "$__msb_status"
  # In the source's first line, as its lines are counted. A status is no failure here that `set -e` ends anything for.
  __msb_source="${__msb_prelude}$1"
}

# What gives the user's options and a last status back, in __msb_prelude.
__msb_recall() {
  __msb_prelude="{ ${__msb_options:+builtin set -$__msb_options;} __msb_return $1 && :; } 2>/dev/null; "
}

# Nothing runs in a shell with -n. Extended patterns are allowed, as the source may allow them itself before they come.
__msb_parses() (
  builtin trap '' INT
  builtin shopt -s extglob
  builtin eval "set -n; $1"
) 2>/dev/null </dev/null

__msb_tell_syntax() {
  builtin printf '%s\n' "$1" | (exec -a bash "$__msb_shell" --norc --noprofile -O extglob -n -s) ||
    builtin return 0
  builtin printf 'bash: syntax error\n' >&2
}

__msb_return() {
  builtin return "$1"
}

# Others may have made the descriptor non-blocking; what is written is short enough to come whole or not at all.
__msb_write() {
  until builtin printf '%s' "$2" >&"$1"; do
    [[ -e /proc/$__msb_listener ]] || builtin kill -KILL $$
  done 2>/dev/null
}

__msb_say_ready() {
  __msb_write 204 "{\"ready\": true, \"pid\": $$, \"protocol\": 4}"$'\n'
}
