# What a run or a command has changed, as python/changes.py finds it and for its reasons: in the folder that the shell was started in, the user's home
# and the shared folders. GNU's find looks, once a run; where there is none, nobody knows.

# Bounds of one look: seconds, and those after one that took longer; folders below one another; bytes of what is found; files and bytes of what is told, which is written whole or not at all.
__msb_most_seconds=2
__msb_fewer_seconds=0.2
__msb_most_depth=8
__msb_most_found=16384
__msb_most_files=100
__msb_most_told=3000
# The kernel stamps files by a clock that goes in steps: the longest. Microseconds.
__msb_stamp_step=10000
# UTF-8 without what JSON has other words for.
__msb_plain=$'^([] !#-[^-~]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf][\x80-\xbf]|[\xf1-\xf3][\x80-\xbf][\x80-\xbf][\x80-\xbf]|\xf4[\x80-\x8f][\x80-\xbf][\x80-\xbf])+'

__msb_begin_changes() {
  __msb_path=$PATH __msb_told= __msb_found= __msb_looks=unknown
  __msb_start=$(builtin pwd -P) __msb_home=${HOME-}
}

# Now, in __msb_begun, and the earliest stamp of what changes from now on, in __msb_since: seconds. Before bash 5, to the second.
__msb_note_moment() {
  local now=${EPOCHREALTIME-}
  now=${now/[!0-9]/}
  if [[ -z $now ]]; then
    builtin printf -v now '%(%s)T' -1
    __msb_since=$now.0 __msb_begun=$((now + 1)).0
    builtin return
  fi
  __msb_begun=${now:0:-6}.${now: -6}
  now=$((now - __msb_stamp_step))
  __msb_since=${now:0:-6}.${now: -6}
}

# In the listener, whose processes nobody ends: what has changed since $1, in __msb_found, for __msb_tell_changes. $2: shared folders, escaped by
# hexadecimal digits. Nothing if nobody knows.
__msb_look() {
  local IFS=$' \t\n' place places=("$__msb_start")
  __msb_found=
  [[ $__msb_looks != unknown ]] || __msb_looks=$(PATH=$__msb_path; timeout 5 find / -maxdepth 0 -newerct @0 -printf yes)
  [[ $__msb_looks = yes ]] || builtin return 0
  for place in "$__msb_home" ${2-}; do
    builtin printf -v place %b "${place//%/\\x}"
    [[ $place != /* || " ${places[*]} " = *" $place "* ]] || places+=("$place")
  done
  __msb_found=$(__msb_search "$1" "${places[@]}")
  [[ $__msb_found != *, ]] || __msb_most_seconds=$__msb_fewer_seconds
}

# In the runner: what has been found for what began at $1, as JSON in __msb_changes; null if nobody knows.
__msb_tell_changes() {
  local LC_ALL=C IFS=$' \t\n' found=$__msb_found paths=() path state stamp told=/ files= complete=true index
  local -A states=()
  __msb_changes=null
  [[ -n $found ]] || builtin return 0
  [[ $found = *. ]] || complete=false
  while [[ $found = *//* ]]; do
    state=${found%%//*} found=${found#*//}
    path=${state#* * }
    [[ -z ${states[$path]+there} ]] || continue
    states[$path]=$state
    told+=/$state/
    stamp=${state%% *}
    [[ $stamp < $1 && $__msb_told = *"//$state//"* ]] && continue
    __msb_is_of_tool "$path" && continue
    for ((index = ${#paths[@]}; index > 0; index--)); do
      [[ $path < ${paths[index - 1]} ]] || break
      paths[index]=${paths[index - 1]}
    done
    paths[index]=$path
    if ((${#paths[@]} > __msb_most_files)); then
      builtin unset -v 'paths[-1]'
      complete=false
      break
    fi
  done
  [[ $told = / ]] || __msb_told=$told/
  for path in "${paths[@]}"; do
    state=${states[$path]#* }
    [[ $__msb_start = / ]] || path=${path#"$__msb_start"/}
    __msb_quote "$path"
    if ((${#files} + ${#__msb_quoted} > __msb_most_told)); then
      complete=false
      break
    fi
    files+="${files:+, }[\"$__msb_quoted\", ${state%% *}]"
  done
  __msb_changes="{\"files\": [$files], \"complete\": $complete}"
}

# Files that have changed since $1 below $2 and so on: of each its stamp, its size, its path and //, which is in no path. Behind them a full stop if those
# are all, a semicolon if they are too many, a comma if it took too long.
__msb_search() {
  local since=$1 depth found= part place below=() root=()
  builtin shift
  for place; do
    if [[ $place = / ]]; then root=("$place"); else below+=("$place"); fi
  done
  # Of the root only its own files count: all else is below it.
  for depth in 1 "$__msb_most_depth"; do
    if ((depth == 1)); then builtin set -- "${root[@]}"; else builtin set -- "${below[@]}"; fi
    (($# > 0)) || continue
    IFS= builtin read -r -N "$__msb_most_found" part < <(__msb_find "$depth" "$since" "$@") && found+="${part%//*}//;" && break
    found+=$part
    builtin wait "$!"
    case $? in
      124) found+=, && break ;;
      12[5-9] | 1[3-9]?) break ;;
    esac
    ((depth == 1 && ${#below[@]} > 0)) || found+=.
  done
  builtin printf %s "$found"
}

# $1: how deep; $2: since when; the places.
__msb_find() {
  local depth=$1 since=$2
  builtin shift 2
  PATH=$__msb_path
  builtin exec timeout "$__msb_most_seconds" find "$@" -xdev -mindepth 1 -maxdepth "$depth" \
    -type d \( -name .cache -o -name .config -o -name .git -o -name .hg -o -name .ipynb_checkpoints -o -name .ipython -o -name .local -o -name .npm \
    -o -name .svn -o -name .yarn -o -name __pycache__ -o -name node_modules \) -prune -o \
    -type f ! -name '.msb-*' -newerct "@$since" -printf '%C@ %s %p//' </dev/null 2>/dev/null
}

# Whether a file is in a virtual environment or a cache (bford.info/cachedir).
__msb_is_of_tool() {
  local folder=${1%/*}
  until [[ -z $folder || $folder = "$__msb_start" || $folder = "$__msb_home" ]]; do
    [[ ! -e $folder/pyvenv.cfg && ! -e $folder/CACHEDIR.TAG ]] || builtin return 0
    folder=${folder%/*}
  done
  builtin return 1
}

# A path within a string of JSON, in __msb_quoted. A byte that is no part of UTF-8 is half a surrogate pair (PEP 383).
__msb_quote() {
  local rest=$1 piece code
  __msb_quoted=
  while [[ -n $rest ]]; do
    if [[ $rest =~ $__msb_plain ]]; then
      piece=${BASH_REMATCH[0]}
      __msb_quoted+=$piece
    else
      piece=${rest:0:1}
      builtin printf -v code %d "'$piece"
      code=$((code & 255))
      if ((code < 128)); then builtin printf -v code '\\u%04x' "$code"; else builtin printf -v code '\\udc%02x' "$code"; fi
      __msb_quoted+=$code
    fi
    rest=${rest:${#piece}}
  done
}
