"""
What LaMP predicts on its way
=============================

:class:`~skmlc.LaMPClassifier` reads a sample in steps: in each the labels first attend to the
sample, then to each other.  `explain` has the probabilities after every half of a step, and
:class:`~skmlc.inspection.IntermediatePredictionDisplay` draws them: state "1.1" has read the
sample once, state "1.2" has received from the other labels as well, and so on.

Samples are scenes of faint, noisy digits that follow one another, as "3 4 5" do.
"""

import matplotlib.pyplot as plt
import numpy as np

from skmlc import LaMPClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inspection import IntermediatePredictionDisplay
from skmlc.metrics import mean_average_precision

hard = {"faint": 1, "noise": 0.2}
train = load_digit_scenes(2000, **hard)
test = load_digit_scenes(800, subset="test", **hard)

# %%
# Two networks
# ------------
# `intermediate_loss` says how much the loss counts the earlier states; without it they need not
# be predictions.

training = {"hidden_size": 32, "max_epochs": 10, "learning_rate": 4e-3, "random_state": 0}
models = {
    loss: LaMPClassifier(
        "conditional_probability", n_steps=2, intermediate_loss=loss, **training
    ).fit(train.bags, train.target)
    for loss in (0.2, 0.0)
}
explanations = {loss: model.explain(test.bags) for loss, model in models.items()}
print("mAP at state" + " " * 10 + "     1.1     1.2     2.1     2.2")
for loss, explanation in explanations.items():
    states = explanation.details.intermediate_probabilities.values()
    scores = [mean_average_precision(test.target, state) for state in states]
    print(f"intermediate_loss={loss:<4}" + "".join(f"{score:8.3f}" for score in scores))

# %%
# Each state is better than the one before.  Without the loss of intermediate states the first
# ones are worse, and the last is as good.
#
# One scene
# ---------
# The first test scene of three digits, by the network with an intermediate loss.

scene = int(np.flatnonzero(test.bags.lengths == 3)[0])
figure, (left, right) = plt.subplots(
    1, 2, figsize=(8, 4), width_ratios=[1, 1.6], layout="constrained"
)
left.imshow(test.images[scene], cmap="gray_r")
left.set_title(f"true: {np.flatnonzero(test.target[scene])}")
left.axis("off")
IntermediatePredictionDisplay.from_explanation(explanations[0.2], sample=scene, ax=right)
plt.show()
