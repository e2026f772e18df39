"""What the papers claim of their methods, which rows test it, and what these say."""

from typing import NamedTuple

from .claim_measures import (
    Measure,
    Of,
    best_of,
    faster,
    less,
    rank_of,
    several,
    swept,
    values,
)
from .published import METHODS, METRICS, NAMES, TABLES
from .rendering import csv_table, mean_spread
from .tables import RANKED

SMALL_LAMP = "defaults, hidden_size=32, max_epochs=8"
# A full graph of 983 labels costs so much that it was trained with one head, for three epochs.
LAMP_OF_DELICIOUS = "defaults, hidden_size=32, n_heads=1, max_epochs=3"
# The sets of the LaMP paper on which its six variants were run, and how.
VARIANT_SETS = {
    "reuters21578": SMALL_LAMP,
    "bibtex": SMALL_LAMP,
    "rcv1sub1": SMALL_LAMP,
    "sider": "defaults",
    "delicious": LAMP_OF_DELICIOUS,
}
# Seq2Seq is tuned on each set, and EmbMLP as it comes.
OTHER_SETTINGS = {"seq2seq": None, "emb-mlp": "defaults"}
SPEED_SETS = tuple(VARIANT_SETS)
PHOTOS = "msrc_v2-efficientnet"
FEW_CHANNELS = "defaults, n_channels=128"
TITLES = ("paper", "claim", "reported", "here", "commits", "CPU-s", "--claim")
WIDTHS = (12, 24, 16, 24, 8, 5, 11)


class Claim(NamedTuple):
    """A claim of a paper and how it is tested."""

    name: str  # of `reproduce.py --claim`
    paper: str
    text: str
    reported: str
    measure: Measure

    @property
    def reads(self):
        """Whose rows are read."""
        return self.measure.reads

    def rows(self, rows):
        """Return the rows that are read, each once."""
        return [row for of in dict.fromkeys(self.reads) for row in of.rows(rows).values()]


def _lamp(model, dataset="bibtex", setting="defaults"):
    return Of("reproduce", dataset, model, setting)


def _variants(better, worse, *metrics):
    """Return a measure: a model less another on each set of the LaMP paper at hand."""

    def of(model, name):
        return _lamp(model, name, OTHER_SETTINGS.get(model, VARIANT_SETS[name]))

    return several(
        **{
            NAMES[name]: less(of(better, name), of(worse, name), *metrics)
            for name in VARIANT_SETS
        }
    )


def _published_variants(better, worse, *metrics):
    """Return what the paper reports of the same differences."""
    tables = {NAMES[name]: TABLES[NAMES[name]] for name in VARIANT_SETS}
    texts = []
    for name, of in tables.items():
        better_row, worse_row = of[METHODS[better]], of[METHODS[worse]]
        places = [METRICS.index(metric) for metric in metrics]
        differences = (mean_spread([better_row[i] - worse_row[i]], "+") for i in places)
        texts.append(f"{name} {', '.join(differences)}")
    return "; ".join(texts)


def _variant_claim(name, text, better, worse, *metrics):
    metrics = metrics or ("ebF1", "maF1")
    return Claim(
        name, "LaMP, Tables 1, 3", f"{text}: {', '.join(metrics)}",
        _published_variants(better, worse, *metrics), _variants(better, worse, *metrics),
    )  # fmt: skip


def _photo(model, setting="defaults"):
    return Of("images", PHOTOS, model, setting)


def _bag(model, dataset="miml_image"):
    return Of("bags", dataset, model)


F1 = ("ebF1", "miF1", "maF1")
CLAIMS = (
    Claim(
        "lamp-bibtex", "LaMP, Tables 1-3", "F1 on Bibtex: ebF1, miF1, maF1",
        ".447, .473, .376", values(_lamp("lamp"), *F1),
    ),
    Claim(
        "lamp-reuters", "LaMP, Tables 1-3", "F1 on Reuters", ".906, .889, .560",
        values(_lamp("lamp", "reuters21578"), *F1),
    ),
    _variant_claim(
        "label-messages", "Messages among labels help: full graph less none",
        "lamp-emb-fc", "lamp-emb-el",
    ),
    _variant_claim(
        "label-messages-fmp", "Messages among labels help: the same with messages among words",
        "lamp-fmp-fc", "lamp-fmp-el",
    ),
    _variant_claim(
        "prior-graph", "A prior graph is as good: less the full one",
        "lamp-emb-pr", "lamp-emb-fc",
    ),
    _variant_claim(
        "prior-graph-fmp", "A prior graph is as good: the same with messages among words",
        "lamp-fmp-pr", "lamp-fmp-fc",
    ),
    _variant_claim(
        "word-messages", "Messages among words help: FMP less Emb, full graph",
        "lamp-fmp-fc", "lamp-emb-fc",
    ),
    _variant_claim(
        "seq2seq", "LaMP (messages among words, full graph) is ahead of Seq2Seq",
        "lamp-fmp-fc", "seq2seq", *F1,
    ),
    _variant_claim(
        "emb-mlp", "LaMP (as in the row before) is ahead of Emb + MLP",
        "lamp-fmp-fc", "emb-mlp",
    ),
    Claim(
        "emb-mlp-defaults", "LaMP, Table 1", "The same of both as they come: ebF1", "",
        several(**{
            name: less(_lamp("lamp", name), _lamp("emb-mlp", name), "ebF1")
            for name in ("bibtex", "reuters21578", "yeast", "emotions")
        }),
    ),
    Claim(
        "training-speed", "LaMP, Table 4", "An epoch is faster than Seq2Seq's, times",
        "Reuters 1.5; Bibtex 2.1; RCV1 1.2; SIDER 2.5 (GPU)",
        faster("epoch", SPEED_SETS),
    ),
    Claim(
        "prediction-speed", "LaMP, Table 4", "Prediction is faster than Seq2Seq's, times",
        "Reuters 2.1; Bibtex 2.1; RCV1 1.7; SIDER 21 (GPU)",
        faster("prediction", SPEED_SETS),
    ),
    Claim(
        "ml-gcn-pooling", "ML-GCN, Tables 1, 2",
        "Ahead of the pooled network, mAP (theirs is mean pooling)",
        "+.057 (COCO); +.041 (VOC)",
        several(
            mean_pooling=less(_photo("ml-gcn"), _photo("global-pool-mean")),
            max_pooling=less(_photo("ml-gcn"), _photo("global-pool-max")),
        ),
    ),
    Claim(
        "ml-gcn-binary", "ML-GCN, Tables 1, 2",
        "The re-weighted graph is ahead of the binary one", "+.027 (COCO); +.009 (VOC)",
        less(_photo("ml-gcn"), _photo("ml-gcn-binary")),
    ),
    Claim(
        "ml-gcn-graph", "ML-GCN, Section 4.3.2", "The graph is ahead of none (p = 0)",
        "+.013 (COCO); +.009 (VOC)", less(_photo("ml-gcn"), _photo("ml-gcn-none")),
    ),
    Claim(
        "tau", "ML-GCN, Figure 5",
        "Threshold \N{GREEK SMALL LETTER TAU}: .4 is best, 0 does not converge",
        "best .4", best_of("tau"),
    ),
    Claim(
        "p", "ML-GCN, Figure 6", "Weight of neighbors p: .2 is best, 1 does not converge",
        "best .2", best_of("p"),
    ),
    Claim(
        "depth", "ML-GCN, Table 3", "More than two convolutions are worse, mAP",
        "2: .830; 3: .821; 4: .811 (COCO)", swept("depth", 2, 3, 4),
    ),
    Claim(
        "vectors", "ML-GCN, Figure 4", "Word vectors hardly matter, mAP", "no figures",
        swept("vectors"),
    ),
    Claim(
        "ggnn-pooling", "GGNN (Viel), Table 3", "Ahead of the pooled network, mAP",
        "+.011, +.006, +.008 (VOC)",
        several(
            max_pooling=less(_photo("ggnn"), _photo("global-pool-max")),
            its_own_without_graph=less(_photo("ggnn"), _photo("ggnn-none")),
        ),
    ),
    Claim(
        "ggnn-reweighted", "GGNN (Viel), Table 3",
        "A'', re-weighted with .1 and .1, is ahead of the plain graph, mAP",
        "+.002, +.001, +.003 (VOC)",
        several(
            plain=less(_photo("ggnn-reweighted"), _photo("ggnn")),
            no_graph=less(_photo("ggnn-reweighted"), _photo("ggnn-none")),
        ),
    ),
    Claim(
        "steps", "GGNN (Viel), Table 2", "The number of steps hardly matters, mAP",
        "2: .864; 3: .865; 4: .863 (VOC)", swept("steps", 2, 3, 4),
    ),
    Claim(
        "ggnn-ml-gcn", "GGNN (Viel), Table 8",
        "GGNN is ahead of the GCN (theirs a variant of ML-GCN), mAP", "+.008 (VOC)",
        several(
            plain=less(_photo("ggnn"), _photo("ml-gcn")),
            reweighted=less(_photo("ggnn-reweighted"), _photo("ml-gcn")),
        ),
    ),
    Claim(
        "ssgrl-decoupling", "SSGRL (Viel), Table 4",
        "Semantic decoupling is ahead of the pooled network, mAP", "+.013, .000, +.009 (VOC)",
        less(_photo("ssgrl-none", FEW_CHANNELS), _photo("global-pool-max", FEW_CHANNELS)),
    ),
    Claim(
        "ssgrl-interaction", "SSGRL (Viel), Table 4",
        "Semantic interaction adds to it, mAP", "+.003, +.001, −.002 (VOC)",
        several(
            with_it=less(_photo("ssgrl", FEW_CHANNELS), _photo("ssgrl-none", FEW_CHANNELS)),
            of_which_the_edges=less(
                _photo("ssgrl", FEW_CHANNELS),
                _photo("ssgrl", f"{FEW_CHANNELS}, label_graph=none"),
            ),
        ),
    ),
    Claim(
        "gm-mlic-ml-gcn", "GM-MLIC, Tables 1, 2",
        "Ahead of ML-GCN, mAP (theirs has a detector, ours ten cells)",
        "+.007 (VOC); +.013 (COCO)", less(_photo("gm-mlic-cells"), _photo("ml-gcn")),
    ),
    Claim(
        "gm-mlic-parts", "GM-MLIC, Table 4", "Each part helps: all less one, mAP",
        "labels +.026; instances +.014; matching +.005 (COCO)",
        several(
            labels=less(_photo("gm-mlic"), _photo("gm-mlic-no-label-graph")),
            instances=less(_photo("gm-mlic"), _photo("gm-mlic-no-instance-graph")),
            matching=less(_photo("gm-mlic"), _photo("gm-mlic-no-matching")),
        ),
    ),
    Claim(
        "m", "GM-MLIC, Figure 4a", "Neither too few nor all instances m, mAP",
        "best 10 (VOC), 35 (COCO)", swept("m"),
    ),
    Claim(
        "k", "GM-MLIC, Figure 4b", "More convolutions k are worse, mAP", "best 2", swept("k")
    ),
    Claim(
        "glemiml-image", "GLEMIML, Table 2", f"Image: {', '.join(RANKED)}",
        ".165, .159, .709, .675", values(_bag("glemiml"), *RANKED),
    ),
    Claim(
        "glemiml-text", "GLEMIML, Table 2", f"Text: {', '.join(RANKED)}",
        ".024, .010, .947, .938", values(_bag("glemiml", "miml_text"), *RANKED),
    ),
    Claim(
        "glemiml-rank", "GLEMIML, Table 2",
        f"Best average rank by {', '.join(RANKED)}; label enhancement is why",
        "1.44 of 7 (9 sets)", rank_of("glemiml", "glemiml-plain", "kisar"),
    ),
    Claim(
        "mi-flem", "GLEMIML, Table 2", "Ahead of MI-FLEM, mAP", "Image +.215; Text +.049",
        several(
            Image=less(_bag("glemiml"), _bag("mi-flem")),
            Text=less(_bag("glemiml", "miml_text"), _bag("mi-flem", "miml_text")),
        ),
    ),
    Claim(
        "glemiml-parts", "GLEMIML, Table 3",
        "Ahead of one layer (A), of three (B) and of no graph (C), mAP",
        "A +.264; B +.016; C +.075 (Image)",
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
        [c.paper, c.text, c.reported, c.measure.text(rows), *_of_rows(c.rows(rows)), c.name]
        for c in CLAIMS
    ]
    return csv_table("", [list(TITLES), *lines], WIDTHS)


def _of_rows(rows):
    """Return the commits of rows and their CPU seconds, as text."""
    commits = dict.fromkeys(row["commit"] for row in rows if row.get("commit"))
    seconds = sum(row.get("fit_cpu_s", 0) for row in rows)
    return " ".join(commits), f"{seconds:,.0f}" if seconds else ""
