# Installs what .build/requirements.txt lists into site/, with pip: the interpreter's own, else the pinned one. Its last line tells what there is then.
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request

LAYER = "/opt/msb/layer"
BUILD = LAYER + "/.build"
SITE = LAYER + "/site"
# The last pip that runs on Python 3.8.
PIP = "pip-25.0.1-py3-none-any.whl"
PIP_SHA256 = "c46efd13b6aa8279f33f2864459c8ce587ea6a1a59ee20de055868d8f7688f7f"

with open(BUILD + "/settings.json") as file:
    index = json.load(file)["index"]


def fetch_pip():
    """A wheel of pip runs as it is."""
    if index["kind"] == "folder":
        found = sorted(name for name in os.listdir(index["path"]) if re.fullmatch(r"pip-.*\.whl", name))
        if not found:
            raise SystemExit("This Python has no pip, and the folder of packages has no wheel of it: add one there, by pip download pip")
        return index["path"] + "/" + found[-1]
    page = index["url"].rstrip("/") + "/pip/"
    with urllib.request.urlopen(page, timeout=60) as answer:
        links = re.findall(r'href="([^"]+)"', answer.read().decode())
    link = next(link for link in links if ("/" + PIP) in "/" + link)
    with urllib.request.urlopen(urllib.parse.urljoin(page, link), timeout=120) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        raise SystemExit("%s of the package index is not the one that is known" % PIP)
    with open(BUILD + "/" + PIP, "wb") as file:
        file.write(content)
    return BUILD + "/" + PIP


def find_pip():
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    own = [sys.executable, "-m", "pip"]
    if subprocess.run(own + ["--version"], **quiet).returncode == 0:
        return own
    print("Fetching pip")
    return [sys.executable, fetch_pip() + "/pip"]


os.makedirs(BUILD + "/tmp", exist_ok=True)
if index["kind"] == "folder":
    source = ["--no-index", "--find-links", index["path"]]
else:
    place = urllib.parse.urlsplit(index["url"])
    source = ["--index-url", index["url"]]
    # pip passes over a host without TLS unless it is named: the operator has.
    source += ["--trusted-host", place.netloc] if place.scheme == "http" else []
command = find_pip() + ["install", "--target", SITE, "--requirement", BUILD + "/requirements.txt", "--prefer-binary"]
command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"] + source
# Compiled files as well: nobody can write them later, as the folder is mounted read-only.
command += ["--compile"]
environment = {**os.environ, "TMPDIR": BUILD + "/tmp", "PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"}
status = subprocess.run(command, env=environment).returncode
if status != 0:
    sys.exit(status)
found = importlib.metadata.distributions(path=[SITE])
packages = sorted(((one.metadata["Name"], one.version) for one in found), key=lambda package: package[0].lower())
print("installed: " + json.dumps([{"name": name, "version": version} for name, version in packages]))
