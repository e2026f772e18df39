"""
Which label is taken for which?
===============================

:func:`~skmlc.metrics.label_confusion` counts in how many samples one label is missed where
another is predicted wrongly.  Here samples are scenes of faint handwritten digits.  Are digits
confused because they look alike, or because they occur together?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from skmlc import DeepMIMLClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.metrics import label_confusion

hard = {"faint": 1, "noise": 0.2}
train = load_digit_scenes(3000, **hard)
test = load_digit_scenes(3000, subset="test", **hard)
model = DeepMIMLClassifier(
    hidden_size=64, max_epochs=15, learning_rate=3e-3, threshold="tuned", random_state=0
).fit(train.bags, train.target)
predicted = model.predict(test.bags)

# %%
# Rows are missed, columns are predicted wrongly
# ----------------------------------------------
# The diagonal holds how often a label is found.  The last column has what is missed without
# anything predicted wrongly, the last row what is predicted although nothing is missed.

confusion = label_confusion(test.target, predicted, normalize="true")
figure, ax = plt.subplots(figsize=(7, 6), layout="constrained")
ConfusionMatrixDisplay(confusion, display_labels=[*test.target_names, "-"]).plot(
    ax=ax, cmap="Blues", values_format=".2f", text_kw={"fontsize": "small"}
)
ax.set(xlabel="predicted wrongly (diagonal: found)", ylabel="missed")
plt.show()

# %%
# The most frequent pairs
# -----------------------

counts = label_confusion(test.target, predicted)[:-1, :-1]
np.fill_diagonal(counts, 0)
for place in np.argsort(-counts, axis=None)[:8]:
    missed, wrong = np.unravel_index(place, counts.shape)
    print(f"{missed} missed, {wrong} predicted: {counts[missed, wrong]:.0f} scenes")

# %%
# Digits of a scene follow one another, as "3 4 5" do.  Are digits confused that often occur
# together?  Here is the mean of the pairs by their distance on the ring 0, 1, ..., 9, 0.

distance = np.abs(np.subtract.outer(range(10), range(10)))
distance = np.minimum(distance, 10 - distance)
for d in range(1, 6):
    print(f"distance {d}: mean {counts[distance == d].mean():.1f} scenes")

# %%
# Rarely: a missed 5 is taken for a 1, an 8 or a 9, and so is a missed 4.  Neighbors are
# confused least, since a scene with a 3 often has a 4 as well, which is then no mistake.
