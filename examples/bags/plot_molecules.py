"""
Which atoms does a label attend to?
===================================

Molecules are graphs: :class:`~skmlc.inputs.MoleculeGraphs` reads SMILES strings with RDKit, and
:class:`~skmlc.LaMPClassifier` passes messages along the bonds before the labels read the atoms.
`explain` says how much each label attends to each atom.

Here the labels are functional groups.  Where they are in a molecule is known, but not told to
the model, so that one can look whether it attends to the right atoms.
"""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D
from sklearn.pipeline import make_pipeline

from skmlc import LaMPClassifier
from skmlc.inputs import MoleculeGraphs
from skmlc.metrics import get_scorer

# %%
# Molecules and their groups
# --------------------------
# Small molecules are a middle with two ends, and RDKit finds the groups in them.  An end is
# written from the outside to the middle, and from the middle to the outside.

MIDDLES = [
    "{}CC{}", "{}CCC{}", "{}CC(C){}", "{}C=CC{}", "{}C1CCC({})CC1", "{}c1ccc({})cc1",
    "{}c1cccc({})c1", "{}c1ccc({})nc1",
]  # fmt: skip
ENDS = {
    "C": "C", "CC": "CC", "F": "F", "Cl": "Cl", "OC(=O)": "C(=O)O", "NC(=O)": "C(=O)N",
    "CC(=O)N": "NC(C)=O", "N#C": "C#N", "CC(=O)": "C(C)=O", "CO": "OC", "N": "N", "O": "O",
}  # fmt: skip
GROUPS = {
    "acid": "C(=O)[OX2H1]",
    "amide": "C(=O)[NX3]",
    "nitrile": "C#N",
    "ether": "[#6;!$(C=O)][OX2][#6;!$(C=O)]",
    "amine": "[NX3;!$(NC=O)]",
    "ketone": "[#6]C(=O)[#6]",
    "halogen": "[F,Cl]",
}
patterns = [Chem.MolFromSmarts(pattern) for pattern in GROUPS.values()]


def find_groups(smiles):
    """Return which atoms belong to each group, of shape (n_groups, n_atoms)."""
    molecule = Chem.MolFromSmiles(smiles)
    found = np.zeros((len(patterns), molecule.GetNumAtoms()), dtype=bool)
    for row, pattern in zip(found, patterns, strict=True):
        row[list(itertools.chain(*molecule.GetSubstructMatches(pattern)))] = True
    return found


parts = itertools.product(MIDDLES, ENDS, ENDS.values())
strings = [middle.format(left, right) for middle, left, right in parts]
# Molecules that were written in two ways are one.
smiles = np.unique([Chem.MolToSmiles(Chem.MolFromSmiles(s)) for s in strings])
smiles = np.random.RandomState(0).permutation(smiles)[:500]
Y = np.array([find_groups(s).any(axis=1) for s in smiles]).astype(int)
X_train, X_test, Y_train, Y_test = smiles[:400], smiles[400:], Y[:400], Y[400:]
print(X_test[:3], Y.mean(axis=0).round(2))

# %%
# A network of atoms
# ------------------
# Two rounds of messages let an atom know what is two bonds away: an oxygen alone does not say
# whether it belongs to an acid, an amide or a ketone.  The linear skip, which reads the mean of
# the atoms, is left out: what the labels know is what they have read by attention.

model = make_pipeline(
    MoleculeGraphs(),
    LaMPClassifier(message_passing=2, linear_skip=False, max_epochs=20, random_state=0),
)
model.fit(X_train, Y_train)
print(f"mAP {get_scorer('mAP')(model, X_test, Y_test):.3f}")

# %%
# Attention and groups
# --------------------
# How much of the attention of a label is on the atoms of its group, in the molecules that have
# it?  Were it spread evenly, it would be the share of these atoms.

network, graphs = model[-1], model[:-1].transform(X_test)
attention = network.explain(graphs).relevance
groups = [find_groups(s) for s in X_test]
for j, name in enumerate(GROUPS):
    having = np.flatnonzero(Y_test[:, j])
    on_group = np.mean([attention[i][j] @ groups[i][j] for i in having])
    even = np.mean([groups[i][j].mean() for i in having])
    print(f"{name:8} {on_group:.2f} of the attention on {even:.2f} of the atoms")

# %%
# Four drugs
# ----------
# They are larger than what the model was trained on.  The darker an atom, the more the label
# attends to it.

DRUGS = {
    "aspirin": ("CC(=O)Oc1ccccc1C(=O)O", "acid"),
    "paracetamol": ("CC(=O)Nc1ccc(O)cc1", "amide"),
    "letrozole": ("N#Cc1ccc(cc1)C(n1cncn1)c1ccc(cc1)C#N", "nitrile"),
    "fluoxetine": ("CNCCC(Oc1ccc(cc1)C(F)(F)F)c1ccccc1", "halogen"),
}


def draw(ax, smiles, weights):
    """Draw a molecule with its atoms colored by their weights."""
    molecule = Chem.MolFromSmiles(smiles)
    colors = plt.get_cmap("Oranges")(0.9 * weights / weights.max())[:, :3]
    atoms = list(range(len(weights)))
    drawer = rdMolDraw2D.MolDraw2DCairo(420, 300)
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, molecule, highlightAtoms=atoms, highlightBonds=[],
        highlightAtomColors={i: tuple(map(float, colors[i])) for i in atoms},
    )  # fmt: skip
    drawer.FinishDrawing()
    ax.imshow(plt.imread(io.BytesIO(drawer.GetDrawingText())))
    ax.axis("off")


strings = [s for s, _ in DRUGS.values()]
probabilities = model.predict_proba(strings)
relevance = network.explain(model[:-1].transform(strings)).relevance
fig, axes = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
for i, (name, (text, label)) in enumerate(DRUGS.items()):
    j = list(GROUPS).index(label)
    draw(axes.flat[i], text, relevance[i][j])
    axes.flat[i].set_title(f"{name}: {label} {probabilities[i, j]:.2f}")
plt.show()
