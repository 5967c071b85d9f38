# Watches over the processes of a guest: signals or ends those of a run when told to. One shell that goes on, because a guest that is full of a
# fork bomb starts no other. Only what is built into every shell, but for `make`, `release` and an `oom` where there are no groups.
#
# Arguments: the folder of interpreters' and commands' pipes; that of control groups. Requests are lines "WHAT ID RUN STRAYS HOW-LONG CARRIERS…". RUN is
# a command's id, or "code": what the interpreter's processes have started in the last HOW-LONG hundredths of a second, though not before it was ready,
# and have not from a process of before. CARRIERS are the programs that carry streams to the host; they and what they start stay. Answers are lines
# "ID ANSWER".
#
# Whose a process is tells its control group, of which each command has one, and the interpreter. Where there are none, its ancestors, its session and
# its soft limit of file locks do, which all inherit and no Linux since 2.4 heeds: 0 is code's. One of which none of them does is a stray: if STRAYS is
# 1, those of the last HOW-LONG hundredths of a second are the run's.
top=$1
groups=$2

# The kernel's own threads, of which a guest has dozens: PF_KTHREAD in the flags of a process.
kernel_thread=2097152
# How long one request may take, in hundredths of a second.
patience=800
# How many released commands have their folders removed by one program.
released_at_once=8

# The first process of the command, in `root`; empty if it is not there yet, or the run is code.
read_root() {
  root=
  { read -r root <"$top/runs/$run/holder"; } 2>/dev/null
}

# How long the guest has been up, in hundredths of a second, in `now`.
read_clock() {
  read -r up _ </proc/uptime
  fraction=${up#*.}
  now=$((${up%%.*} * 100 + 1$fraction - 100))
}

# The processes of the run's control group, in `members`. Fails if it has none.
look_into_group() {
  members=
  { while read -r pid; do members="$members $pid"; done <"$groups/$run/cgroup.procs"; } 2>/dev/null
}

# Of the processes $@ every one that is no zombie and no thread of the kernel: its parent in q_PID, its session in s_PID, when it was started (in
# hundredths of a second since boot) in t_PID, its id in `all`.
look() {
  all=
  for pid; do
    pid=${pid#/proc/}
    line=
    { while IFS= read -r part || [ -n "$part" ]; do line="$line $part"; done <"/proc/$pid/stat"; } 2>/dev/null || continue
    set -- ${line##*) }
    case ${1-Z} in Z | X) continue ;; esac
    [ $# -ge 20 ] || continue
    [ $(($7 & kernel_thread)) = 0 ] || continue
    eval "q_$pid=\$2 s_$pid=\$4 t_$pid=\${20} o_$pid="
    all="$all $pid"
  done
}

# Whose the process is: a command's id, "code" or "nobody", in `owner` and o_PID.
own() {
  owner=
  unmarked=
  at=$1
  until [ "$at" = 0 ] || [ "$at" = 1 ]; do
    eval "owner=\${o_$at-} session=\${s_$at-} parent=\${q_$at-0}"
    [ -z "$owner" ] || break
    case $roots in
      *",$at:"*) owner=${roots#*",$at:"} ;;
      *",$session:"*) owner=${roots#*",$session:"} ;;
    esac
    owner=${owner%%,*}
    case " $$ $carriers " in *" $at "*) owner=${owner:-ours} ;; esac
    [ -z "$owner" ] || break
    unmarked="$unmarked $at"
    at=$parent
  done
  [ "$owner" != nobody ] || owner=
  # Last, because it is long and read byte by byte.
  for at in $unmarked; do
    [ -z "$owner" ] || break
    {
      while read -r first second third limit _; do
        [ "$first $second $third" = "Max file locks" ] || continue
        case $limit in unlimited) ;; 0) owner=code ;; *) owner=$limit ;; esac
        break
      done <"/proc/$at/limits"
    } 2>/dev/null
  done
  owner=${owner:-nobody}
  eval "o_$1=\$owner"
}

# Whether the process and those that have started it are of the run's time.
is_recent() {
  at=$1
  until [ "$at" = 0 ]; do
    case " 1 $$ $kept $carriers " in *" $at "*) return 0 ;; esac
    eval "started=\${t_$at-} parent=\${q_$at-0}"
    [ -z "$started" ] || [ "$started" -ge "$since" ] || return 1
    at=$parent
  done
}

# The first processes of commands and of the interpreter, as ",PID:OWNER,PID:OWNER,", in `roots`.
find_roots() {
  roots=,
  for folder in "$top"/runs/*; do
    { read -r pid <"$folder/holder" && roots="$roots$pid:${folder##*/},"; } 2>/dev/null
  done
  for pid in $kept; do roots="$roots$pid:code,"; done
}

# The run's processes, in `victims`; but for the two shells that tell a command's end, if $1 is "spare": they are in no group.
find() {
  if look_into_group; then
    victims=$members
    [ "$run" = code ] || return 0
    look $members
  else
    find_roots
    look /proc/[0-9]*
  fi
  # The root's own word is exact, and remembered for when it has ended; the time that a request took on its way is not.
  eval "started=\${t_${root:-0}-}"
  [ -z "$started" ] || known=$run known_since=$started
  [ "$known" != "$run" ] || since=$known_since
  victims=
  for pid in $all; do
    case " 1 $$ $kept $carriers " in *" $pid "*) continue ;; esac
    eval "parent=\$q_$pid started=\$t_$pid"
    # Whose it is takes long to tell; what is older than the run is not the run's.
    [ "$started" -ge "$since" ] || continue
    case " $$ $carriers " in *" $parent "*) continue ;; esac
    [ "$1" != spare ] || case " $pid $parent " in *" ${root:-none} "*) continue ;; esac
    if [ -n "$members" ]; then owner=$run; else own "$pid"; fi
    case $owner in
      "$run") [ "$run" != code ] || is_recent "$pid" || continue ;;
      nobody) [ "$strays" = 1 ] && is_recent "$pid" || continue ;;
      *) continue ;;
    esac
    victims="$victims $pid"
  done
  return 0
}

# A command that has just been started is not yet there to be told. At most for some seconds.
wait_for_victims() {
  begun=$now
  while find spare && [ -z "$victims" ] && [ "$run" != code ] && [ ! -e "$top/runs/$run/ended" ]; do
    read_root
    [ -z "$root" ] || kill -0 "$root" 2>/dev/null || return 0
    read_clock
    [ $((now - begun)) -lt $patience ] || return 0
  done
}

# Ends the victims of `find $1`. A fork bomb takes several rounds where there is no group to end it at one stroke.
end() {
  begun=$now
  while find "$1" && [ -n "$victims" ]; do
    [ "$run" != code ] && { echo 1 >"$groups/$run/cgroup.kill"; } 2>/dev/null || {
      kill -STOP $victims 2>/dev/null
      kill -KILL $victims 2>/dev/null
    }
    read_clock
    [ $((now - begun)) -lt $patience ] || return 0
  done
}

# What is left of released commands: their folders; and groups, which are empty when all that their commands had left behind has ended. By a process of its
# own, as that takes time. A guest that is full starts none; that must not end this shell.
remove_released() {
  command eval '{
    rm -rf $released
    left=
    for folder in "$groups"/[0-9]*; do [ -e "$top/runs/${folder##*/}" ] || left="$left $folder"; done
    [ -z "$left" ] || rmdir $left
  } &' 2>/dev/null || return 0
  released=
}

echo ready
known=
released=
unremoved=0
while read -r what id run strays ago carriers; do
  read_clock
  answer=done
  kept=
  name=
  interpreter=
  { read -r name <"$top/current"; } 2>/dev/null
  for file in pid holder; do
    pid=
    { read -r pid <"$top/$name/$file"; } 2>/dev/null
    [ -n "$pid" ] || continue
    kept="$kept $pid"
    [ "$file" != pid ] || interpreter=$pid
  done
  since=$((now - ${ago:-0}))
  ready=
  { read -r ready <"$top/$name/ready"; } 2>/dev/null
  [ "$run" != code ] || [ "$since" -gt "${ready:-0}" ] || since=$((ready + 1))
  read_root
  case $what in
    INT | TERM)
      wait_for_victims
      [ "$what$run" != TERMcode ] || victims="$victims $interpreter"
      [ -z "$victims" ] || kill -$what $victims 2>/dev/null
      ;;
    KILL)
      wait_for_victims
      end spare
      [ "$run" != code ] || [ -z "$interpreter" ] || kill -KILL "$interpreter" 2>/dev/null
      ;;
    sweep) end spare ;;
    interpreter) [ -z "$interpreter" ] || kill -KILL "$interpreter" 2>/dev/null ;;
    # How many processes have been ended for want of memory; or the last that the kernel has said of that.
    oom)
      answer=
      { while read -r name value; do [ "$name" != oom_kill ] || answer=$value; done <"$groups/memory.events"; } 2>/dev/null
      [ -n "$answer" ] || answer=$(dmesg 2>/dev/null | grep 'Out of memory: Killed' | tail -n 1)
      ;;
    # What code and commands have used, those that have ended included. Microseconds; nothing where there are no groups.
    cpu)
      answer=
      { while read -r name value; do [ "$name" != usage_usec ] || answer=$value; done <"$groups/cpu.stat"; } 2>/dev/null
      ;;
    # All commands that are still known, as "ID NAME" or "ID NAME ended".
    list)
      answer=
      for folder in "$top"/runs/*; do
        name=
        { read -r name <"$folder/name"; } 2>/dev/null
        [ -n "$name" ] || continue
        [ ! -e "$folder/ended" ] || name="$name ended"
        answer="$answer${folder##*/} $name,"
      done
      ;;
    # Folders and pipes of commands to come, by their ids, so that those need no time for that.
    make)
      folders=
      made=
      pipes=
      for run in $run $strays $ago $carriers; do
        folders="$folders $top/runs/$run"
        made="$made $groups/$run"
        for name in in out err to-out to-err; do pipes="$pipes $top/runs/$run/$name"; done
      done
      # By a process of its own, which answers.
      command eval '{ mkdir $folders $made; mkfifo $pipes && echo "$id made"; } &' 2>/dev/null
      continue
      ;;
    # The command is not wanted any more. What still writes to its pipes finds nobody there.
    release)
      [ -z "$root" ] || kill -KILL "$root" 2>/dev/null
      { true >"$top/runs/$run/name" >"$top/runs/$run/holder"; } 2>/dev/null
      released="$released $top/runs/$run"
      # For those of its own processes that have ended by now, as a rule: nobody else reaps them.
      wait
      unremoved=$((unremoved + 1))
      [ $((unremoved % released_at_once)) != 0 ] || remove_released
      ;;
  esac
  echo "$id $answer"
done
