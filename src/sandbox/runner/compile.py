# Compiles a program for the very interpreter that this runs in: the source comes on stdin, the file for it to start (PEP 552: one that is
# never held against its source) goes to stdout. Its only argument is the name that the program's frames have.

import importlib.util
import marshal
import sys

code = compile(sys.stdin.buffer.read(), sys.argv[1], "exec", dont_inherit=True)
sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER + bytes([1, 0, 0, 0] + [0] * 8) + marshal.dumps(code))
