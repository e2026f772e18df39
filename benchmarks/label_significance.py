"""Whether recovered label distributions say how much each label describes a bag.

The photographs of MSRC v2 have regions with labels, so that the share of each label in a bag
of regions is known: its share of the regions, or of their area.  The order of the labels of
each training bag is compared with that, pair by pair::

    python benchmarks/label_significance.py --seeds 0 1 2

A region is described by its colors on a grid of 3 x 3 cells, their standard deviations, and
its place and size.  Beside the label distributions stand the classifier's own probabilities
and how often each label holds in all bags; chance is .5.
"""

import argparse

import numpy as np

from skmlc import FLEMClassifier, GLEMIMLClassifier
from skmlc.datasets import load_image_set
from skmlc.inputs import Bags, BagScaler

GRID = 3
METHODS = {
    "GLEMIML": GLEMIMLClassifier(),
    "GLEMIML, rho = .5": GLEMIMLClassifier(rho=0.5),
    "GLEMIML, without the graph of the instances": GLEMIMLClassifier(interaction=None),
    "GLEMIML, without Eq. 5": GLEMIMLClassifier(correlation_weight=0.0),
    "MI-FLEM": FLEMClassifier(),
}
TRAINING = {"max_epochs": 60, "batch_size": 64, "learning_rate": 1e-3}


def describe(image, box):
    """Return the features of a region: colors on a grid, their spread, place and size."""
    left, top, right, bottom = np.round(box).astype(int)
    region = image[top : max(bottom, top + GRID), left : max(right, left + GRID)] / 255
    rows = np.array_split(region, GRID)
    cells = [cell for row in rows for cell in np.array_split(row, GRID, axis=1)]
    colors = np.array([cell.reshape(-1, 3).mean(axis=0) for cell in cells])
    spread = region.reshape(-1, 3).std(axis=0)
    place = np.asarray(box) / max(image.shape[:2])
    return np.concatenate([colors.ravel(), spread, place, place[2:] - place[:2]])


def load_regions(data_home):
    """Return bags of regions, labels, and each label's share of regions and of their area."""
    data = load_image_set("msrc_v2", size="64x64", data_home=data_home)
    bags, shares, areas = [], [], []
    for i, (image, boxes) in enumerate(zip(data.images, data.boxes, strict=True)):
        if len(boxes) == 0:
            continue
        labels = np.eye(data.target.shape[1])[data.box_labels[i]]  # (n_regions, n_labels)
        sizes = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        bags.append(np.array([describe(image, box) for box in boxes]))
        shares.append(labels.mean(axis=0))
        areas.append(sizes @ labels / sizes.sum())
    shares, areas = np.array(shares), np.array(areas)
    return Bags(bags), (shares > 0).astype(int), {"regions": shares, "area": areas}


def ordered_pairs(scores, truth, Y):
    """Return the share of pairs of a bag's labels, unequal in truth, that are in order."""
    right = total = 0.0
    for score, true, labels in zip(scores, truth, Y, strict=True):
        held = np.flatnonzero(labels)
        for k, i in enumerate(held):
            for j in held[:k]:
                if true[i] != true[j]:
                    sign = (score[i] - score[j]) * (true[i] - true[j])
                    right += 0.5 if sign == 0 else float(sign > 0)
                    total += 1
    return right / total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data-home", help="the data folder; SKMLC_DATA if not given")
    args = parser.parse_args()
    X, Y, truths = load_regions(args.data_home)
    X = BagScaler().fit_transform(X)
    print(f"{len(Y)} bags, {int((Y.sum(axis=1) > 1).sum())} with more than one label")
    frequency = np.broadcast_to(Y.mean(axis=0), Y.shape)
    report("how often a label holds", [frequency], truths, Y)
    for name, model in METHODS.items():
        distributions, probabilities = [], []
        for seed in args.seeds:
            model.set_params(**TRAINING, random_state=seed).fit(X, Y)
            distributions.append(model.label_distribution_)
            probabilities.append(model.predict_proba(X))
        report(name, distributions, truths, Y)
        report(f"{name}: the classifier's probabilities", probabilities, truths, Y)


def report(name, scores, truths, Y):
    """Print mean and standard deviation over seeds for both shares."""
    words = []
    for share, truth in truths.items():
        values = [ordered_pairs(s, truth, Y) for s in scores]
        words.append(f"{share} {np.mean(values):.3f} ± {np.std(values):.3f}")
    print(f"{name}: pairs in order by {', by '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
