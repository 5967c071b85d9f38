# Watches over the processes of a guest: ends those of a run when told to. One shell that goes on, because a guest that is full of a
# fork bomb starts no other. Only what is built into every shell, but for `oom`.
#
# Argument: the folder of interpreters' pipes. Requests are lines "WHAT ID HOW-LONG ROOT CARRIERS…": what was started since ROOT was, the first process of
# a run, or else in the last HOW-LONG hundredths of a second, is the run's, unless a process of before has started it. CARRIERS are the programs that carry streams to the host; they and what they
# start stay, the interpreter stays, what it has started does not. Answers are lines "ID ANSWER".
top=$1

# Every process that is no zombie: its parent in q_PID, when it was started (in hundredths of a second since boot) in t_PID, its id in `all`.
look() {
  all=
  for file in /proc/[0-9]*/stat; do
    line=
    { while IFS= read -r part || [ -n "$part" ]; do line="$line $part"; done <"$file"; } 2>/dev/null || continue
    pid=${file#/proc/}
    pid=${pid%/stat}
    set -- ${line##*) }
    case ${1-Z} in Z | X) continue ;; esac
    [ $# -ge 20 ] || continue
    eval "q_$pid=\$2 t_$pid=\${20}"
    all="$all $pid"
  done
}

# What was started since `since`, in `victims`.
find() {
  look
  # The root's own word is exact, and remembered for when it has ended; the time that a request took on its way is not.
  if [ "${root:-0}" != 0 ] && [ "$root" != "$known" ]; then
    eval "started=\${t_$root-}"
    case " $all " in *" $root "*) known=$root known_since=$started ;; esac
  fi
  [ "${root:-0}" = 0 ] || [ "$root" != "$known" ] || since=$known_since
  victims=
  for pid in $all; do
    case " 1 $$ $kept $carriers " in *" $pid "*) continue ;; esac
    eval "parent=\$q_$pid"
    case " $$ $carriers " in *" $parent "*) continue ;; esac
    at=$pid
    is=yes
    until [ "$at" = 0 ]; do
      case " 1 $$ $kept $carriers " in *" $at "*) break ;; esac
      eval "started=\${t_$at-} parent=\${q_$at-0}"
      if [ -n "$started" ] && [ "$started" -lt "$since" ]; then
        is=
        break
      fi
      at=$parent
    done
    [ -z "$is" ] || victims="$victims $pid"
  done
}

echo ready
known=
while read -r what id ago root carriers; do
  read -r up _ </proc/uptime
  answer=done
  kept=
  name=
  { read -r name <"$top/current"; } 2>/dev/null
  for file in pid holder; do
    pid=
    { read -r pid <"$top/$name/$file"; } 2>/dev/null
    kept="$kept $pid"
    [ "$file" != pid ] || interpreter=$pid
  done
  fraction=${up#*.}
  since=$((${up%%.*} * 100 + 1$fraction - 100 - ${ago:-0}))
  case $what in
    terminate)
      find
      [ -z "$victims" ] || kill -TERM $victims 2>/dev/null
      ;;
    sweep)
      # A fork bomb takes several rounds.
      round=0
      while find && [ -n "$victims" ] && [ $round -lt 100 ]; do
        kill -STOP $victims 2>/dev/null
        kill -KILL $victims 2>/dev/null
        round=$((round + 1))
      done
      ;;
    kill) [ -z "$interpreter" ] || kill -KILL "$interpreter" 2>/dev/null ;;
    # The last that the kernel has said of ending a process for want of memory.
    oom) answer=$(dmesg 2>/dev/null | grep 'Out of memory: Killed' | tail -n 1) ;;
  esac
  echo "$id $answer"
done
