# Prints a line break, then what the interpreter that start.sh has started last writes to its control descriptor. Ends at once if that
# interpreter has ended.
# Argument: the folder of all interpreters' pipes.
read -r name <"$1/current" || exit 1
read -r holder <"$1/$name/holder" || exit 1
kill -0 "$holder" || exit 1
echo
exec cat "$1/$name/ctl"
