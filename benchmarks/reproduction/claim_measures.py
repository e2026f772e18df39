"""Whose rows of results a claim reads, and what these say."""

from collections.abc import Callable
from statistics import mean
from typing import NamedTuple

from .bag_data import BAG_SETS
from .bag_models import BAG_MODELS
from .published import NAMES
from .rendering import mean_spread
from .sweeps import SWEEPS, scores_of
from .tables import ABLATIONS, RANKED, average_ranks

NOT_RUN = "not run"


class Of(NamedTuple):
    """The rows of one model."""

    file: str
    dataset: str
    model: str
    setting: str | None = "defaults"  # None is any: of what is tuned on each set

    def rows(self, rows):
        """Return the latest row of each seed."""
        wanted = {"dataset": self.dataset, "model": self.model, "setting": self.setting}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        found = (row for row in rows[self.file] if row.items() >= wanted.items())
        return {row["seed"]: row for row in found}

    def scores(self, rows, metric):
        """Return the metric by seed."""
        return {seed: row[metric] for seed, row in self.rows(rows).items()}


class OfSweep(NamedTuple):
    """The rows of a sweep, or of some of its values."""

    name: str
    values: tuple

    def rows(self, rows):
        """Return the latest row of each value and seed."""
        values = {*map(str, self.values)}
        found = (row for row in rows["sweeps"] if row["sweep"] == self.name)
        return {(row["value"], row["seed"]): row for row in found if row["value"] in values}

    def scores(self, rows, value):
        """Return mAP by seed."""
        return scores_of(rows["sweeps"], self.name, value)


class OfSpeed(NamedTuple):
    """How many times the CPU seconds of Seq2Seq are those of LaMP."""

    task: str
    datasets: tuple
    model: str = "lamp-fmp-pr"
    width: int = 128

    def rows(self, rows):
        """Return the latest row of each data set."""
        what = f"seq2seq / {self.model}, {self.task}"
        of_what = {row["setting"]: row for row in rows["speed"] if row["what"] == what}
        found = {name: of_what.get(f"{name}, D = {self.width}") for name in self.datasets}
        return {name: row for name, row in found.items() if row is not None}


class Measure(NamedTuple):
    """What the rows of all files of results say, and which rows these are."""

    text: Callable[[dict], str]
    reads: tuple  # of `Of`, `OfSweep` and `OfSpeed`


def values(model, *metrics):
    """Return a measure: the means of a model's metrics."""

    def text(rows):
        scores = [model.scores(rows, metric).values() for metric in metrics]
        if not scores[0]:
            return NOT_RUN
        return f"{', '.join(map(mean_spread, scores))} ({_seeds(scores[0])})"

    return Measure(text, (model,))


def less(better, worse, *metrics):
    """Return a measure: a model's metrics, mAP if none is named, less another's."""

    def text(rows):
        texts, n_seeds = [], ()
        for metric in metrics or ("mAP",):
            first, second = (model.scores(rows, metric) for model in (better, worse))
            differences = [first[seed] - second[seed] for seed in first if seed in second]
            if not differences:
                return NOT_RUN
            texts.append(mean_spread(differences, "+"))
            n_seeds = differences
        return f"{', '.join(texts)} ({_seeds(n_seeds)})"

    return Measure(text, (better, worse))


def swept(name, *of_these):
    """Return a measure: the means of some values of a sweep, or of all."""
    of = OfSweep(name, of_these or SWEEPS[name].values)

    def text(rows):
        scores = {value: of.scores(rows, value) for value in of.values}
        if not any(scores.values()):
            return NOT_RUN
        texts = (f"{value}: {mean_spread(s.values())}" for value, s in scores.items())
        return f"{'; '.join(texts)} ({_seeds(scores[of.values[0]])})"

    return Measure(text, (of,))


def best_of(name):
    """Return a measure: the value of a sweep with the highest mean, and the lowest."""
    of = OfSweep(name, SWEEPS[name].values)

    def text(rows):
        scores = {v: of.scores(rows, v).values() for v in of.values}
        scores = {v: mean(of_seeds) for v, of_seeds in scores.items() if of_seeds}
        if not scores:
            return NOT_RUN
        best, worst = (choose(scores, key=scores.get) for choose in (max, min))
        texts = (f"{value} ({mean_spread([scores[value]])})" for value in (best, worst))
        return "best {}, worst {}".format(*texts)

    return Measure(text, (of,))


def rank_of(*names):
    """Return a measure: the average ranks of models by the metrics of the GLEMIML paper."""

    def text(rows):
        ranks = {
            name: mean(of[metric] for metric in RANKED)
            for name, of in average_ranks(rows["bags"]).items()
        }
        if not ranks.keys() >= {*names}:
            return NOT_RUN
        n_sets = len({row["dataset"] for row in rows["bags"]})
        of_names = ", ".join(f"{name} {ranks[name]:.2f}" for name in names)
        return f"{of_names} of {len(ranks)} ({n_sets} sets)"

    ranked = (model for model in BAG_MODELS if model not in ABLATIONS)
    return Measure(text, tuple(Of("bags", s, m) for m in ranked for s in BAG_SETS))


def several(**measures):
    """Return a measure: several, each with its name."""
    names = {name.replace("_", " "): measure for name, measure in measures.items()}
    return Measure(
        lambda rows: "; ".join(f"{name} {m.text(rows)}" for name, m in names.items()),
        tuple(of for m in measures.values() for of in m.reads),
    )


def faster(task, datasets):
    """Return a measure: how many times as fast as Seq2Seq LaMP is, by set."""
    of = OfSpeed(task, datasets)

    def text(rows):
        found = of.rows(rows)
        values = {n: f"{float(row['value']):.2f}" for n, row in found.items()}
        texts = (f"{NAMES[n]} {v.removeprefix('0')}" for n, v in values.items())
        return "; ".join(texts) or NOT_RUN

    return Measure(text, (of,))


def _seeds(scores):
    """Return how many seeds there are."""
    return "one seed" if len(scores) == 1 else f"{len(scores)} seeds"
