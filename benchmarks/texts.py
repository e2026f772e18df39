"""Raw texts: a pretrained network, frozen or fine-tuned, beside logistic regression.

The same rows for all, by default 6,000 to train and 2,500 of the test part of GoEmotions, or as
many as there are; for choices, ``--part valid`` scores other training rows::

    python benchmarks/texts.py --model all-MiniLM-L6-v2 --methods tfidf --set C=3 --part valid
    python benchmarks/texts.py --model all-MiniLM-L6-v2 --n-train 50000 --n-scored 10000
    python benchmarks/texts.py --model all-MiniLM-L6-v2 --dataset reuters21578 --max-length 128

`--set` takes parameters of the methods in place of those in `CHOSEN`.  `--model` is a folder or
a name on the Hugging Face hub.  `zero-shot` leaves every fourth label
out of training, adds them by their names, and scores them alone; `names` is, on these labels,
the cosine of text and name, which learns nothing.  A frozen network reads each text once for
all methods: its seconds are those of the method that comes first.
"""

import argparse
import ast
import csv
from pathlib import Path

import numpy as np
import pandas as pd
from comparison.text_peers import LinearSVMs
from measure import Clock
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Normalizer, StandardScaler, normalize
from torch import nn
from transformers import AutoModel, AutoTokenizer

from skmlc import EmbMLPClassifier, LaMPClassifier, MLGCNClassifier
from skmlc.datasets import load_multilabel
from skmlc.inputs import TextEncoder, TextFeatures

RESULTS = Path(__file__).parent / "results" / "texts.csv"
COLUMNS = [
    "dataset", "part", "method", "setting", "seed", "n_fit", "n_scored", "n_labels", "mAP",
    "miAP", "LRAP", "fit_cpu_s", "predict_cpu_s",
]  # fmt: skip
METHODS = [
    "tfidf", "mean", "tfidf-mean", "emb_mlp", "lamp", "mlgcn", "emb_mlp_tuned", "lamp_tuned",
    "zero-shot", "names", "libmultilabel",
]  # fmt: skip
# By validation rows of GoEmotions, where it is not the default.
CHOSEN = {
    "tfidf": {"C": 3},
    "mean": {"C": 0.01},
    "tfidf-mean": {"C": 3},
    "emb_mlp_tuned": {"max_epochs": 3},
    "lamp_tuned": {"max_epochs": 3},
}
HEADS = {"emb_mlp": EmbMLPClassifier, "lamp": LaMPClassifier, "mlgcn": MLGCNClassifier}


class Remembering(nn.Module):
    """A frozen network that remembers what it has made of the tokens of a text."""

    known = {}  # of all copies, which encoders make

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask):
        """Return hidden states (n, S, D); those of padding are zero."""
        lengths = attention_mask.sum(1).tolist()
        keys = [tuple(row[:n]) for row, n in zip(input_ids.tolist(), lengths, strict=True)]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            options = {"input_ids": input_ids[new], "attention_mask": attention_mask[new]}
            states = self.network(**options).last_hidden_state.detach()
            for i, of_text in zip(new, states, strict=True):
                self.known[keys[i]] = of_text[: lengths[i]].clone()
        return nn.utils.rnn.pad_sequence(
            [self.known[key] for key in keys], batch_first=True
        )


class AddedByName(ClassifierMixin, BaseEstimator):
    """ML-GCN that has seen three of four labels, and is told the others by their names."""

    def __init__(self, model, random_state=None):
        self.model, self.random_state = model, random_state

    def fit(self, X, y):
        """Fit on the labels that are seen."""
        unseen = [name for i, name in enumerate(y.columns) if i % 4 == 3]
        self.model_ = MLGCNClassifier(
            "none", n_layers=1, label_embedding=TextFeatures(self.model), linear_skip=False,
            encoder=TextEncoder(self.model), random_state=self.random_state,
        )  # fmt: skip
        self.model_.fit(X, y.drop(columns=unseen)).add_labels(unseen)
        self.n_unseen_ = len(unseen)
        return self

    def predict_proba(self, X):
        """Return the probabilities of the labels that are not seen."""
        return self.model_.predict_proba(X)[:, -self.n_unseen_ :]


class NameCosine(ClassifierMixin, BaseEstimator):
    """The cosine of a text and the names of the labels that `AddedByName` has not seen."""

    def __init__(self, model, random_state=None):
        self.model, self.random_state = model, random_state

    def fit(self, X, y):
        """Encode the names."""
        self.features_ = TextFeatures(self.model).fit(X)
        self.names_ = normalize(self.features_.transform(list(y.columns)[3::4]))
        return self

    def predict_proba(self, X):
        """Return the cosines."""
        return normalize(self.features_.transform(X)) @ self.names_.T


def logistic(before, C):
    """Return logistic regression for each label by itself, after what makes its vectors."""
    model = LogisticRegression(C=C, max_iter=1000)
    return make_pipeline(*before, OneVsRestClassifier(model))


def make_method(name, model, seed, max_length=None, settings=None):
    """Return one of what is compared, not fitted."""
    options = CHOSEN.get(name, {}) if settings is None else settings
    if name == "tfidf":
        return logistic([TfidfVectorizer()], **options)
    if name == "libmultilabel":
        return make_pipeline(TfidfVectorizer(), LinearSVMs())
    if name.endswith("_tuned"):
        encoder = TextEncoder(model, freeze=False, max_length=max_length)
        head = HEADS[name.removesuffix("_tuned")]
        return head(encoder=encoder, random_state=seed).set_params(**options)
    model = remembered(model)
    features = TextFeatures(model, max_length=max_length)
    if name == "mean":
        return logistic([features, StandardScaler()], **options)
    if name == "tfidf-mean":  # of the same length
        vectors = make_pipeline(features, StandardScaler(), Normalizer())
        return logistic([make_union(TfidfVectorizer(), vectors)], **options)
    if name in ("zero-shot", "names"):
        return AddedByName(model, seed) if name == "zero-shot" else NameCosine(model)
    if name == "mlgcn":
        options = {"label_embedding": TextFeatures(model), **options}
    encoder = TextEncoder(model, max_length=max_length)
    return HEADS[name](encoder=encoder, random_state=seed).set_params(**options)


def remembered(model):
    """Return tokenizer and network, which remembers, of a folder or a name."""
    if isinstance(model, tuple):
        return model[0], Remembering(model[1])
    tokenizer = AutoTokenizer.from_pretrained(model)
    return tokenizer, Remembering(AutoModel.from_pretrained(model))


def load_rows(dataset, n_train, n_scored, part, data_home):
    """Return texts and labels to train on and to score, drawn with a fixed seed."""
    data = load_multilabel(
        dataset, split="train", representation="text", data_home=data_home
    )
    texts, Y = np.array(data.data, dtype=object), data.target.toarray()
    order = np.random.RandomState(0).permutation(len(texts))
    rows, others = order[:n_train], order[n_train:][:n_scored]
    train = texts[rows], pd.DataFrame(Y[rows], columns=data.target_names)
    if part == "valid":
        return *train, texts[others], Y[others]
    data = load_multilabel(
        dataset, split="test", representation="text", data_home=data_home
    )
    rows = np.random.RandomState(0).permutation(len(data.data))[:n_scored]
    return *train, np.array(data.data, dtype=object)[rows], data.target.toarray()[rows]


def cut(texts, model, max_length):
    """Return texts without what comes after the tokens that the network reads."""
    tokenizer, _ = remembered(model)
    options = {"truncation": True, "max_length": max_length, "return_offsets_mapping": True}
    offsets = tokenizer(list(texts), **options)["offset_mapping"]
    ends = (max(end for _, end in of_text) for of_text in offsets)
    return np.array([x[:end] for x, end in zip(texts, ends, strict=True)], dtype=object)


def score(Y, probabilities):
    """Return the measures; labels that no row has do not count."""
    unseen = np.arange(Y.shape[1]) % 4 == 3
    Y = Y[:, unseen] if probabilities.shape[1] < Y.shape[1] else Y
    kept = Y.any(axis=0)
    Y, probabilities = Y[:, kept], probabilities[:, kept]
    return {
        "n_labels": Y.shape[1],
        "mAP": average_precision_score(Y, probabilities),
        "miAP": average_precision_score(Y, probabilities, average="micro"),
        "LRAP": label_ranking_average_precision_score(Y, probabilities),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", required=True, help="a folder, or a name on the hub")
    parser.add_argument("--dataset", default="goemotions")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--part", choices=["test", "valid"], default="test")
    parser.add_argument("--n-train", type=int, default=6000)
    parser.add_argument("--n-scored", type=int, default=2500)
    parser.add_argument("--max-length", type=int, help="how many tokens the network reads")
    parser.add_argument("--cut", action="store_true", help="for linear models on words too")
    parser.add_argument("--set", nargs="+", metavar="NAME=VALUE", help="parameters")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-home", help="the data folder; SKMLC_DATA if not given")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args(arguments)
    X, y, X_scored, Y = load_rows(
        args.dataset, args.n_train, args.n_scored, args.part, args.data_home
    )
    if args.cut:
        X, X_scored = (cut(x, args.model, args.max_length) for x in (X, X_scored))
    settings = args.set and read_settings(args.set)
    for name in args.methods:
        method = make_method(name, args.model, args.seed, args.max_length, settings)
        with Clock() as fit:
            method.fit(X, y)
        with Clock() as predict:
            probabilities = method.predict_proba(X_scored)
        row = {
            "dataset": args.dataset, "part": args.part, "method": name,
            "setting": written(CHOSEN.get(name, {}) if settings is None else settings)
            + " cut" * args.cut,
            "seed": args.seed, "n_fit": len(X), "n_scored": len(Y), **score(Y, probabilities),
            "fit_cpu_s": fit.cpu, "predict_cpu_s": predict.cpu,
        }  # fmt: skip
        row = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        print(row, flush=True)
        write(args.output, row)


def read_settings(pairs):
    """Return the parameters of ``NAME=VALUE``."""
    pairs = dict(pair.split("=", 1) for pair in pairs)
    return {name: ast.literal_eval(value) for name, value in pairs.items()}


def written(settings):
    """Return parameters as the command takes them."""
    return " ".join(f"{name}={value}" for name, value in settings.items())


def write(path, row):
    """Append a row to a CSV file."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
