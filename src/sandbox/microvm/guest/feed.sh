# Writes to a command's stdin, so that the guest's agent never waits for a program that does not read: while it does, it does nothing else.
# Argument: the FIFO that command.sh makes. Each line of stdin is text as `printf %b` takes it; a line break says that it has been written. The
# end of stdin is that of the command's.
until [ -p "$1" ]; do :; done
exec 3>"$1"
rm -f "$1"
while IFS= read -r line; do
  printf %b "$line" >&3
  echo
done
