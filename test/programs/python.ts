// Python sources, for the contract and for tests of real hosts.

import type { ConcurrentCode } from "../contract/concurrent-contract.ts";
import type { ValueSet } from "../contract/port-contract.ts";
import { samplePng } from "./sample.ts";
import { endBackground } from "./shell.ts";

export const python: ValueSet = {
  print: (text) => `print("${text}")`,
  printError: (text) => `import sys\nprint("${text}", file=sys.stderr)`,
  fail: `raise ValueError("failed")`,
  exit: (status) => `import sys\nsys.exit(${status})`,
  forever: "while True:\n    pass",
  stubborn: `
import time
shown = False
while True:
    try:
        while True:
            if not shown:
                shown = True
                print("on")
            time.sleep(0.05)
    except BaseException:
        pass
`,
  flood: (bytes) => `import sys\nfor _ in range(${bytes} // 1000):\n    _ = sys.stdout.write("x" * 1000)`,
  writeFile: (name, text) => `with open("${name}", "w") as file:\n    _ = file.write("${text}\\n")`,
  readFile: (name) => `print(open("${name}").read(), end="")`,
  startBackground: (name) =>
    `import subprocess\n_ = subprocess.Popen(["sh", "-c", "while :; do sleep 0.2; echo talk; done", "background-${name}"])`,
  endBackground: (name) =>
    `import subprocess\n_ = subprocess.run(["sh", "-c", ${JSON.stringify(endBackground(name))}])`,
  hog: "hoard = []\nwhile True:\n    hoard.append(bytearray(8_000_000))",
  setVariable: (name, value) => `${name} = ${value}`,
  printVariable: (name) => `print(${name})`,
  value: (text) => `${text}`,
  crash: (status) => `import os\nos._exit(${status})`,
  segfault: "import ctypes\nctypes.string_at(0)",
  show: (text) => `display({"text/markdown": "${text}"}, raw=True)`,
  showPicture: (moreBytes) =>
    `import base64\ndisplay({"image/png": base64.b64decode("${samplePng}") + bytes(${moreBytes})}, raw=True)`,
};

export const concurrentPython: ConcurrentCode = {
  ...python,
  echoInput: `import sys\nprint("on")\nfor line in sys.stdin:\n    print(line, end="")`,
  readLine: `
try:
    print("got:" + input("name? "))
except EOFError:
    print("none")
`,
  // It goes on for longer than an interrupt that is to end code has before it is sent again.
  catchInterrupt: `
import time
try:
    print("on")
    while True:
        time.sleep(0.05)
except KeyboardInterrupt:
    print("caught")
time.sleep(0.8)
`,
  ticks: {
    "a thread": (lines) => `
import threading, time
def tick():
    time.sleep(0.2)
    for number in range(${lines}):
        print("tick", number + 1)
threading.Thread(target=tick).start()
`,
    "a child process": (lines) => `
import subprocess
_ = subprocess.Popen(["sh", "-c", "sleep 0.2; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo tick $i; done"])
`,
  },
};

/** Fills the process table from within the interpreter. */
export const forkBomb = `
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
`;
