"""The seconds and the memory that a piece of work takes, and a file that remembers them."""

import csv
import ctypes
import multiprocessing
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import skmlc

COLUMNS = ("version", "commit", "what", "setting", "value", "unit")


def add_speeds(path, speeds):
    """Append speeds to a CSV file, with version and commit, and print how they changed.

    Each is printed as a multiple of the last one of its kind in the file, so that what became
    slower is seen.

    Parameters
    ----------
    path : Path or None
        The file, which is made if there is none; None leaves everything as it is.
    speeds : list of (str, str, float, str)
        What was measured, with which setting, its value to three digits, and the unit.
    """
    if path is None:
        return
    last = _last_speeds(path)
    is_new = not Path(path).exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        about = skmlc.__version__, package_commit() or ""
        for what, setting, value, unit in speeds:
            writer.writerow((*about, what, setting, f"{value:.3g}", unit))
            if (what, setting, unit) in last:
                before, commit = last[what, setting, unit]
                print(
                    f"{what}, {setting}: {value:.3g} {unit}, {value / before:.2f} times the "
                    f"{before:.3g} of {commit or 'before'}"
                )


def _last_speeds(path):
    """Return the last value of each kind in a file of speeds, with its commit."""
    if not Path(path).exists():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        return {
            (row["what"], row["setting"], row["unit"]): (float(row["value"]), row["commit"])
            for row in csv.DictReader(file)
        }


class Clock:
    """Wall-clock and CPU seconds of the blocks it is entered for, added up.

    CPU seconds are those of all threads of the process: on a machine shared with others
    they say how much work was done, where wall-clock seconds say how busy the others were.

    Attributes
    ----------
    wall, cpu : float
        The seconds so far.
    """

    def __init__(self):
        self.wall = self.cpu = 0.0

    def __enter__(self):
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error):
        wall, cpu = self._start
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    @contextmanager
    def paused(self):
        """Leave a part of the block out."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


def cpu_seconds(function, *arguments):
    """Return the CPU seconds of a call, of all threads."""
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def mm_rate(size=2048):
    """Return the operations per CPU second of a product of two square matrices."""
    import torch  # which not all that measure need

    left, right = torch.rand(2, size, size)
    return 2 * size**3 / cpu_seconds(torch.mm, left, right)


def in_process(function, *arguments, share_libraries=False):
    """Call a function in a process of its own, whose peak memory is its own too.

    With `share_libraries` many such processes load the package once, where the system can:
    that is quicker, and part of the libraries does not count as memory of the process.
    """
    method = "spawn"
    if share_libraries and "forkserver" in multiprocessing.get_all_start_methods():
        method = "forkserver"
        multiprocessing.set_forkserver_preload(["skmlc.base"])
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory():
    """Return the highest resident memory of this process so far, in MB."""
    # Where Linux says it: the peak of `getrusage` is that of the parent if it was higher.
    peak = _linux_status("VmHWM")
    if peak is None:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return peak / 1e6


def reset_peak():
    """Let `peak_memory` begin anew, where Linux allows it; elsewhere the peak never falls."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        # What was freed and is kept for later would not count again.
        getattr(ctypes.CDLL(None), "malloc_trim", bool)(0)
        path.write_text("5")


def resident_memory():
    """Return the resident memory of this process, in MB; the peak where it is not known."""
    now = _linux_status("VmRSS")
    return peak_memory() if now is None else now / 1e6


def _linux_status(field):
    """Return a field of /proc/self/status in bytes, or None."""
    path = Path("/proc/self/status")
    if not path.exists():
        return None
    lines = [line.split() for line in path.read_text().splitlines()]
    return next((int(line[1]) * 1024 for line in lines if line[0] == f"{field}:"), None)


def package_commit(folder=None):
    """Return the last commit that changed the package, as git shortens it.

    Parameters
    ----------
    folder : path-like, default=None
        Where the package is; None for the one that is imported.

    Returns
    -------
    str or None
        With a plus where its files have changed since; None where git knows nothing of them.
    """
    folder = Path(skmlc.__file__).parent if folder is None else folder
    commit = _git(folder, "log", "-1", "--format=%h", "--", ".")
    changed = commit and _git(folder, "status", "--porcelain", "--", ".")
    return f"{commit}+" if changed else commit or None


def _git(folder, *words):
    """Return what git answers in a folder; nothing where it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
