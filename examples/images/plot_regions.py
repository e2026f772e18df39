"""
Which region has which label?
=============================

Often the regions of an image are known, from a detector or by hand, but not what each shows:
the labels are of the image as a whole.  :class:`~skmlc.GMMLICClassifier` puts the regions of
an image and the labels in one graph, lets them exchange messages, and scores each pair of a
region and a label; the probability of a label is that of its best region.

It is compared with :class:`~skmlc.GlobalPoolClassifier` with `pooling="score"`, which ends in
the same way, but scores each region by itself.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics.pairwise import cosine_similarity
from torch import nn

from skmlc import GlobalPoolClassifier, GMMLICClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import ImageEncoder, Images, RegionFeatures
from skmlc.inspection import ClassifierMapDisplay, InstanceLabelDisplay
from skmlc.metrics import get_scorer

# %%
# Scenes with boxes
# -----------------
# A scene shows one to four handwritten digits, neighbors on the ring 0, 1, ..., 9, 0.  Half of
# them are so faint that they are hard to read.

train = load_digit_scenes(1500, subset="train", scale=1, random_state=0)
test = load_digit_scenes(400, subset="test", scale=1, random_state=0)


def to_images(scenes):
    """Return the images of scenes with the boxes of their digits."""
    return Images(scenes.images, boxes=np.split(scenes.boxes, scenes.bags.offsets[1:-1]))


X_train, X_test = to_images(train), to_images(test)

# %%
# From images to bags of regions
# ------------------------------
# A small backbone is trained on the scenes with max pooling.  Then it is frozen, sees each
# scene once, and the maximum of each of its features within a box describes a region.

torch.manual_seed(0)
backbone = nn.Sequential(
    nn.Conv2d(1, 32, 5, padding=2), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
)  # fmt: skip
encoder = ImageEncoder(backbone, learning_rate_factor=1)
pooled = GlobalPoolClassifier(encoder=encoder, learning_rate=4e-3, random_state=0)
pooled.fit(X_train, train.target)

regions = RegionFeatures(pooled.module_.encoder.backbone, whole_image=False)
bags_train, bags_test = regions.fit_transform(X_train), regions.transform(X_test)
print(bags_train)

# %%
# Two classifiers of bags
# -----------------------

training = {"max_epochs": 6, "learning_rate": 4e-3, "random_state": 0}
matching = GMMLICClassifier("full", **training).fit(bags_train, train.target)
plain = GlobalPoolClassifier(pooling="score", linear_skip=False, **training)
plain.fit(bags_train, train.target)
for name, model, X in [
    ("GM-MLIC", matching, bags_test),
    ("plain maximum", plain, bags_test),
    ("no regions", pooled, X_test),
]:
    print(f"{name:<14} mAP {get_scorer('mAP')(model, X, test.target):.3f}")

# %%
# The scores of regions and labels
# --------------------------------
# Of the first test scenes with three digits, not the best ones: how well each region (row)
# matches each label (column).  A dot marks the best region of each label of the scene.

shown = np.flatnonzero(test.bags.lengths == 3)[:4]
for i, scene in enumerate(shown):
    digits = test.digit_labels[slice(*test.bags.offsets[scene : scene + 2])]
    print(f"bag {i}: region " + ", ".join(f"{k} is a {d}" for k, d in enumerate(digits)))
figure, axes = plt.subplots(1, 2, figsize=(8, 5.2), layout="constrained")
for ax, name, model in zip(axes, ["GM-MLIC", "plain maximum"], [matching, plain]):
    InstanceLabelDisplay.from_estimator(model, bags_test[shown], test.target[shown], ax=ax)
    ax.set_title(name)
plt.show()

# %%
# Is a score about its region?
# ----------------------------
# For all digits of test scenes with two digits or more: how often is the best label of a
# digit's box the digit, and how often is the digit's box the best of its label?


def is_right(values):
    """Return for each digit whether its box has its label, and its label has its box."""
    label, box = [], []
    for pairs, digits in zip(values, np.split(test.digit_labels, test.bags.offsets[1:-1])):
        label.append(pairs.argmax(axis=0) == digits)
        box.append(pairs.argmax(axis=1)[digits] == np.arange(len(digits)))
    return np.concatenate(label), np.concatenate(box)


lengths = np.repeat(test.bags.lengths, test.bags.lengths)
groups = [(lengths > 1) & ~test.faint, (lengths > 1) & test.faint]
print(f"{'':<14}{'best label of the box':>23}{'best box of the label':>23}")
print(f"{'':<14}{'clear':>11}{'faint':>12}{'clear':>11}{'faint':>12}")
for name, model in {"GM-MLIC": matching, "plain maximum": plain}.items():
    right = is_right(model.explain(bags_test).relevance)
    shares = [values[group].mean() for values in right for group in groups]
    print(f"{name:<14}" + "".join(f"{share:11.2f} " for share in shares))
chance = [0.1, 0.1, *((1 / lengths[group]).mean() for group in groups)]
print(f"{'at random':<14}" + "".join(f"{share:11.2f} " for share in chance))

# %%
# GM-MLIC knows better which digits are in a scene, but less well which is where.  Its regions
# have exchanged messages, so a clear digit is evidence for the faint ones next to it, whose
# own boxes are the best of their labels less often than by chance.  To find out what a
# region shows by itself, use the plain maximum.
#
# The states of the labels
# ------------------------
# A label is a node of the graph too.  The paper draws what the network has made of the labels
# after its last messages; here is the mean over the test scenes, along the two directions in
# which the labels differ most.

ClassifierMapDisplay.from_estimator(matching, bags_test, s=60)
plt.show()

states = matching.label_states(bags_test).mean(axis=0)
cosine = cosine_similarity(states - states.mean(axis=0))
distance = np.abs(np.subtract.outer(range(10), range(10)))
distance = np.minimum(distance, 10 - distance)
for d in range(1, 6):
    print(f"distance {d} on the ring: mean cosine {cosine[distance == d].mean():5.2f}")

# %%
# The ring has been found from the labels of the scenes alone.
