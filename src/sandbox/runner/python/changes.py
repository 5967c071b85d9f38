# What a run has changed: a look over the folder that the interpreter was started in, the user's home and the shared folders, bounded in
# time and number. A file counts whose inode has changed since: that moment, unlike its time of modification, no program can set.

from .references import os, time

# Bounds of one look. The first entries are looked at however long that takes: the time is for file systems that answer slowly.
MOST_SECONDS = 0.02
MOST_ENTRIES = 2000
FIRST_ENTRIES = 200
MOST_DEPTH = 8
# Bounds of what is told: files, and bytes of their paths.
MOST_FILES = 100
MOST_PATH_BYTES = 16 * 1024
# The kernel stamps files by a clock that goes in steps, CLOCK_REALTIME_COARSE.
STAMP_CLOCK = 5
# A folder that has changed so lately may change once more within a step of that clock.
SETTLING_NS = 20_000_000
# Folders of tools, which are of no interest beside what a program is for.
SKIPPED = {
    *(b".cache", b".config", b".git", b".hg", b".ipynb_checkpoints", b".ipython", b".local", b".npm", b".svn", b".yarn"),
    *(b"__pycache__", b"node_modules"),
}
# What says that the folder that it is in is such a one: a virtual environment, a cache (bford.info/cachedir).
SKIPPED_WITH = {b"pyvenv.cfg", b"CACHEDIR.TAG"}
# Names of the host's own files, which are about to get another.
OWN_PREFIX = b".msb-"


class Changes:
    def __init__(self):
        self.start = os.getcwdb()
        self.home = os.fsencode(os.environ.get("HOME", ""))
        # What was there at the last look, if that is sure to be known.
        self.tree = None
        # What has been told lately: a next run may begin within the step of the clock in which it changed.
        self.told = {}

    def begin(self):
        """The moment from which on files are stamped that change, and now."""
        return time.clock_gettime_ns(STAMP_CLOCK), time.time_ns()

    def of(self, message):
        """The same of what the host tells, in milliseconds."""
        return int(message["since_ms"] * 1_000_000), int(message["begun_ms"] * 1_000_000)

    def look(self, moment, volumes):
        """None where nothing has changed; otherwise what is told of it."""
        since, begun = moment
        try:
            found, is_complete = self.search(since, volumes)
        except Exception:
            # No room for it in memory or among the open files, say.
            found, is_complete = {}, False
        if time.time_ns() < since:
            # The clock has been set back: nobody knows.
            found, is_complete = {}, False
        if not found and is_complete:
            return None
        fresh = {path: state for path, state in found.items() if state[0] >= begun or self.told.get(path) != state}
        self.told = {**{path: state for path, state in self.told.items() if state[0] >= since}, **found}
        return self.tell(fresh, is_complete) if fresh or not is_complete else None

    def tell(self, fresh, is_complete):
        files = []
        path_bytes = 0
        for path in sorted(fresh):
            path_bytes += len(path)
            if len(files) == MOST_FILES or path_bytes > MOST_PATH_BYTES:
                return {"files": files, "complete": False}
            files.append([self.name(path), fresh[path][1]])
        return {"files": files, "complete": is_complete}

    def name(self, path):
        """From the start on, where it is below that."""
        if self.start != b"/" and path.startswith(self.start + b"/"):
            path = path[len(self.start) + 1 :]
        return path.decode("utf-8", "surrogateescape")

    def places(self, volumes):
        folders = [self.start, self.home, *(volume.encode("utf-8", "surrogateescape") for volume in volumes)]
        return [folder for folder in dict.fromkeys(folders) if folder.startswith(b"/")]

    def search(self, since, volumes):
        """The files that have changed, by path, with their stamps and sizes; and whether all have been looked at."""
        budget = Budget()
        if self.tree is not None and self.tree.is_same():
            return self.tree.look(since, budget)
        tree = Tree()
        found = tree.read(self.places(volumes), since, budget)
        self.tree = tree if tree.is_complete and tree.is_settled else None
        return found, tree.is_complete


class Budget:
    """Of one look."""

    def __init__(self):
        self.entries = 0
        self.deadline = time.monotonic() + MOST_SECONDS

    def is_over(self):
        self.entries += 1
        return self.entries > MOST_ENTRIES or (self.entries > FIRST_ENTRIES and time.monotonic() > self.deadline)


class Tree:
    """Which files there are, and the folders that they are in: a folder whose stamp is the same has the same files in it."""

    def __init__(self):
        self.files = []
        self.folders = []
        self.is_complete = True
        # No folder has changed so lately that it could change once more within a step of the clock.
        self.is_settled = True

    def read(self, places, since, budget):
        """Looks at all that there is. The files that have changed, by path, with their stamps and sizes."""
        found = {}
        settled = time.clock_gettime_ns(STAMP_CLOCK) - SETTLING_NS
        # Of a root folder only its own files count: all else is below it. Each with the device that it is to be on.
        queue = [(place, MOST_DEPTH if place == b"/" else 1, None) for place in places]
        for folder, depth, device in queue:
            own = state_of(folder)
            # What is mounted there is a place of its own, or not to be written to.
            if own is not None and device is not None and own.st_dev != device:
                continue
            self.folders.append((folder, stamp_of(own)))
            self.is_settled = self.is_settled and (own is None or own.st_ctime_ns < settled)
            try:
                entries = os.scandir(folder)
            except OSError:
                # It is not there any more, or not to be read.
                continue
            files, changed, folders = [], {}, []
            with entries:
                for entry in entries:
                    if budget.is_over():
                        self.is_complete = False
                        return {**found, **changed}
                    name = entry.name
                    if entry.is_file(follow_symlinks=False):
                        if name in SKIPPED_WITH and depth > 1:
                            files, changed, folders = [], {}, []
                            break
                        if name.startswith(OWN_PREFIX):
                            continue
                        try:
                            state = entry.stat(follow_symlinks=False)
                        except OSError:
                            continue
                        files.append(entry.path)
                        if state.st_ctime_ns >= since:
                            changed[entry.path] = (state.st_ctime_ns, state.st_size)
                    elif depth < MOST_DEPTH and name not in SKIPPED and entry.is_dir(follow_symlinks=False):
                        if entry.path not in places:
                            folders.append((entry.path, depth + 1, own.st_dev))
            self.files += files
            found.update(changed)
            # What is deeper is looked at later.
            queue.extend(folders)
        return found

    def is_same(self):
        for folder, stamp in self.folders:
            if stamp_of(state_of(folder)) != stamp:
                return False
        return True

    def look(self, since, budget):
        """Looks at the files that are known. As `read`, and whether that was all."""
        found = {}
        for path in self.files:
            if budget.is_over():
                return found, False
            try:
                state = os.lstat(path)
            except OSError:
                continue
            if state.st_ctime_ns >= since:
                found[path] = (state.st_ctime_ns, state.st_size)
        return found, True


def state_of(folder):
    """None of what is not there."""
    try:
        return os.stat(folder)
    except OSError:
        return None


def stamp_of(state):
    return None if state is None else state.st_ctime_ns
