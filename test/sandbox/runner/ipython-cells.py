# Runs cells, one after the other in one IPython: a list of sources in JSON on stdin, a list of {"stdout", "success"} on descriptor 3.

import json
import os
import sys
import tempfile

os.environ["IPYTHONDIR"] = tempfile.mkdtemp()

from IPython.core.interactiveshell import InteractiveShell

sources = json.load(sys.stdin)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
shell = InteractiveShell.instance(colors="NoColor")
shell.display_formatter.formatters["text/plain"].pprint = False
shell.displayhook.write_output_prompt = lambda: None
ran = []
for source in sources:
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 1)
        result = shell.run_cell(source)
        sys.stdout.flush()
        output.seek(0)
        ran.append({"stdout": output.read().decode(), "success": result.success})
with os.fdopen(3, "w") as answer:
    json.dump(ran, answer)
