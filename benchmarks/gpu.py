"""All checks and timings on a GPU in one go, within a budget of minutes.

Run where a GPU is at hand::

    python benchmarks/gpu.py --minutes 8 --output results

Each case prints a line with ``ok``, ``failed`` and why, ``measured`` or ``left out``, and
becomes a row of ``gpu.csv`` and ``gpu.md`` in the output folder:

- no step waits: training and prediction of every method on every kind of input, with
  ``torch.cuda.set_sync_debug_mode("error")``; and a whole fit waits as often with many batches
  as with few.
- same as on the CPU: trained in double precision on both, predicted in single precision.
- opened on a CPU: pickles and files of `skmlc.save`, in a process that sees no GPU.
- pinned; same each time; bfloat16; no memory is left; compiled: what they say.
- LaMP: ``hidden_size=512`` on batches like those of Bibtex and Reuters-21578: samples per
  second, in steps on batches that are on the device and in epochs that read them; the
  arithmetic of a step as a share of what a product of matrices of bfloat16 reaches; memory.
- heads on a feature map: 2048 x 14 x 14, in brackets the time beside max pooling.

What would go beyond the budget is left out, and named. Without a GPU the script says so and
ends with status 2; ``--device cpu --quick`` runs what needs none, on small data, to try it out.
The status is 1 where a check has failed.  (A script named cuda.py would stand in the place of
the package `cuda`, which PyTorch imports.)
"""

import argparse
import csv
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

import torch
from devices.checks import CHECKS
from devices.speed import TIMINGS

import skmlc

NO_GPU = (
    "PyTorch finds no CUDA here. Run this where there is a GPU; `--device cpu --quick` tries "
    "the script without one."
)
COLUMNS = ("part", "case", "result", "detail", "seconds")
FULL = {
    "n": 96, "methods": None, "kinds": None, "hidden": 512, "batches": 24, "product": 8192,
    "seconds": 2.0,
    "maps": {"batch": 64, "channels": 2048, "grid": 14, "labels": 80, "neighbors": 4},
}  # fmt: skip
QUICK = {
    "n": 24, "methods": ["LaMPClassifier", "Seq2SeqClassifier"], "kinds": ["bags", "features"],
    "hidden": 8, "batches": 1, "product": 64, "seconds": 0.0,
    "maps": {"batch": 2, "channels": 4, "grid": 2, "labels": 5, "neighbors": 2},
}  # fmt: skip
# Of the budget; the rest is for the last case, which may begin just before its part must end.
SHARE = 0.9
NEEDS_CUDA = ("compiled", "no memory is left")


class NoTimeLeft(Exception):
    """Ends a part whose next case would go beyond the budget."""


class Report:
    """Gathers rows, and prints each as it comes."""

    def __init__(self):
        self.rows = []

    def add(self, part, case, result, detail="", seconds=0.0):
        """Add a row."""
        detail = " ".join(detail.split())[:300]
        self.rows.append((part, case, result, detail, f"{seconds:.1f}"))
        print(f"{result:9}{part}: {case}  {detail}  {seconds:.1f} s", flush=True)

    def run(self, part, function, device, sizes, end):
        """Run a part, case by case, until it is over or it is time to end."""

        @contextmanager
        def case(name):
            if time.monotonic() > end:
                raise NoTimeLeft(name)
            start, said = time.monotonic(), []
            result = "measured" if part in TIMINGS else "ok"
            try:
                yield said.append
            except AssertionError as error:
                result, said = "failed", [str(error)]
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                result, said = "failed", [f"{type(error).__name__}: {error}"]
            self.add(part, name, result, "; ".join(said), time.monotonic() - start)

        try:
            function(case, device, sizes)
        except NoTimeLeft as end:
            self.add(part, f"{end} and what follows", "left out", "no time left")
        except Exception as error:  # before or between its cases
            traceback.print_exc(file=sys.stderr)
            self.add(part, "as a whole", "failed", f"{type(error).__name__}: {error}")

    def write(self, folder):
        """Write the rows as a table of numbers and as one to read."""
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "gpu.csv", "w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *self.rows])
        lines = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        (folder / "gpu.md").write_text("\n".join(lines) + "\n")


def plan(seconds, minutes):
    """Return when each part must end: what one does not need, those after it may take."""
    scale = 60 * minutes * SHARE / sum(seconds.values())
    end, ends = time.monotonic(), {}
    for part, planned in seconds.items():
        end += scale * planned
        ends[part] = end
    return ends


def describe(device):
    """Return what runs here, in words."""
    name = "CPU"
    if torch.device(device).type == "cuda":
        name = f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    return f"{name}; torch {torch.__version__}, skmlc {skmlc.__version__}"


def main(arguments=None):
    """Run what the command line asks for, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    parts = {**CHECKS, **TIMINGS}
    add("--device", default="cuda", help="%(default)s")
    add("--minutes", type=float, default=8, help="the budget, %(default)s")
    add("--quick", action="store_true", help="small data, two methods, two kinds of input")
    add("--parts", nargs="+", choices=parts, default=list(parts), help="all")
    add("--output", type=Path, default=Path(), help="the folder for the tables, here")
    args = parser.parse_args(arguments)
    cuda = torch.device(args.device).type == "cuda"
    if cuda and not torch.cuda.is_available():
        print(NO_GPU, file=sys.stderr)
        return 2
    report, ends = (
        Report(),
        plan({part: parts[part][0] for part in args.parts}, args.minutes),
    )
    report.add("machine", describe(args.device), "measured")
    for part in args.parts:
        if part in NEEDS_CUDA and not cuda:
            report.add(part, "all", "left out", "needs CUDA")
        else:
            sizes = QUICK if args.quick else FULL
            report.run(part, parts[part][1], args.device, sizes, ends[part])
    report.write(args.output)
    failed = sum(row[2] == "failed" for row in report.rows)
    left_out = sum(row[2] == "left out" for row in report.rows)
    print(f"{len(report.rows)} cases, {failed} failed, {left_out} left out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
