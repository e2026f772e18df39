"""Draw the diagrams of the user guide: `python docs/draw_diagrams.py`.

Each is an SVG of 360 units in width, so that its text is readable on a phone.  The pages
include it inline, so that text can be selected and colors follow the theme, light or dark.
"""

import html
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).parent / "_static" / "diagrams"
WIDTH, RADIUS = 360, 9
NODE = "var(--pst-color-primary, #1d5f8a)"
LABEL = "var(--pst-color-secondary, #b8531b)"
COLORS = {"node": NODE, "label": LABEL, "plain": "currentColor"}


class Drawing:
    """A column of rows of nodes, boxes and arrows, from top to bottom."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.parts, self.height = [], 0

    def add(self, part, bottom):
        """Add an element that reaches down to bottom."""
        self.parts.append(part)
        self.height = max(self.height, bottom)

    def text(self, x, y, words, *, anchor="middle", size=13, weight="normal"):
        """Write words with their baseline at y."""
        style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
        self.add(f'<text x="{x}" y="{y}" {style}>{html.escape(words)}</text>', y + 5)

    def box(self, y, *lines, kind="plain", x=30, width=300):
        """Draw a box of one or more lines with its top at y, and return its bottom."""
        height = 14 + 17 * len(lines)
        color = COLORS[kind]
        self.add(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" '
            f'stroke="{color}" fill="{color}" fill-opacity="0.1"/>',
            y + height,
        )
        for i, line in enumerate(lines):
            self.text(x + width / 2, y + 20 + 17 * i, line)
        return y + height

    def row(self, y, n, kind, *, left=60, right=300):
        """Draw n nodes at height y, and return where they are."""
        gap = (right - left) / max(n - 1, 1)
        places = [(left + gap * i, y) for i in range(n)]
        for x, _ in places:
            self.add(
                f'<circle cx="{x:.0f}" cy="{y}" r="{RADIUS}" fill="{COLORS[kind]}"/>',
                y + RADIUS,
            )
        return places

    def arrow(self, start, end, *, kind="plain", width=1.5, head=True):
        """Draw a line, with an arrowhead at its end by default."""
        (x1, y1), (x2, y2) = start, end
        marker = f' marker-end="url(#{self.name}-{kind})"' if head else ""
        self.add(
            f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" stroke="{COLORS[kind]}" '
            f'stroke-width="{width}" fill="none"{marker}/>',
            max(y1, y2),
        )

    def down(self, y, x=180, length=20):
        """Draw a short arrow downwards from y, and return where it ends."""
        self.arrow((x, y + 3), (x, y + length - 3))
        return y + length

    def arcs(self, places, pairs, *, kind="label", bend=24):
        """Connect nodes of one row by curves below it, one for each pair."""
        for i, j in pairs:
            (x1, y), (x2, _) = places[i], places[j]
            middle, low = (x1 + x2) / 2, y + RADIUS + bend * abs(i - j)
            self.add(
                f'<path d="M{x1:.0f} {y + RADIUS}Q{middle:.0f} {low:.0f} {x2:.0f} '
                f'{y + RADIUS}" stroke="{COLORS[kind]}" stroke-width="1.5" fill="none"/>',
                (y + low) / 2,
            )

    def links(self, sources, targets, *, kind="node", strong=()):
        """Connect every source with every target; strong pairs get thick lines."""
        for i, (x1, y1) in enumerate(sources):
            for j, (x2, y2) in enumerate(targets):
                width = 3 if (i, j) in strong else 0.6
                self.arrow(
                    (x1, y1 + RADIUS), (x2, y2 - RADIUS), kind=kind, width=width, head=False
                )

    def svg(self):
        """Return the drawing as an element that a page can contain."""
        heads = "".join(
            f'<marker id="{self.name}-{kind}" viewBox="0 0 8 8" refX="7" refY="4" '
            f'markerWidth="6" markerHeight="6" orient="auto">'
            f'<path d="M0 0L8 4L0 8z" fill="{color}"/></marker>'
            for kind, color in COLORS.items()
        )
        style = "display:block;width:100%;max-width:30rem;height:auto;margin:1rem 0"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
            f'{self.height + 8:.0f}" role="img" aria-labelledby="{self.name}-title" '
            f'style="{style}">'
        )
        lines = [
            head,
            f'<title id="{self.name}-title">{html.escape(self.title)}</title>',
            f"<defs>{heads}</defs>",
            '<g fill="currentColor" font-family="inherit">',
            *self.parts,
            "</g>",
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def one_idea():
    """Draw `one_idea.svg`."""
    d = Drawing(
        "one-idea", "A sample is encoded to nodes; labels read them; one logit each."
    )
    y = d.down(d.box(8, "X: a table, texts, bags, graphs or images"), length=24)
    y = d.down(d.box(y, "encoder", kind="node"), length=24)
    d.text(180, y + 14, "nodes of one sample")
    nodes = d.row(y + 32, 5, "node")
    labels = d.row(y + 112, 4, "label", left=80, right=280)
    d.links(nodes, labels, strong={(0, 0), (1, 1), (3, 2), (4, 3)})
    d.arcs(labels, [(0, 1), (1, 2), (2, 3), (0, 2)])
    d.text(180, y + 164, "head: labels read nodes, and each other")
    y = d.box(d.down(y + 170), "one logit per label", kind="label")
    return d


def lamp():
    """Draw `lamp.svg`."""
    d = Drawing(
        "lamp", "LaMP: labels attend to nodes, then to neighboring labels, T times."
    )
    d.text(180, 16, "nodes of the sample: words, features, instances")
    nodes = d.row(36, 6, "node", left=45, right=315)
    labels = d.row(122, 4, "label", left=80, right=280)
    d.links(nodes, labels, strong={(0, 0), (2, 1), (3, 2), (5, 3)})
    d.arcs(labels, [(0, 1), (1, 2), (2, 3), (1, 3)])
    d.text(12, 84, "1.", anchor="start", weight="bold")
    d.text(12, 150, "2.", anchor="start", weight="bold")
    d.text(180, 182, "1. labels attend to the nodes (10, 11)")
    d.text(180, 200, "2. labels attend to neighbors (12, 13)")
    d.text(180, 218, "repeated in T steps, each with its own weights")
    d.box(d.down(222), "logit = output vector · label state (14)", kind="label")
    return d


def ctran():
    """Draw `ctran.svg`."""
    d = Drawing("ctran", "C-Tran: nodes and labels with their states are one set.")
    d.text(90, 16, "nodes")
    d.text(265, 16, "labels")
    d.row(36, 3, "node", left=50, right=130)
    labels = d.row(36, 4, "label", left=205, right=325)
    for (x, _), state in zip(labels, ["+", "?", "−", "?"], strict=True):
        d.text(x, 62, state, weight="bold")
    d.text(265, 80, "known to hold, unknown,")
    d.text(265, 97, "known not to hold")
    y = d.down(100, x=90)
    d.arrow((265, 103), (265, 117))
    y = d.box(y, "transformer layers:", "every node and label attends to all")
    y = d.down(y, x=265)
    d.box(y, "one logit per label", kind="label", x=200, width=130)
    return d


def query2label():
    """Draw `query2label.svg`."""
    d = Drawing("query2label", "Query2Label: queries attend to each other, then to nodes.")
    d.text(180, 16, "nodes of the sample: cells, words, instances")
    nodes = d.row(36, 6, "node", left=45, right=315)
    queries = d.row(122, 4, "label", left=80, right=280)
    d.links(nodes, queries, strong={(0, 0), (2, 1), (3, 2), (5, 3)})
    d.arcs(queries, [(0, 1), (1, 2), (2, 3), (1, 3)])
    d.text(12, 150, "1.", anchor="start", weight="bold")
    d.text(12, 84, "2.", anchor="start", weight="bold")
    d.text(180, 182, "1. queries, one for each label, attend to each other")
    d.text(180, 200, "2. queries attend to the nodes")
    d.text(180, 218, "repeated in each layer, with weights of its own")
    d.box(d.down(222), "logit = output vector · last state of the query", kind="label")
    return d


def embmlp():
    """Draw `embmlp.svg`."""
    d = Drawing("embmlp", "EmbMLP: the mean of the nodes and a perceptron.")
    d.text(180, 16, "nodes of the sample")
    nodes = d.row(36, 5, "node")
    mean = d.row(96, 1, "node", left=180)
    d.links(nodes, mean)
    d.text(200, 101, "mean", anchor="start")
    y = d.box(d.down(106), "perceptron", kind="node", x=30, width=200)
    d.box(106 + 20, "linear skip", x=245, width=90)
    d.arrow((290, 45), (290, 124))
    d.arrow((290, y + 3), (290, y + 17))
    d.box(d.down(y), "sum: one logit per label", kind="label", width=305)
    return d


def seq2seq():
    """Draw `seq2seq.svg`."""
    d = Drawing("seq2seq", "Seq2Seq: read the nodes in order, write the labels in order.")
    d.text(180, 16, "nodes, in their order")
    nodes = d.row(36, 5, "node")
    for (x1, y), (x2, _) in pairwise(nodes):
        d.arrow((x1 + 11, y), (x2 - 11, y), kind="node")
    y = d.box(d.down(46), "bidirectional GRU reads", kind="node")
    y = d.box(d.down(y), "attention; a second GRU writes", kind="label")
    y = d.down(y)
    labels = d.row(y + 12, 4, "label")
    for (x1, v), (x2, _) in pairwise(labels):
        d.arrow((x1 + 11, v), (x2 - 11, v), kind="label")
    for (x, _), word in zip(labels, ["sea", "sky", "boat", "end"], strict=True):
        d.text(x, y + 40, word)
    d.text(180, y + 62, "a beam search keeps the best sequences")
    return d


def pooling():
    """Draw `pooling.svg`."""
    d = Drawing("pooling", "GlobalPool: pool the nodes, then one linear layer.")
    d.text(180, 16, "nodes of the sample")
    nodes = d.row(36, 5, "node")
    pooled = d.row(96, 1, "node", left=180)
    d.links(nodes, pooled)
    d.text(200, 101, "maximum or mean", anchor="start")
    y = d.box(d.down(106), "linear layer, no label graph", kind="label")
    d.box(d.down(y), "one logit per label", kind="label")
    return d


def mlgcn():
    """Draw `mlgcn.svg`."""
    d = Drawing("mlgcn", "ML-GCN: graph convolutions over labels make the classifiers.")
    d.text(90, 16, "nodes")
    d.text(265, 16, "label graph")
    nodes = d.row(36, 4, "node", left=35, right=145)
    pooled = d.row(96, 1, "node", left=90)
    d.links(nodes, pooled)
    d.text(90, 124, "maximum (3)")
    labels = d.row(36, 4, "label", left=205, right=325)
    d.arcs(labels, [(0, 1), (1, 2), (1, 3)])
    y = d.box(74, "graph", "convolutions (2)", kind="label", x=200, width=130)
    d.text(265, y + 33, "classifiers W")
    d.arrow((265, y + 3), (265, y + 18))
    d.arrow((90, 130), (90, y + 57))
    d.arrow((265, y + 40), (265, y + 57))
    d.box(y + 60, "logits = W · pooled features (4)", kind="label")
    return d


def ggnn():
    """Draw `ggnn.svg`."""
    d = Drawing("ggnn", "GGNN: evidence for labels travels along a knowledge graph.")
    d.text(180, 16, "pooled features of the sample")
    pooled = d.row(36, 1, "node", left=180)
    nodes = d.row(104, 4, "label", left=60, right=240)
    concept = d.row(104, 1, "plain", left=300)
    d.links(pooled, nodes + concept)
    d.arcs(nodes + concept, [(0, 4), (1, 2), (3, 4)], bend=18)
    d.text(150, 72, "evidence e", anchor="end")
    d.text(150, 170, "labels")
    d.text(300, 170, "concepts")
    y = d.box(178, "gated updates along the edges,", "both ways, T steps (2–6)")
    d.box(d.down(y), "logits of the labels, from e and state", kind="label")
    return d


def ssgrl():
    """Draw `ssgrl.svg`."""
    d = Drawing("ssgrl", "SSGRL: each label attends to nodes; a gated graph mixes.")
    d.text(180, 16, "nodes: cells, words or instances")
    nodes = d.row(36, 6, "node", left=45, right=315)
    labels = d.row(116, 3, "label", left=90, right=270)
    d.links(nodes, labels, strong={(0, 0), (1, 0), (3, 1), (4, 2), (5, 2)})
    d.text(180, 142, "decoupling: what each label found (7–10)")
    second = d.row(172, 3, "label", left=90, right=270)
    for (x, _), _ in zip(labels, second, strict=True):
        d.arrow((x, 147), (x, 161))
    d.arcs(second, [(0, 1), (1, 2)])
    d.text(180, 212, "interaction along the label graph (2–6)")
    d.box(d.down(216), "one logit per label, own weights", kind="label")
    return d


def gmmlic():
    """Draw `gmmlic.svg`."""
    d = Drawing("gmmlic", "GM-MLIC: instances and labels are matched in one graph.")
    d.text(180, 16, "instances, with edges to the nearest")
    nodes = d.row(36, 5, "node")
    for (x1, y), (x2, _) in pairwise(nodes):
        d.arrow((x1 + 11, y), (x2 - 11, y), kind="node", head=False)
    labels = d.row(116, 4, "label", left=80, right=280)
    d.links(nodes, labels, strong={(0, 1), (2, 0), (4, 3)})
    d.arcs(labels, [(0, 1), (1, 2), (2, 3), (0, 2)])
    d.text(180, 170, "labels, with the edges of the label graph")
    y = d.box(d.down(174), "k convolutions renew nodes and edges", "(5–12)")
    y = d.box(d.down(y), "a score for each matching edge (13)", kind="label")
    d.box(d.down(y), "logit = best score of the label (14)", kind="label")
    return d


def glemiml():
    """Draw `glemiml.svg`."""
    d = Drawing("glemiml", "GLEMIML: an enhancer makes soft targets for a classifier.")
    d.text(90, 16, "labels Y and instances")
    d.text(270, 16, "instances")
    y = d.box(
        28, "enhancer,", "with the graph", "of the instances", kind="label", x=15, width=150
    )
    d.box(
        28,
        "classifier:",
        "layer, mean and",
        "maximum, linear",
        kind="node",
        x=195,
        width=150,
    )
    d.arrow((90, y + 3), (90, y + 17))
    d.arrow((270, y + 3), (270, y + 17))
    d.box(y + 20, "distribution d", kind="label", x=15, width=150)
    y = d.box(y + 20, "logits s", kind="node", x=195, width=150)
    d.arrow((167, y - 15), (193, y - 15), kind="label")
    d.text(180, y + 22, "d is a soft target of the classifier,")
    d.text(180, y + 39, "in training only: prediction is the classifier's")
    return d


def flem():
    """Draw `flem.svg`."""
    d = Drawing("flem", "FLEM: a linear classifier learns from enhanced labels.")
    d.text(90, 16, "x and labels Y")
    d.text(270, 16, "x")
    y = d.box(28, "enhancer:", "x and Y side by side", kind="label", x=15, width=150)
    d.box(28, "classifier:", "linear", kind="node", x=195, width=150)
    d.arrow((90, y + 3), (90, y + 17))
    d.arrow((270, y + 3), (270, y + 17))
    d.box(y + 20, "distribution d", kind="label", x=15, width=150)
    y = d.box(y + 20, "logits s", kind="node", x=195, width=150)
    d.arrow((167, y - 15), (193, y - 15), kind="label")
    d.text(180, y + 22, "x of a bag: its instances side by side,")
    d.text(180, y + 39, "or their mean or maximum")
    return d


def deepmiml():
    """Draw `deepmiml.svg`."""
    d = Drawing("deepmiml", "DeepMIML: sub-concepts of labels, maximum over instances.")
    d.text(180, 16, "instances of a bag")
    nodes = d.row(36, 4, "node", left=80, right=280)
    for x, _ in nodes:
        d.arrow((x, 48), (x, 63))
    y = d.box(66, "layers, for each instance by itself", kind="node")
    y = d.box(d.down(y), "scores of K sub-concepts of each label", kind="label")
    y = d.box(
        d.down(y), "maximum over the sub-concepts:", "logit of each instance", kind="label"
    )
    d.box(d.down(y), "maximum over the instances:", "logit of the bag", kind="label")
    return d


def bag_distances():
    """Draw `bag_distances.svg`."""
    d = Drawing(
        "bag-distances", "Distance methods: bags become vectors, then a linear model."
    )
    d.text(75, 16, "a bag")
    d.text(270, 16, "bags of training")
    bag = d.row(46, 3, "node", left=45, right=105)
    medoids = [(225, 46), (270, 46), (315, 46)]
    for x, y in medoids:
        d.parts.append(
            f'<rect x="{x - 16}" y="{y - 18}" width="32" height="36" rx="5" '
            f'stroke="{NODE}" fill="none"/>'
        )
        d.parts.append(f'<circle cx="{x - 6}" cy="{y - 6}" r="4" fill="{NODE}"/>')
        d.parts.append(f'<circle cx="{x + 6}" cy="{y + 5}" r="4" fill="{NODE}"/>')
    d.arrow((bag[-1][0] + 14, 46), (204, 46))
    d.text(162, 38, "Hausdorff")
    y = d.down(66)
    y = d.box(y, "one number for each medoid,", "neighbor or prototype", kind="node")
    y = d.box(d.down(y), "machine, network or linear map", kind="label")
    d.box(d.down(y), "one score per label", kind="label")
    return d


DRAWINGS = (
    one_idea,
    lamp,
    ctran,
    query2label,
    embmlp,
    seq2seq,
    pooling,
    mlgcn,
    ggnn,
    ssgrl,
    gmmlic,
    glemiml,
    flem,
    deepmiml,
    bag_distances,
)

if __name__ == "__main__":
    for draw in DRAWINGS:
        drawing = draw()
        path = FOLDER / f"{drawing.name.replace('-', '_')}.svg"
        path.write_text(drawing.svg(), encoding="utf-8")
