"""
Where does a label look?
========================

A scene of handwritten digits is an image with ten labels: which digits are in it?  Nobody says
where they are.  :class:`~skmlc.SSGRLClassifier` gives each label an attention of its own over
the image, and `explain` shows it.  Does the label of a digit look at the digit?

The scenes come with the boxes of their digits, which are used for drawing and counting only.
:class:`~skmlc.MLGCNClassifier` stands beside it: it takes the maximum of each feature over the
image, so that one can say from where each feature came.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle

from skmlc import MLGCNClassifier, SSGRLClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import ImageEncoder, Images
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.metrics import get_scorer

# %%
# The scenes
# ----------
# Training and test scenes are composed of different digit images.  Half of the digits are so
# faint that they are hard to read; neighbors on the ring 0, 1, ..., 9, 0 stand together, which
# helps to guess them.

SIDE = 20  # pixels of a scene
train = load_digit_scenes(2000, subset="train", scale=1, random_state=0)
test = load_digit_scenes(500, subset="test", scale=1, random_state=0)
X_train, X_test = Images(train.images), Images(test.images)
print(X_train)

# %%
# Two networks on one backbone
# ----------------------------
# A small ResNet makes a map of 10 x 10 cells of a scene; each has seen 11 x 11 pixels, a digit
# being 8 x 8.  Both methods train a copy of it from the beginning.  Digits must not be
# mirrored, so the encoder does not vary the scenes.

torch.manual_seed(0)
backbone = ResNet((1,), width=32, small_stem=True, n_channels=1)
training = {
    "encoder": ImageEncoder(backbone, learning_rate_factor=1),
    "learning_rate": 4e-3,
    "random_state": 0,
}
ssgrl = SSGRLClassifier("probability", hidden_size=32, **training)
mlgcn = MLGCNClassifier("conditional_probability", **training)
for model in (ssgrl, mlgcn):
    model.fit(X_train, train.target)
    mAP = get_scorer("mAP")(model, X_test, test.target)
    print(f"{type(model).__name__:<17} mAP {mAP:.3f}")

# %%
# What they look at
# -----------------
# The attention of SSGRL says how much a label looks at each cell, the contributions of ML-GCN
# how much a cell adds to the logit of the label.

attention = ssgrl.explain(X_test).relevance
contributions = mlgcn.explain(X_test).relevance
print(attention.shape, "scenes, labels, rows, columns")

# %%
# The first four test scenes with three digits, not the best ones.  Beside each the maps of the
# labels of its digits, in the digits' colors, with a cross at the peak and the probability of
# the label; the boxes of faint digits are dotted.

COLORS = ["C0", "C1", "C2"]
CANVAS = (0, SIDE, SIDE, 0)


def draw_scene(ax, scene):
    """Draw a scene."""
    ax.imshow(test.images[scene], cmap="gray_r", vmin=0, vmax=1, extent=CANVAS)
    ax.set(xticks=[], yticks=[])


def draw_box(ax, digit, color):
    """Draw the box of a digit, dotted if it is faint."""
    left, top, right, bottom = test.boxes[digit]
    style = {"linewidth": 2, "linestyle": ":" if test.faint[digit] else "-"}
    box = Rectangle((left, top), right - left, bottom - top, fill=False, **style)
    box.set(edgecolor=color, clip_on=False)
    ax.add_patch(box)


def draw_map(ax, values):
    """Draw what is positive of a map over its scene, and a cross at the peak."""
    strength = values.clip(0) / values.max()
    ax.imshow(strength, cmap="Reds", vmin=0, vmax=1.5, extent=CANVAS, alpha=strength)
    ax.plot(*peaks(values), "x", color="black")


def peaks(maps):
    """Return x and y, in pixels, of the middle of the cell where each map is largest."""
    height, width = maps.shape[-2:]
    row, column = np.divmod(maps.reshape(*maps.shape[:-2], -1).argmax(axis=-1), width)
    return (column + 0.5) * SIDE / width, (row + 0.5) * SIDE / height


shown = np.flatnonzero(test.bags.lengths == 3)[:4]
figure = plt.figure(figsize=(12, 7), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=[1, 3, 3], wspace=0.02)
left.suptitle("scene")
scene_axes = left.subplots(len(shown), 1)
for ax, scene in zip(scene_axes, shown):
    draw_scene(ax, scene)
    ax.set_title(" ", fontsize="medium")  # as high as its neighbors
    for digit, color in zip(range(*test.bags.offsets[scene : scene + 2]), COLORS):
        draw_box(ax, digit, color)
for part, model, maps, title in [
    (middle, ssgrl, attention, "SSGRL: attention"),
    (right, mlgcn, contributions, "ML-GCN: contributions"),
]:
    part.suptitle(title)
    probabilities = model.predict_proba(X_test[shown])
    axes = part.subplots(len(shown), 3)
    for row, scene, probability in zip(axes, shown, probabilities):
        digits = range(*test.bags.offsets[scene : scene + 2])
        for ax, digit, color in zip(row, digits, COLORS):
            label = test.digit_labels[digit]
            draw_scene(ax, scene)
            draw_map(ax, maps[scene, label])
            draw_box(ax, digit, color)
            title = f"{label}: {probability[label]:.2f}"
            ax.set_title(title, color=color, fontsize="medium")
plt.show()

# %%
# How often is the peak in the box?
# ---------------------------------
# Of every digit in the 500 test scenes, where is the peak of its label's map: in its own box,
# in that of another digit of the scene, or beside all boxes?  A cell taken at random is in a
# box as often as the box's share of the scene says.

scene = np.repeat(np.arange(len(test.images)), test.bags.lengths)


def find_peaks(maps):
    """Return for each digit whether its label's peak is in its box, and in another's."""
    x, y = (p[scene, test.digit_labels][:, None] for p in peaks(maps))
    left, top, right, bottom = test.boxes.T
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    inside &= scene[:, None] == scene  # the boxes of its own scene
    own = inside.diagonal()
    return own, inside.any(axis=1) & ~own


share = np.prod(test.boxes[:, 2:] - test.boxes[:, :2], axis=1) / SIDE**2
others = np.bincount(scene, share)[scene] - share
rows = {"a random cell": (share.mean(), others.mean())}
for name, maps in {"ML-GCN": contributions, "SSGRL": attention}.items():
    own, other = find_peaks(maps)
    for kind, digits in {"faint": test.faint, "clear": ~test.faint}.items():
        rows[f"{name}, {kind} digits"] = own[digits].mean(), other[digits].mean()
    rows[f"{name}, all digits"] = own.mean(), other.mean()
for name, (own, other) in rows.items():
    print(f"{name:<22} own box {own:.2f}   another box {other:.2f}")

figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
own, other = np.transpose(list(rows.values()))
start = np.zeros(len(rows))
for values, color, name in [
    (own, "C0", "its own box"),
    (other, "C1", "another digit's box"),
    (1 - own - other, "0.85", "beside all boxes"),
]:
    bars = ax.barh(list(rows), values, left=start, color=color, label=name)
    texts = [f"{value:.2f}" if value > 0.06 else "" for value in values]
    ax.bar_label(bars, texts, label_type="center")
    start += values
ax.set(xlim=(0, 1), xlabel="share of the digits", title="the peak of a digit's label is in")
ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
plt.show()

# %%
# Of the clear digits SSGRL's labels find nine in ten, of the faint ones six in ten, where a
# random cell would find one in six.  Most of the other peaks are in the box of another digit:
# what cannot be read is guessed from its company, as where a cross above is outside the dotted
# box of its color.  ML-GCN's are there more often: its labels share the features, of which each
# comes from one cell.
#
# This is one network of each kind, and a peak in the box says from where a label took its
# features, not that it read them well.
