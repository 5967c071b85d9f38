# Where packages are looked for beside Python's own folders: what the session installs, and what its template has installed (MSB_PACKAGES).

from .references import os, sys

# What leads every Python to the template's packages.
PACKAGES_LINK = "msb-packages.pth"


def find_packages():
    """
    pip installs into the user's folder where Python's own are read-only. Python looks there only if the folder is there at its start: this
    interpreter always does. A line in it leads to the template's packages, for every Python that is started here: they come behind the session's
    own, and no virtual environment sees them.
    """
    site = sys.modules.get("site")
    if site is None or not hasattr(site, "getsitepackages"):
        return
    places = site.getsitepackages()
    own = next((place for place in places if os.access(place, os.W_OK)), None)
    if own is None:
        if not site.ENABLE_USER_SITE:
            # A virtual environment of this machine's, which nobody here may write to.
            sys.path.extend(filter(None, [os.environ.get("MSB_PACKAGES")]))
            return
        own = site.getusersitepackages()
    if own not in sys.path:
        first = min((sys.path.index(place) for place in places if place in sys.path), default=len(sys.path))
        sys.path.insert(first, own)
    sys.path_importer_cache[own] = finder_of(own)
    template = os.environ.get("MSB_PACKAGES")
    if not template:
        return
    os.makedirs(own, exist_ok=True)
    with open(own + "/" + PACKAGES_LINK, "w") as file:
        file.write(template + "\n")
    if template not in sys.path:
        sys.path.insert(sys.path.index(own) + 1, template)


def finder_of(folder):
    """Of modules in a folder that may come later. What Python makes by itself takes one that is not there for none, and keeps to that."""
    files = sys.modules["_frozen_importlib_external"]
    return files.FileFinder(folder, *files._get_supported_file_loaders())
