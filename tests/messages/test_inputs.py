"""Wrong containers and wrong calls of transformers."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skmlc.inputs import (
    BagDistances,
    BagPooling,
    Bags,
    BagScaler,
    Graphs,
    ImageFeatures,
    Images,
    RegionFeatures,
    Sequences,
    TokenSequencer,
    bag_distances,
)
from tests.messages.wrong_calls import BAGS, IMAGES, NARROW, X, check

TWO, FOUR_ROWS = BAGS[:2], np.ones((4, 2))

CONTAINERS = {
    "a number": (lambda: Bags(3), TypeError, ["bags", "list of matrices", "int"]),
    "no bags": (lambda: Bags([]), ValueError, ["bags", "at least one", "none"]),
    "numbers": (lambda: Bags([1.0, 2.0]), ValueError, ["bag 0", "matrix", "()"]),
    "widths": (
        lambda: Bags([np.ones((2, 3)), np.ones((2, 4))]), ValueError, ["bag 0 has 3", "bag 1"],
    ),
    "a row": (lambda: Bags([np.ones((2, 3)), np.ones(3)]), ValueError, ["bag 1", "(3,)"]),
    "empty bag": (
        lambda: Bags([np.ones((2, 3)), np.empty((0, 3))]), ValueError, ["bag 1 is empty"],
    ),
    "text in a bag": (lambda: Bags([[["a"]]]), ValueError, ["bag 0", "real numbers", "<U1"]),
    "boxes": (lambda: Bags(BAGS, np.ones((3, 4))), ValueError, ["boxes", "(72, 4)", "(3, 4)"]),
    "boxes of a bag": (
        lambda: Bags(BAGS, [np.ones((1, 4))] * 24), ValueError, ["boxes", "(2, 4)", "(1, 4)"],
    ),
    "index": (lambda: Bags(BAGS)[30], IndexError, ["30", "24 samples"]),
    "key": (lambda: Bags(BAGS)["a"], IndexError, ["Bags", "boolean mask", "<U1"]),
    "end": (
        lambda: Bags.from_flat(FOUR_ROWS, [0, 2]), ValueError, ["offsets", "end with 4", "2"],
    ),
    "back": (
        lambda: Bags.from_flat(FOUR_ROWS, [0, 3, 2, 4]), ValueError, ["offsets", "decrease"],
    ),
    "no sequences": (lambda: Sequences(5), TypeError, ["sequences", "integer", "int"]),
    "a text": (lambda: Sequences("a text"), TypeError, ["sequences", "str"]),
    "texts": (lambda: Sequences(["a text"]), ValueError, ["sequence 0", "integers", "<U6"]),
    "floats": (lambda: Sequences([[0.5]]), ValueError, ["sequence 0", "integers", "float64"]),
    "negative": (lambda: Sequences([[1, -2]]), ValueError, ["Tokens", ">= 0", "-2"]),
    "vocabulary": (
        lambda: Sequences([[1], [7]], n_tokens=5), ValueError, ["n_tokens", "8", "got 5"],
    ),
    "one edge list": (
        lambda: Graphs(BAGS, [np.array([[0, 1]])]), ValueError, ["edges", "24", "got 1"],
    ),
    "a number of edges": (lambda: Graphs(TWO, 5), TypeError, ["edges", "(2, n_edges)", "int"]),
    "rows of edges": (
        lambda: Graphs(TWO, [[(0, 1)], [(0, 1)]]), ValueError,
        ["edges", "(2, n_edges)", "bag 0", "(1, 2)"],
    ),
    "names of nodes": (
        lambda: Graphs(TWO, [["a", "b"], ["a", "b"]]), ValueError, ["edges", "bag 0", "<U1"],
    ),
    "a path": (lambda: Images("photo.jpg"), TypeError, ["images", "list", "str"]),
    "no images": (lambda: Images([]), ValueError, ["images", "at least one", "none"]),
    "a table": (lambda: Images(np.ones((2, 3))), ValueError, ["images", "height", "(2, 3)"]),
    "missing file": (
        lambda: Images(["none.jpg"]), ValueError, ["images", "'none.jpg'", "No such file"],
    ),
    "channels": (
        lambda: Images(IMAGES, channels="middle"), ValueError, ["channels", "'middle'", "last"],
    ),
    "mixed": (
        lambda: Images([np.ones((3, 8, 8)), "a.jpg"]), TypeError, ["images", "image 1", "path"],
    ),
    "mode": (lambda: Images(["a.jpg"], mode="BGR"), ValueError, ["mode", "'BGR'", "'RGB'"]),
    "broken": (
        lambda: Images(IMAGES, broken="drop"), ValueError, ["broken", "'drop'", "'skip'"],
    ),
    "objects": (
        lambda: Images(IMAGES.astype(object)), ValueError, ["images", "object", "astype"],
    ),
}  # fmt: skip
TRANSFORMERS = {
    "statistic": (
        lambda: BagPooling("median").fit(BAGS), ValueError, ["statistics", "'median'", "mean"],
    ),
    "no statistic": (lambda: BagPooling(()).fit(BAGS), ValueError, ["statistics", "none"]),
    "scaler": (
        lambda: BagScaler("standards").fit(BAGS), ValueError,
        ["scaler", "'standards'", "Did you mean 'standard'?"],
    ),
    "not fitted": (lambda: BagScaler().transform(BAGS), NotFittedError, ["BagScaler", "'fit'"]),
    "width": (
        lambda: BagScaler().fit(BAGS).transform(NARROW), ValueError, ["X has 2", "4 features"],
    ),
    "distance": (
        lambda: BagDistances("maximum").fit(BAGS), ValueError,
        ["metric", "'maximum'", "Did you mean 'max'?"],
    ),
    "widths": (lambda: bag_distances(BAGS, NARROW), ValueError, ["Y", "4 features of X", "2"]),
    "no bags": (lambda: BagPooling().fit([]), ValueError, ["X", "at least one sample"]),
    "one text": (
        lambda: TokenSequencer().fit("one text"), TypeError, ["raw_documents", "list", "str"],
    ),
    "numbers": (lambda: TokenSequencer().fit([1]), TypeError, ["Texts", "text 0", "int"]),
    "no texts": (lambda: TokenSequencer().fit([]), ValueError, ["No token", "empty"]),
    "rare words": (
        lambda: TokenSequencer(min_df=5).fit(["a b"]), ValueError, ["No token", "min_df"],
    ),
    "features": (
        lambda: TokenSequencer(max_features=0).fit(["a"]), ValueError, ["max_features", "0"],
    ),
    "pattern": (
        lambda: TokenSequencer(token_pattern="(").fit(["a"]), ValueError,
        ["token_pattern", "regular expression", "'('"],
    ),
    "backbone": (
        lambda: ImageFeatures("resnet19").fit(IMAGES), ValueError,
        ["backbone", "'resnet19'", "Did you mean 'resnet18'?"],
    ),
    "output": (
        lambda: ImageFeatures("tiny", output="pool").fit(IMAGES), ValueError,
        ["output", "'pool'", "Did you mean 'pooled'?"],
    ),
    "batch size": (
        lambda: ImageFeatures("tiny", batch_size=0).fit(IMAGES), ValueError,
        ["batch_size", "0"],
    ),
    "weights": (
        lambda: ImageFeatures("tiny", weights="none.pth").fit(IMAGES), ValueError,
        ["weights", "'none.pth'", "FileNotFoundError"],
    ),
    "table": (lambda: ImageFeatures("tiny").fit(X), ValueError, ["images", "(24, 4)"]),
    "device": (
        lambda: ImageFeatures("tiny", device="gpu").fit_transform(IMAGES), ValueError,
        ["device", "'gpu'", "'cuda'"],
    ),
    "regions": (
        lambda: RegionFeatures("tiny", regions="tiles").fit(IMAGES), ValueError,
        ["regions", "'tiles'", "'grid'"],
    ),
    "no boxes": (
        lambda: RegionFeatures("tiny").fit_transform(IMAGES), ValueError,
        ["X", "boxes", "regions='grid'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_wrong_container_is_met_with_what_it_must_hold(name):
    check(*CONTAINERS[name])


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_wrong_call_of_a_transformer_says_what_to_do(name):
    check(*TRANSFORMERS[name])
