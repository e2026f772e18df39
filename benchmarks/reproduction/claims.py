"""What the papers claim of their methods, the command that tests it, and what it gave here."""

from collections.abc import Callable
from statistics import mean
from typing import NamedTuple

from .published import METHODS, METRICS, NAMES, TABLES
from .rendering import csv_table, mean_spread
from .sweeps import SWEEPS, scores_of
from .tables import RANKED, average_ranks

SMALL_LAMP = "defaults, hidden_size=32, max_epochs=8"
# The sets of the LaMP paper on which its six variants were run, and how.
VARIANT_SETS = {
    "reuters21578": SMALL_LAMP,
    "bibtex": SMALL_LAMP,
    "rcv1sub1": SMALL_LAMP,
    "sider": "defaults",
}
PHOTOS = "msrc_v2-efficientnet"
FEW_CHANNELS = "defaults, n_channels=128"
TITLES = ("paper", "claim", "reported", "here", "command")
WIDTHS = (13, 27, 17, 23, 20)


class Claim(NamedTuple):
    """A claim of a paper and how it is tested."""

    paper: str
    text: str
    reported: str
    command: str  # what `reproduce.py` is given, or another program with its name
    measure: Callable[[dict], str]  # of the rows of all files of results, by file


class Of(NamedTuple):
    """The rows of one model."""

    file: str
    dataset: str
    model: str
    setting: str | None = "defaults"  # None is any

    def scores(self, rows, metric):
        """Return the metric by seed, of the latest rows."""
        wanted = {"dataset": self.dataset, "model": self.model, "setting": self.setting}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        found = (row for row in rows[self.file] if row.items() >= wanted.items())
        return {row["seed"]: row[metric] for row in found}


def values(model, *metrics):
    """Return a measure: the means of a model's metrics."""

    def measure(rows):
        scores = [model.scores(rows, metric).values() for metric in metrics]
        return f"{', '.join(map(mean_spread, scores))} ({_seeds(scores[0])})"

    return measure


def less(better, worse, metric="mAP"):
    """Return a measure: a model's metric less another's, seed by seed."""

    def measure(rows):
        first, second = (model.scores(rows, metric) for model in (better, worse))
        differences = [first[seed] - second[seed] for seed in first if seed in second]
        if not differences:
            return "not run"
        return f"{mean_spread(differences, '+')} ({_seeds(differences)})"

    return measure


def swept(name, *of_these):
    """Return a measure: the means of some values of a sweep, or of all."""

    def measure(rows):
        values = of_these or SWEEPS[name].values
        scores = {value: scores_of(rows["sweeps"], name, value) for value in values}
        texts = (f"{value}: {mean_spread(s.values())}" for value, s in scores.items())
        return f"{'; '.join(texts)} ({_seeds(scores[values[0]])})"

    return measure


def best_of(name):
    """Return a measure: the value of a sweep with the highest mean, and the lowest."""

    def measure(rows):
        scores = {
            v: mean(scores_of(rows["sweeps"], name, v).values())
            for v in SWEEPS[name].values
        }
        best, worst = (choose(scores, key=scores.get) for choose in (max, min))
        texts = (f"{value} ({mean_spread([scores[value]])})" for value in (best, worst))
        return "best {}, worst {}".format(*texts)

    return measure


def rank_of(model):
    """Return a measure: a model's average rank by the metrics of the GLEMIML paper."""

    def measure(rows):
        ranks = {
            name: mean(of[metric] for metric in RANKED)
            for name, of in average_ranks(rows["bags"]).items()
        }
        n_sets = len({row["dataset"] for row in rows["bags"]})
        return f"{ranks[model]:.2f} of {len(ranks)} ({n_sets} sets)"

    return measure


def several(**measures):
    """Return a measure: several, each with its name."""
    names = {name.replace("_", " "): measure for name, measure in measures.items()}
    return lambda rows: "; ".join(f"{name} {m(rows)}" for name, m in names.items())


def faster(task, model="lamp-fmp-pr", width=128):
    """Return a measure: how many times the CPU seconds of Seq2Seq are those of LaMP, by set."""

    def measure(rows):
        of_what = {(r["what"], r["setting"]): r["value"] for r in rows["speed"]}
        what = f"seq2seq / {model}, {task}"
        found = {n: of_what.get((what, f"{n}, D = {width}")) for n in VARIANT_SETS}
        texts = {n: "not run" if v is None else f"{float(v):.2f}" for n, v in found.items()}
        return "; ".join(f"{NAMES[n]} {t.removeprefix('0')}" for n, t in texts.items())

    return measure


def _seeds(scores):
    """Return how many seeds there are."""
    return "one seed" if len(scores) == 1 else f"{len(scores)} seeds"


def _lamp(model, dataset="bibtex", setting="defaults"):
    return Of("reproduce", dataset, model, setting)


def _variants(better, worse):
    """Return a measure: a model less another, ebF1, on each set of the LaMP paper at hand."""

    def of(model, name):
        # Seq2Seq is tuned on each set.
        return _lamp(model, name, None if model == "seq2seq" else VARIANT_SETS[name])

    return several(
        **{
            NAMES[name]: less(of(better, name), of(worse, name), "ebF1")
            for name in VARIANT_SETS
        }
    )


def _published_variants(better, worse):
    """Return what the paper reports of the same difference."""
    better, worse = METHODS[better], METHODS[worse]
    place = METRICS.index("ebF1")
    tables = {NAMES[name]: TABLES[NAMES[name]] for name in VARIANT_SETS}
    return "; ".join(
        f"{name} {mean_spread([of[better][place] - of[worse][place]], '+')}"
        for name, of in tables.items()
    )


def _variant_claim(text, better, worse):
    return Claim(
        "LaMP, Table 1", text, _published_variants(better, worse), OF_LAMP.format(better),
        _variants(better, worse),
    )  # fmt: skip


def _photo(model, setting="defaults"):
    return Of("images", PHOTOS, model, setting)


def _bag(model, dataset="miml_image"):
    return Of("bags", dataset, model)


F1 = ("ebF1", "miF1", "maF1")
OF_LAMP = "--dataset bibtex --model {} --hidden-size 32 --max-epochs 8"
OF_SPEED = "seq2seq_speed.py --dataset reuters21578 bibtex rcv1sub1 sider"
OF_PHOTOS = f"--dataset {PHOTOS} --model {{}} --seeds 0 1 2"
OF_SWEEPS = f"--dataset {PHOTOS} --sweep {{}} --seeds 0 1 2 3 4"
OF_BAGS = "--dataset miml_image --model {} --seeds 0 1 2 3 4"
CLAIMS = (
    Claim(
        "LaMP, Tables 1-3", "F1 on Bibtex: ebF1, miF1, maF1", ".447, .473, .376",
        "--dataset bibtex --model lamp", values(_lamp("lamp"), *F1),
    ),
    Claim(
        "LaMP, Tables 1-3", "F1 on Reuters", ".906, .889, .560",
        "--dataset reuters21578 --model lamp", values(_lamp("lamp", "reuters21578"), *F1),
    ),
    _variant_claim(
        "Messages among labels help: full graph less none, ebF1", "lamp-emb-fc", "lamp-emb-el"
    ),
    _variant_claim(
        "Messages among labels help: the same with messages among words, ebF1",
        "lamp-fmp-fc", "lamp-fmp-el",
    ),
    _variant_claim(
        "A prior graph is as good: less the full one, ebF1", "lamp-emb-pr", "lamp-emb-fc"
    ),
    _variant_claim(
        "A prior graph is as good: the same with messages among words, ebF1",
        "lamp-fmp-pr", "lamp-fmp-fc",
    ),
    _variant_claim(
        "Messages among words help: FMP less Emb, full graph, ebF1",
        "lamp-fmp-fc", "lamp-emb-fc",
    ),
    Claim(
        "LaMP, Table 1", "LaMP (messages among words, full graph) is ahead of Seq2Seq, ebF1",
        _published_variants("lamp-fmp-fc", "seq2seq"),
        "--dataset bibtex --model seq2seq --max-epochs 25 --choose learning_rate=0.002,0.005",
        _variants("lamp-fmp-fc", "seq2seq"),
    ),
    Claim(
        "LaMP, Table 1", "LaMP is ahead of Emb + MLP, ebF1",
        "+.084 (Bibtex); +.052 (Reuters)", "--dataset yeast --model emb-mlp",
        several(**{
            name: less(_lamp("lamp", name), _lamp("emb-mlp", name), "ebF1")
            for name in ("bibtex", "reuters21578", "yeast", "emotions")
        }),
    ),
    Claim(
        "LaMP, Table 4", "An epoch is faster than Seq2Seq's, times",
        "Reuters 1.5; Bibtex 2.1; RCV1 1.2; SIDER 2.5 (GPU)", OF_SPEED, faster("epoch"),
    ),
    Claim(
        "LaMP, Table 4", "Prediction is faster than Seq2Seq's, times",
        "Reuters 2.1; Bibtex 2.1; RCV1 1.7; SIDER 21 (GPU)", OF_SPEED, faster("prediction"),
    ),
    Claim(
        "ML-GCN, Tables 1, 2", "Ahead of the pooled network, mAP (theirs is mean pooling)",
        "+.057 (COCO); +.041 (VOC)", OF_PHOTOS.format("ml-gcn"),
        several(
            mean_pooling=less(_photo("ml-gcn"), _photo("global-pool-mean")),
            max_pooling=less(_photo("ml-gcn"), _photo("global-pool-max")),
        ),
    ),
    Claim(
        "ML-GCN, Tables 1, 2", "The re-weighted graph is ahead of the binary one",
        "+.027 (COCO); +.009 (VOC)", OF_PHOTOS.format("ml-gcn ml-gcn-binary"),
        less(_photo("ml-gcn"), _photo("ml-gcn-binary")),
    ),
    Claim(
        "ML-GCN, Section 4.3.2", "The graph is ahead of none (p = 0)",
        "+.013 (COCO); +.009 (VOC)", OF_PHOTOS.format("ml-gcn ml-gcn-none"),
        less(_photo("ml-gcn"), _photo("ml-gcn-none")),
    ),
    Claim(
        "ML-GCN, Figure 5",
        "Threshold \N{GREEK SMALL LETTER TAU}: .4 is best, 0 does not converge",
        "best .4", OF_SWEEPS.format("tau"), best_of("tau"),
    ),
    Claim(
        "ML-GCN, Figure 6", "Weight of neighbors p: .2 is best, 1 does not converge",
        "best .2", OF_SWEEPS.format("p"), best_of("p"),
    ),
    Claim(
        "ML-GCN, Table 3", "More than two convolutions are worse, mAP",
        "2: .830; 3: .821; 4: .811 (COCO)", OF_SWEEPS.format("depth"), swept("depth", 2, 3, 4),
    ),
    Claim(
        "ML-GCN, Figure 4", "Word vectors hardly matter, mAP", "no figures",
        OF_SWEEPS.format("vectors") + " --word-vectors FILE", swept("vectors"),
    ),
    Claim(
        "GGNN (Viel), Table 3", "Ahead of the pooled network, mAP", "+.011, +.006, +.008 (VOC)",
        OF_PHOTOS.format("ggnn ggnn-none global-pool-max"),
        several(
            max_pooling=less(_photo("ggnn"), _photo("global-pool-max")),
            its_own_without_graph=less(_photo("ggnn"), _photo("ggnn-none")),
        ),
    ),
    Claim(
        "GGNN (Viel), Table 2", "The number of steps hardly matters, mAP",
        "2: .864; 3: .865; 4: .863 (VOC)", OF_SWEEPS.format("steps"), swept("steps", 2, 3, 4),
    ),
    Claim(
        "SSGRL (Viel), Table 4", "Semantic decoupling is ahead of the pooled network, mAP",
        "+.013, .000, +.009 (VOC)",
        OF_PHOTOS.format("ssgrl-none global-pool-max") + " --set n_channels=128",
        less(_photo("ssgrl-none", FEW_CHANNELS), _photo("global-pool-max", FEW_CHANNELS)),
    ),
    Claim(
        "SSGRL (Viel), Table 4", "Semantic interaction adds to it, mAP",
        "+.003, +.001, −.002 (VOC)",
        OF_PHOTOS.format("ssgrl ssgrl-none") + " --set n_channels=128",
        less(_photo("ssgrl", FEW_CHANNELS), _photo("ssgrl-none", FEW_CHANNELS)),
    ),
    Claim(
        "GM-MLIC, Tables 1, 2", "Ahead of ML-GCN, mAP (theirs has a detector, ours ten cells)",
        "+.016 (VOC); +.013 (COCO)", OF_PHOTOS.format("gm-mlic-cells ml-gcn"),
        less(_photo("gm-mlic-cells"), _photo("ml-gcn")),
    ),
    Claim(
        "GM-MLIC, Table 4", "Each part helps: all less one, mAP",
        "labels +.026; instances +.014; matching +.005 (COCO)",
        OF_PHOTOS.format("gm-mlic gm-mlic-no-label-graph"),
        several(
            labels=less(_photo("gm-mlic"), _photo("gm-mlic-no-label-graph")),
            instances=less(_photo("gm-mlic"), _photo("gm-mlic-no-instance-graph")),
            matching=less(_photo("gm-mlic"), _photo("gm-mlic-no-matching")),
        ),
    ),
    Claim(
        "GM-MLIC, Figure 4a", "Neither too few nor all instances m, mAP",
        "best 10 (VOC), 35 (COCO)",
        f"--dataset {PHOTOS} --sweep m --seeds 0 1", swept("m"),
    ),
    Claim(
        "GM-MLIC, Figure 4b", "More convolutions k are worse, mAP", "best 2",
        f"--dataset {PHOTOS} --sweep k --seeds 0 1", swept("k"),
    ),
    Claim(
        "GLEMIML, Table 2", f"Image: {', '.join(RANKED)}", ".165, .159, .709, .675",
        OF_BAGS.format("glemiml"), values(_bag("glemiml"), *RANKED),
    ),
    Claim(
        "GLEMIML, Table 2", f"Text: {', '.join(RANKED)}", ".024, .010, .947, .938",
        "--dataset miml_text --model glemiml --seeds 0 1 2 3 4",
        values(_bag("glemiml", "miml_text"), *RANKED),
    ),
    Claim(
        "GLEMIML, Table 2", f"Best average rank by {', '.join(RANKED)}", "1.44 of 7 (9 sets)",
        "--dataset miml_image miml_text miml_birds --model all --seeds 0 1 2 3 4",
        rank_of("glemiml"),
    ),
    Claim(
        "GLEMIML, Table 2", "Ahead of MI-FLEM, mAP", "Image +.215; Text +.049",
        OF_BAGS.format("mi-flem"),
        several(
            Image=less(_bag("glemiml"), _bag("mi-flem")),
            Text=less(_bag("glemiml", "miml_text"), _bag("mi-flem", "miml_text")),
        ),
    ),
    Claim(
        "GLEMIML, Table 3", "Ahead of one layer (A), of three (B) and of no graph (C), mAP",
        "A +.264; B +.016; C +.075 (Image)", OF_BAGS.format("glemiml-a glemiml-b glemiml-c"),
        several(**{
            letter: less(_bag("glemiml"), _bag(f"glemiml-{letter.lower()}")) for letter in "ABC"
        }),
    ),
)  # fmt: skip


def claim_table(rows):
    """Return all claims as a table.

    Parameters
    ----------
    rows : dict of str to list of dict
        The rows of all files of results.

    Returns
    -------
    str
        A directive of reStructuredText.
    """
    lines = [
        [c.paper, c.text, c.reported, c.measure(rows), f"``{c.command}``"] for c in CLAIMS
    ]
    return csv_table("", [list(TITLES), *lines], WIDTHS)
