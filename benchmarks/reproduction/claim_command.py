"""The command for claims: train what is missing, and say what came out beside the paper."""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from .claim_measures import OfSpeed, OfSweep
from .claims import CLAIMS, PHOTOS
from .sweeps import SWEEPS
from .tables import read_rows

PROGRAMS = Path(__file__).parents[1]
FILES = ("reproduce", "images", "bags", "sweeps", "speed")
# Where there are no rows yet; what is filed has its own.
SEEDS = {"reproduce": (0, 1, 2), "images": (0, 1, 2), "bags": range(5), "sweeps": range(5)}
# How Seq2Seq is tuned: epochs, and the learning rates to choose from.
TUNING = {
    "bibtex": ("25", "0.002,0.005"),
    "rcv1sub1": ("25", "0.002,0.005"),
    "sider": ("25", "0.0005,0.002"),
    "reuters21578": ("8", "0.002,0.005"),
    "delicious": ("8", "0.002,0.005"),
}
WIDTH_AND_ROWS = ["--hidden-size", "128", "--rows", "320", "--repeats", "2"]


def parse(arguments):
    """Read the command."""
    names = [claim.name for claim in CLAIMS]
    parser = argparse.ArgumentParser(
        prog="reproduce.py",
        description="Train what the rows of a claim lack, and print it beside the paper.",
    )
    add = parser.add_argument
    add("--claim", "--claims", nargs="+", choices=[*names, "all"], metavar="CLAIM",
        help=f"all, or some of: {', '.join(names)}")  # fmt: skip
    add("--seed", "--seeds", nargs="+", type=int, help="those that are filed if not given")
    add("--again", action="store_true", help="train also what the files hold already")
    add("--dry-run", action="store_true", help="only print the commands")
    add(
        "--results", type=Path, default=PROGRAMS / "results", help="the folder of the files"
    )
    add("--kept", help="a folder to keep pretrained feature maps in")
    add("--word-vectors", help="a file of GloVe, which the claim on vectors needs")
    args = parser.parse_args(arguments)
    if "all" in args.claim:
        args.claim = names
    return args


def commands_of(claim, rows, args):
    """Return the commands that train what a claim reads, each a program and its arguments.

    Parameters
    ----------
    claim : Claim
        One of `CLAIMS`.
    rows : dict of str to list of dict
        The rows of all files of results: what they hold is left out, unless `args.again`.
    args : Namespace
        Of `parse`.

    Returns
    -------
    list of list of str
        One command for all models of a data set with the same setting and seeds.
    """
    commands = {}
    for of in dict.fromkeys(claim.reads):
        seeds = _seeds_to_run(of, rows, args)
        if isinstance(of, OfSpeed):
            if seeds:
                commands["speed"] = _speed_command(of, args)
        elif seeds and isinstance(of, OfSweep):
            commands[of] = _sweep_command(of, seeds, args)
        elif seeds:
            key = of.file, of.dataset, of.setting, tuple(seeds)
            commands.setdefault(key, _command(of, seeds, args)).insert(4, of.model)
    return list(commands.values())


def _seeds_to_run(of, rows, args):
    """Return the seeds to train: those of which something is missing; of speeds, the sets."""
    found = of.rows(rows)
    if isinstance(of, OfSpeed):
        return [name for name in of.datasets if args.again or name not in found]
    if isinstance(of, OfSweep):
        there = {int(seed) for _, seed in found}
        seeds = args.seed or there or SEEDS["sweeps"]
        values = {*map(str, of.values)}
        whole = [s for s in seeds if all((value, s) in found for value in values)]
    else:
        whole = there = [int(seed) for seed in found]
        seeds = args.seed or there or SEEDS[of.file]
    return sorted(seed for seed in seeds if args.again or seed not in whole)


def _command(of, seeds, args):
    """Return the command of a data set and setting, without its models."""
    command = ["reproduce.py", "--dataset", of.dataset, "--models"]
    command += ["--seeds", *map(str, seeds), *_settings(of)]
    if of.file == "reproduce":
        command += ["--alone"]
    else:
        command += ["--again"] * args.again
    if of.file == "images":
        command += _kept(args)
    return [*command, "--output", str(args.results / f"{of.file}.csv")]


def _settings(of):
    """Return the arguments that stand for a setting as rows have it."""
    if of.setting is None:
        epochs, rates = TUNING[of.dataset]
        return ["--max-epochs", epochs, "--choose", f"learning_rate={rates}"]
    words = of.setting.split(", ")[1:]
    return ["--set", *words] if words else []


def _sweep_command(of, seeds, args):
    """Return the command of a sweep."""
    command = ["reproduce.py", "--dataset", PHOTOS, "--sweep", of.name]
    command += ["--seeds", *map(str, seeds), *["--again"] * args.again, *_kept(args)]
    if SWEEPS[of.name].model.endswith("-words") and args.word_vectors:
        command += ["--word-vectors", args.word_vectors]
    return [*command, "--output", str(args.results / "sweeps.csv")]


def _speed_command(of, args):
    """Return the command of the speed beside Seq2Seq."""
    command = ["seq2seq_speed.py", "--dataset", *of.datasets, *WIDTH_AND_ROWS]
    return [*command, "--output", str(args.results / "speed.csv")]


def _kept(args):
    return ["--kept", args.kept] if args.kept else []


def read_all(folder):
    """Return the rows of all files of results, by file."""
    return {name: read_rows(Path(folder) / f"{name}.csv") for name in FILES}


def main(arguments=None):
    """Run the command."""
    args = parse(arguments)
    args.results.mkdir(parents=True, exist_ok=True)
    for claim in (claim for claim in CLAIMS if claim.name in args.claim):
        print(f"{claim.name}: {claim.text} ({claim.paper})", flush=True)
        for program, *words in commands_of(claim, read_all(args.results), args):
            print(f"  $ python benchmarks/{program} {shlex.join(words)}", flush=True)
            if not args.dry_run:
                done = subprocess.run([sys.executable, str(PROGRAMS / program), *words])
                if done.returncode:  # it has said why
                    sys.exit(done.returncode)
        print(f"  paper: {claim.reported or '-'}")
        print(f"  here: {claim.measure.text(read_all(args.results))}", flush=True)
