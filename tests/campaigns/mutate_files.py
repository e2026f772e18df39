"""Damage valid files in many ways, and see how the readers take it.

Run it by its path::

    python tests/campaigns/mutate_files.py --cases 2000
    python tests/campaigns/mutate_files.py --cases 500 --formats bags.npz svmlight
    python tests/campaigns/mutate_files.py --formats bags.npz --first 137 --cases 1 --keep .

A damaged file must be read, or be met with `FileFormatError`.  Everything else is a fault: any
other error, a crash, a hang, memory beyond the limit.  What is read must hold together, which
the reader of a format checks.  Each case has a number, which makes it again.
"""

import argparse
import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from skmlc.exceptions import FileFormatError  # noqa: E402
from tests.campaigns import annotated_files, array_files  # noqa: E402
from tests.campaigns.mutations import mutate  # noqa: E402

# What there is to damage, by kind of content: see `Format`.
FORMATS = [*array_files.FORMATS, *annotated_files.FORMATS]

READ, REFUSED = "read", "refused"
TIME_LIMIT = 10  # seconds for one file
MEMORY_LIMIT = 256 * 2**20  # bytes on top of what the process has at its start
BATCH = 250  # files that one process reads


def damaged_file(form, number, folder, seed=0):
    """Write a valid file, damage it, and return its path and what was done.

    Parameters
    ----------
    form : Format
        Writes the valid file.
    number : int
        The number of the case.
    folder : Path
        Where to write; should be empty.
    seed : int, default=0
        Another seed, another campaign.

    Returns
    -------
    path : Path
        The damaged file.
    kind : str
        The damage in words.
    """
    path = Path(form.write(folder))
    rng = np.random.default_rng([seed, zlib.crc32(form.name.encode()), number])
    content, kind = mutate(path.read_bytes(), rng)
    path.write_bytes(content)
    return path, kind


def read_one(form, number, seed=0, keep=None):
    """Make one case and read it, in this process.

    Parameters
    ----------
    form : Format
        What to write and how to read it.
    number, seed : int
        Which case.
    keep : str, default=None
        A folder in which the files stay.

    Returns
    -------
    outcome : str
        "read", "refused", or the fault.
    detail : str
        The error and the damage.
    """
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, kind = damaged_file(form, number, Path(keep or temporary), seed)
        try:
            form.read(path)
        except FileFormatError as error:
            names_it = Path(error.path).name in {
                item.name for item in path.parent.iterdir()
            }
            return (REFUSED if names_it else "names no file"), f"{error} ({kind})"
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return type(error).__name__, (
                f"{str(error)[:120]} at {place.filename}:{place.lineno} ({kind})"
            )
        return READ, kind


def _read_many(connection, form, numbers, seed):
    """Read cases one after another, in a process of its own, and report each."""
    import resource  # here only: Windows has none

    faulthandler.disable()  # the parent reports crashes, without their tracebacks
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_LIMIT, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in numbers:
        connection.send(read_one(form, number, seed))
    connection.close()


def run(form, numbers, seed=0):
    """Read cases in processes with limits on time and memory.

    Parameters
    ----------
    form : Format
        What to write and how to read it.
    numbers : sequence of int
        Which cases.
    seed : int, default=0
        Another seed, another campaign.

    Yields
    ------
    number : int
        The case.
    outcome, detail : str
        As of `read_one`; also "hang" and "crash".
    """
    context = multiprocessing.get_context("fork")
    numbers = list(numbers)
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        batch = numbers[:BATCH]
        child = context.Process(target=_read_many, args=(theirs, form, batch, seed))
        child.start()
        theirs.close()
        for number in batch:
            numbers.pop(0)
            fault = None
            if not ours.poll(TIME_LIMIT):
                fault = ("hang", f"over {TIME_LIMIT} seconds")
                child.kill()
            else:
                try:
                    outcome = ours.recv()
                except EOFError:
                    child.join()
                    fault = ("crash", f"exit code {child.exitcode}")
            yield number, *(fault or outcome)
            if fault:
                break
        child.join()
        ours.close()


def main(arguments=None):
    """Run the campaign, print a table, and return 1 if there is any fault.

    Parameters
    ----------
    arguments : list of str, default=None
        Those of the command line by default.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200, help="cases of each format")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--formats", nargs="*", help="names of formats; by default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", help="a folder for the file of the first case; reads it here"
    )
    options = parser.parse_args(arguments)
    known = [form.name for form in FORMATS]
    unknown = set(options.formats or ()) - set(known)
    if unknown:
        parser.error(f"formats must be among {', '.join(known)}; got {', '.join(unknown)}")
    chosen = [
        form for form in FORMATS if not options.formats or form.name in options.formats
    ]
    numbers = range(options.first, options.first + options.cases)
    if options.keep:
        for form in chosen:
            print(form.name, *read_one(form, options.first, options.seed, options.keep))
        return 0
    print(f"{'format':<24} {'cases':>7} {READ:>7} {REFUSED:>7} {'faults':>7}")
    total = Counter()
    for form in chosen:
        total += _report(form, run(form, numbers, options.seed))
    _print_row("all", total)
    return int(total.total() != total[READ] + total[REFUSED])


def _report(form, outcomes):
    """Print one row of the table, and the first faults of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        form.read(Path(form.write(Path(folder))))  # what is not damaged must be read
    counts, faults = Counter(), []
    for number, outcome, detail in outcomes:
        counts[outcome] += 1
        if outcome not in (READ, REFUSED) and counts[outcome] <= 3:
            faults.append(f"    case {number}: {outcome}: {detail}")
    _print_row(form.name, counts)
    print(*faults, sep="\n", end="\n" if faults else "", flush=True)
    return counts


def _print_row(name, counts):
    """Print counts."""
    faults = counts.total() - counts[READ] - counts[REFUSED]
    print(
        f"{name:<24} {counts.total():>7} {counts[READ]:>7} {counts[REFUSED]:>7} {faults:>7}"
    )


if __name__ == "__main__":
    # Threads of libraries count against the address space of each process.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
