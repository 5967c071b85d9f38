# Tells which interpreter this is: packages that were built for one serve no other.
import json
import os
import platform
import sys
import sysconfig

print(
    json.dumps(
        {
            "executable": sys.executable,
            "version": platform.python_version(),
            "abi": str(sysconfig.get_config_var("SOABI")),
            "platform": sysconfig.get_platform(),
            "libc": " ".join(platform.libc_ver()),
            "path": os.environ.get("PATH", os.defpath),
        }
    )
)
