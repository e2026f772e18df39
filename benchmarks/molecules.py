"""Side effects of drugs (SIDER): molecules as graphs, as a table of n-grams, as fingerprints.

The parts are those of `known_labels.py`, 1,000 molecules to train on and 427 to test on;
``--part valid`` holds 200 of the 1,000 out instead, for choices::

    python benchmarks/molecules.py --part valid --method graph-0 graph-2 graph-2-order
    python benchmarks/molecules.py --method graph graph-told forest forest-told constant
    python benchmarks/molecules.py --table

`graph` and `forest` are the variants that were best on the validation part with seed 0; names
that end with ``-told`` are told a share of the labels.  `ngrams` is `lamp_unmasked` of
`known_labels.py`, and `ngrams-told` its `lamp`, whose results stand there.  A run appends its
rows to the CSV file; what that holds already is skipped.  Needs RDKit: the extra chem.
"""

import argparse
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
from completion.data import SPLIT_SEED, TEST_ROWS_OF_UNSPLIT
from completion.methods import TREES
from completion.scores import SHARES, hidden_scores, show
from completion.tables import read_results
from measure import Clock
from reproduction.tables import append_row
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier

from skmlc import KnownLabelsClassifier, LaMPClassifier
from skmlc.datasets import load_multilabel
from skmlc.inputs import MoleculeGraphs

OUTPUT = Path(__file__).parent / "results" / "molecules.csv"
N_VALID = 200
# How molecules become graphs, and how many messages their atoms exchange.
GRAPHS = {
    "graph-0": (None, {"message_passing": 0}),
    "graph-2": (None, {"message_passing": 2}),
    "graph-2-order": ("order", {"message_passing": 2}),
    "graph-2-order-net-40": (
        "order",
        {"message_passing": 2, "linear_skip": False, "max_epochs": 40},
    ),
    "graph-2-net": (None, {"message_passing": 2, "linear_skip": False}),
    "graph-2-net-40": (
        None,
        {"message_passing": 2, "linear_skip": False, "max_epochs": 40},
    ),
    "graph-0-net-40": (
        None,
        {"message_passing": 0, "linear_skip": False, "max_epochs": 40},
    ),
}
FORESTS = {f"forest-{leaf}": leaf for leaf in (1, 2, 4, 8)}
CHOSEN = {"graph": "graph-2-net-40", "forest": "forest-2"}
VARIANTS = ("ngrams", *GRAPHS, *FORESTS, *CHOSEN)
METHODS = ("constant", *VARIANTS, *(f"{name}-told" for name in VARIANTS))


class Part(NamedTuple):
    """Molecules in one of their forms, and their labels."""

    X: Any
    Y: np.ndarray


class Constant:
    """Gives every sample the frequencies of the labels."""

    def fit(self, X, Y):
        """Count."""
        self.frequencies_ = Y.mean(axis=0)
        return self

    def predict_proba(self, X):
        """Return the frequencies (n, L)."""
        return np.tile(self.frequencies_, (X.shape[0], 1))


@cache
def load_smiles(data_home):
    """Return the SMILES of all molecules, counts of their n-grams, and the labels."""
    texts = load_multilabel("sider", representation="text", data_home=data_home)
    table = load_multilabel("sider", representation="features", data_home=data_home)
    return list(texts.data), table.data.tocsr(), table.target.toarray()


def rows_of(part, n_samples):
    """Return the rows to train on and those to score: of the test or the validation part."""
    order = np.random.RandomState(SPLIT_SEED).permutation(n_samples)
    train, test = np.split(order, [n_samples - TEST_ROWS_OF_UNSPLIT["sider"]])
    return (train, test) if part == "test" else np.split(train, [len(train) - N_VALID])


def fingerprints(smiles):
    """Return Morgan fingerprints of radius 2, 2048 bits each."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdFingerprintGenerator

    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(text) for text in smiles]
    return np.array([make.GetFingerprintAsNumPy(molecule) for molecule in molecules])


def read(name, smiles, counts):
    """Return the samples as a method reads them; each is read by itself."""
    if name in GRAPHS:
        return MoleculeGraphs(edge_weights=GRAPHS[name][0]).transform(smiles)
    if name in FORESTS:
        return fingerprints(smiles)
    return sparse.csr_matrix(counts).log1p()


def make_model(name, told, seed):
    """Make a model; not fitted."""
    if name == "constant":
        return Constant()
    if name in FORESTS:
        leaf = {"min_samples_leaf": FORESTS[name], "random_state": seed}
        forest = RandomForestClassifier(**TREES | leaf)
        return KnownLabelsClassifier(forest, random_state=seed) if told else forest
    settings = GRAPHS[name][1] if name in GRAPHS else {}
    return LaMPClassifier(label_masking=told, random_state=seed, **settings)


def probabilities(model, X, **known):
    """Return an array (n, L), also of a forest, which gives a list of labels."""
    answer = model.predict_proba(X, **known)
    if isinstance(answer, list):
        return np.column_stack([of_label[:, 1] for of_label in answer])
    return answer


def perform(method, part, seed, samples):
    """Fit a method and return a row for each share of known labels."""
    base = method.removesuffix("-told")
    name, told = CHOSEN.get(base, base), method.endswith("-told")
    smiles, counts, Y = samples
    X = read(name, smiles, counts)
    train, scored = rows_of(part, len(Y))
    model, clock = make_model(name, told, seed), Clock()
    with clock:
        model.fit(X[train], Y[train])
    rows = []
    for share in SHARES:
        known = show(Y[scored], share, seed)
        answer = probabilities(model, X[scored], **({"known": known} if told else {}))
        macro, micro = hidden_scores(Y[scored], answer, known)
        row = {
            "part": part,
            "method": method,
            "variant": name,
            "seed": seed,
            "known": share,
        }
        row |= {"macro_AP": round(macro, 5), "micro_AP": round(micro, 5)}
        rows.append(row | {"fit_cpu_s": round(clock.cpu, 2)})
    scores = " ".join(f"{row['macro_AP']:.3f}" for row in rows)
    print(f"{part}, {method}, seed {seed}: {scores}; {clock.cpu:.0f} CPU-s", flush=True)
    return rows


def table(rows):
    """Return the means over the seeds as a table of Markdown, by share of known labels."""
    titles = ["part", "method", "seeds", *(f"{share:.0%} known" for share in SHARES)]
    lines = [titles, ["---"] * len(titles)]
    for part, method in dict.fromkeys((row["part"], row["method"]) for row in rows):
        mine = [r for r in rows if (r["part"], r["method"]) == (part, method)]
        cells = []
        for share in SHARES:
            values = [float(r["macro_AP"]) for r in mine if float(r["known"]) == share]
            spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
            cells.append(f"{mean(values):.3f}{spread}" if values else "-")
        lines.append([part, method, str(len({r["seed"] for r in mine})), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments=None):
    """Run what is asked for and is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", nargs="+", choices=METHODS, default=[], metavar="NAME")
    parser.add_argument("--part", choices=("test", "valid"), default="test")
    parser.add_argument("--seed", nargs="+", type=int, default=[0])
    parser.add_argument("--data-home", help="the data folder; SKMLC_DATA if not given")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument(
        "--table", action="store_true", help="print the means over the seeds"
    )
    args = parser.parse_args(arguments)
    done = {(r["part"], r["method"], r["seed"]) for r in read_results(args.output)}
    for method in args.method:
        for seed in args.seed:
            if (args.part, method, str(seed)) not in done:
                samples = load_smiles(args.data_home)
                for row in perform(method, args.part, seed, samples):
                    append_row(args.output, row)
    if args.table:
        print(table(read_results(args.output)))


if __name__ == "__main__":
    main()
