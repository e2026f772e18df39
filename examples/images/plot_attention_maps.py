"""
Where does a label look in an image?
====================================

A scene of handwritten digits is an image with ten labels: which digits are in it?  Where they
are is not part of the training data.  :class:`~skmlc.SSGRLClassifier` gives each label an
attention of its own over the image, and :class:`~skmlc.inspection.NodeAttentionDisplay` draws
it.  Does the label of a digit look at the digit?

The scenes come with the boxes of their digits, which are used only for counting.
:class:`~skmlc.MLGCNClassifier` is shown for comparison: it takes the maximum of each feature
over the image, so that one can say from where each feature came.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from skmlc import MLGCNClassifier, SSGRLClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import ImageEncoder, Images
from skmlc.inspection import NodeAttentionDisplay
from skmlc.metrics import get_scorer

# %%
# The scenes
# ----------
# Training and test scenes are composed of different digit images.  Half of the digits are so
# faint that they are hard to read; neighbors on the ring 0, 1, ..., 9, 0 stand together, which
# helps to guess them.

train = load_digit_scenes(2000, subset="train", scale=1, random_state=0)
test = load_digit_scenes(500, subset="test", scale=1, random_state=0)
X_train, X_test = Images(train.images), Images(test.images)
print(X_train)

# %%
# Two networks on one backbone
# ----------------------------
# Any torch module from images to feature maps may be the backbone.  This one makes 10 x 10
# cells of a scene of 20 x 20 pixels; a digit has 8 x 8.

torch.manual_seed(0)
backbone = nn.Sequential(
    nn.Conv2d(1, 32, 5, padding=2), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
)  # fmt: skip
training = {
    "encoder": ImageEncoder(backbone, learning_rate_factor=1),
    "learning_rate": 4e-3,
    "random_state": 0,
}
models = {
    "SSGRL": SSGRLClassifier("probability", hidden_size=32, **training),
    "ML-GCN": MLGCNClassifier("conditional_probability", **training),
}
for name, model in models.items():
    model.fit(X_train, train.target)
    mAP = get_scorer("mAP")(model, X_test, test.target)
    print(f"{name:<8} mAP {mAP:.3f}")

# %%
# What they look at
# -----------------
# The first test scene with four digits of which at most one is faint, and the labels of these
# digits with their probabilities.  The attention of SSGRL says how much a label looks at each
# cell, the contributions of ML-GCN how much a cell adds to the score of the label.

n_faint = np.add.reduceat(test.faint, test.bags.offsets[:-1], dtype=int)
scene = int(np.flatnonzero((test.bags.lengths == 4) & (n_faint <= 1))[0])
present = np.flatnonzero(test.target[scene])
explanations = {name: model.explain(X_test) for name, model in models.items()}
for name, explanation in explanations.items():
    figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
    NodeAttentionDisplay.from_explanation(
        explanation, sample=scene, labels=present, image=1 - X_test[scene], ax=ax
    )
    ax.set_title(f"{name}: a scene with {', '.join(map(str, present))}")
plt.show()

# %%
# How often is the peak in the box?
# ---------------------------------
# Of every digit in the 500 test scenes, where is the peak of its label's map: in its own box,
# in that of another digit of the scene, or outside all boxes?  A cell taken at random is in a
# box as often as the box's share of the scene says.

scenes = np.repeat(np.arange(len(test.images)), test.bags.lengths)
left, top, right, bottom = test.boxes.T


def find_peaks(maps):
    """Return for each digit whether its label's peak is in its box, and in another's."""
    n_columns = maps.shape[-1]
    flat = maps[scenes, test.digit_labels].reshape(len(scenes), -1)
    y, x = np.divmod(flat.argmax(axis=1)[:, None], n_columns)
    x, y = (20 / n_columns * (place + 0.5) for place in (x, y))  # middles of cells
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    inside &= scenes[:, None] == scenes  # the boxes of its own scene
    own = inside.diagonal()
    return own, inside.any(axis=1) & ~own


share = (right - left) * (bottom - top) / 20**2
others = np.bincount(scenes, share)[scenes] - share
print(f"{'a random cell':<22} own box {share.mean():.2f}   another box {others.mean():.2f}")
for name, explanation in explanations.items():
    own, other = find_peaks(explanation.relevance)
    for kind, digits in {"faint": test.faint, "clear": ~test.faint}.items():
        print(
            f"{name + ', ' + kind + ' digits':<22} own box {own[digits].mean():.2f}"
            f"   another box {other[digits].mean():.2f}"
        )

# %%
# The labels of SSGRL mostly find their digits, the faint ones too, where a random cell would
# find one in six.  Most of the other peaks are in the box of another digit: what cannot be read
# is guessed from its company, and by ML-GCN, whose labels share the features, much more often.
# A peak in the box says from where a label took its features, not that it read them well.
