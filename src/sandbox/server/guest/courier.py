# Loaded once into the portal's Python: starts the relay and hands it one request a call. Calling it again is harmless,
# so that it can be the readiness probe. Who loaded it first has the machine: names are used again, and a request that went astray
# must not be carried out.


def __msb_load(nonce, owner, files):
    import json, os, subprocess, sys, tempfile

    if "__msb" not in globals():
        folder = tempfile.mkdtemp(prefix=".msb-")
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
                file.write(text)
        os.mkfifo(os.path.join(folder, "side"), 0o600)
        with open(os.path.join(folder, "relay.log"), "wb") as log:
            relay = subprocess.Popen(
                [sys.executable, "-E", "-s", "-S", "-B", "-u", os.path.join(folder, "relay.py"), folder],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )
        try:
            # Not "python3", so that a `pkill python3` of the user's does not take the sandbox along.
            with open("/proc/self/comm", "w") as file:
                file.write("sandbox-portal")
        except OSError:
            pass

        def __msb(caller, line):
            if caller != owner:
                sys.stdout.write("\nmsb-not-yours\n")
                return
            try:
                relay.stdin.write(line.encode() + b"\n")
                relay.stdin.flush()
                answer = relay.stdout.readline().decode()
            except OSError:
                answer = ""
            # A line of its own whatever the interpreter may have printed before.
            sys.stdout.write("\n" + (answer or "msb-relay-gone\n"))
            sys.stdout.flush()

        globals()["__msb"] = __msb
        globals()["__msb_folder"] = folder
        globals()["__msb_owner"] = owner
    loaded = {"folder": globals()["__msb_folder"], "interpreter": sys.executable, "owner": globals()["__msb_owner"]}
    sys.stdout.write("\n" + nonce + json.dumps(loaded) + "\n")
    sys.stdout.flush()
