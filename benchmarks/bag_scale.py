"""Time and memory of the methods for bags on many bags: 5,000 of 10 instances as it comes.

    python benchmarks/bag_scale.py
    python benchmarks/bag_scale.py --methods MIMLRBF --bags 10000 --jobs 4

Each method runs in a process of its own, with its defaults: seconds of the clock and of all
threads to train and to predict a fifth as many bags, and the peak memory of the process,
libraries included.
"""

import argparse

import numpy as np
import torch
from measure import Clock, in_process, peak_memory

import skmlc
from skmlc.inputs import Bags

METHODS = (
    "MIMLSVM",
    "MIMLNN",
    "MIMLRBF",
    "EnMIMLNN",
    "MIMLkNN",
    "KISAR",
    "MIMLWEL",
    "DeepMIMLClassifier",
    "FLEMClassifier",
    "GLEMIMLClassifier",
)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="METHOD")
    add("--bags", type=int, default=5000)
    add("--instances", type=int, default=10, help="of a bag")
    add("--features", type=int, default=50)
    add("--labels", type=int, default=10)
    add("--jobs", type=int, default=2, help="threads")
    add("--seed", type=int, default=0)
    return parser.parse_args()


def make_bags(args, n_bags, rng):
    """Make bags of which a label holds where an instance is far along its direction."""
    instances = rng.normal(size=(n_bags, args.instances, args.features))
    highest = instances.max(axis=1)[:, : args.labels]
    Y = (highest > np.quantile(highest, 0.8)).astype(int)
    return Bags(list(instances)), Y


def run(name, args):
    """Train and predict; return what it took."""
    torch.set_num_threads(args.jobs)
    rng = np.random.default_rng(args.seed)
    X, Y = make_bags(args, args.bags, rng)
    others, _ = make_bags(args, args.bags // 5, rng)
    model = getattr(skmlc, name)()
    known = model.get_params(deep=False)
    options = {"n_jobs": args.jobs, "random_state": args.seed}
    model.set_params(**{k: v for k, v in options.items() if k in known})
    with (fit := Clock()):
        model.fit(X, Y)
    with (predict := Clock()):
        model.predict(others)
    return fit, predict, peak_memory()


def main():
    args = parse()
    print(f"{args.bags} bags of {args.instances} x {args.features}, {args.labels} labels")
    print(f"{'method':20} {'fit s':>7} {'CPU-s':>7} {'predict s':>9} {'peak MB':>8}")
    for name in args.methods:
        fit, predict, peak = in_process(run, name, args)
        print(
            f"{name:20} {fit.wall:7.1f} {fit.cpu:7.1f} {predict.wall:9.1f} {peak:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
