"""Labels asked of an annotator one after the other: what the answers say about the rest."""

import numpy as np

from .data import network_samples
from .methods import make_network
from .scores import hidden_scores

QUESTION_SETS = ("yeast", "sider", "emotions")
QUESTION_COLUMNS = (
    ("dataset", "strategy", "asked"),
    ("all_macro_AP", "rest_macro_AP", "wrong_per_sample"),
)
N_QUESTIONS = 5


def ask_questions(data, seed):
    """Fit LaMP, and ask by each strategy.

    Parameters
    ----------
    data : Data
        The data set.
    seed : int
        Of the fit and of the random order.

    Yields
    ------
    dict
        A row for each strategy and number of questions.
    """
    samples = network_samples(data)
    model = make_network("lamp", seed).fit(samples.train, data.Y)
    for name, make in STRATEGIES.items():
        choose = make(model, samples.test, data, seed)
        for n_asked, scores in enumerate(ask(model, samples.test, data.Y_test, choose)):
            row = {"dataset": data.name, "strategy": name, "seed": seed, "asked": n_asked}
            row |= {key: round(value, 5) for key, value in scores.items()}
            print(", ".join(map(str, row.values())), flush=True)
            yield row


def ask(model, X, Y, choose):
    """Yield the scores with none, one, ... labels of each sample asked for and known."""
    known = np.full(Y.shape, np.nan)
    rows = np.arange(len(Y))
    for n_asked in range(N_QUESTIONS + 1):
        probabilities = np.asarray(model.predict_proba(X, known=known), dtype=np.float64)
        yield scores_of(Y, probabilities, known)
        if n_asked < N_QUESTIONS:
            asked = choose(known, probabilities)
            known[rows, asked] = Y[rows, asked]


def scores_of(Y, probabilities, known):
    """Return macro AP of all labels, known ones at their values, and of the rest alone."""
    rest, _ = hidden_scores(Y, probabilities, known)
    all_labels, _ = hidden_scores(Y, probabilities, np.full(Y.shape, np.nan))
    wrong = ((probabilities >= 0.5) != Y).sum(axis=1).mean()
    return {
        "all_macro_AP": all_labels,
        "rest_macro_AP": rest,
        "wrong_per_sample": float(wrong),
    }


def _suggested(model, X, data, seed):
    """Ask for what says most about itself and the rest."""
    return lambda known, probabilities: model.suggest_labels(X, known, 1)[0][:, 0]


def _least_certain(model, X, data, seed):
    """Ask the label whose probability is nearest to one half."""

    def choose(known, probabilities):
        distance = np.abs(probabilities - 0.5)
        return np.where(np.isnan(known), distance, np.inf).argmin(axis=1)

    return choose


def _most_frequent(model, X, data, seed):
    """Ask the most frequent label of the training part: the same of all samples."""
    frequency = data.Y.mean(axis=0)
    return lambda known, _: np.where(np.isnan(known), frequency, -1.0).argmax(axis=1)


def _at_random(model, X, data, seed):
    """Ask in an order drawn for each sample."""
    draw = np.random.default_rng(seed).random(data.Y_test.shape)
    return lambda known, _: np.where(np.isnan(known), draw, -1.0).argmax(axis=1)


STRATEGIES = {
    "suggest_labels": _suggested,
    "least certain": _least_certain,
    "most frequent": _most_frequent,
    "random": _at_random,
}
