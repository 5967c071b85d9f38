# How a run ends: what an EXIT trap of the user's has to do is done, and the host is told.

# Between a source and its EXIT trap. That is in __msb_bye_now then, and may call exit itself.
__msb_over() {
  __msb_status=$? __msb_options=$-
  __msb_lay_down_options
  __msb_say_goodbye
}

__msb_say_goodbye() {
  __msb_bye_now=
  [[ -n $__msb_bye ]] || builtin return 0
  __msb_recall "$__msb_status"
  __msb_bye_now=$__msb_prelude$__msb_bye
  __msb_bye=
}

# Of the user's options those that would be in the way: exit at an error, unset variables, traces and the like.
__msb_lay_down_options() {
  builtin set +efuvxnkCTE
  __msb_options=${__msb_options//[!efuvxkCTE]/}
}

__msb_end() {
  __msb_running=
  # In time for what a trap on EXIT has changed.
  [[ -n $__msb_found && -z $__msb_bye_now ]] || __msb_let_go
  if [[ -n $__msb_bye_now ]]; then __msb_options=$- && __msb_lay_down_options; fi
  __msb_tell_changes "$__msb_begun"
  local mark=${__msb_mark//_/-} how=exited code=$__msb_status success=false
  if [[ -n $__msb_interrupted ]]; then
    how=interrupted
  elif ((code == 0)); then
    success=true
  fi
  __msb_write 202 "$mark"
  local answer="\"id\": \"$__msb_id\", \"ended\": \"$how\", \"success\": $success, \"exitCode\": $code"
  __msb_write 201 "$mark{$answer, \"result\": null, \"changes\": $__msb_changes}"$'\n'
}
