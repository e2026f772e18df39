"""SMILES strings to graphs of atoms, by RDKit."""

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from ...parameters import ParameterFields
from ..containers import Bags, Graphs
from ..containers.base import offsets_of

__all__ = ["MoleculeGraphs"]

ELEMENTS = ("C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
# What is known of an atom besides its element, in the order of the columns.
PROPERTIES = (
    "neighbors",
    "hydrogens",
    "charge",
    "double bonds",
    "triple bonds",
    "aromatic",
    "in a ring",
    "chiral",
)
N_SHOWN = 5  # of the molecules that cannot be read


# A table of atoms would be meaningless, hence no `set_output`.
class MoleculeGraphs(
    TransformerMixin, ParameterFields, BaseEstimator, auto_wrap_output_keys=None
):
    """Turn molecules into graphs of atoms and bonds.

    Atoms are the instances; bonds are edges, in both directions. Hydrogens are no atoms of
    their own, unless a molecule consists of them. Needs RDKit: ``pip install skmlc[chem]``.

    Parameters
    ----------
    elements : sequence of str, default=("C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
        The symbols of the elements that have a column; all others share one.
    edge_weights : {"order"}, default=None
        With "order", a bond weighs what its order is: 1, 1.5 if aromatic, 2 or 3. None for
        edges without weights.
    unreadable : {"error", "warn"}, default="error"
        What happens where RDKit cannot read a molecule, or finds no atoms in it: an error, or
        a warning and one atom in its place whose features are all zero. Both name the rows.

    See Also
    --------
    Graphs : What the molecules become.

    Notes
    -----
    Nothing is learned in `fit`, so that molecules can be transformed without it.

    The features of an atom are its element, one-hot, and its numbers of neighbors, hydrogens,
    charges, double and triple bonds, whether it is aromatic, in a ring, and a center of
    chirality. So a method learns of the kinds of bonds from the atoms at their ends.

    Examples
    --------
    >>> from skmlc.inputs import MoleculeGraphs
    >>> drugs = ["CC(=O)OC1=CC=CC=C1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"]
    >>> MoleculeGraphs().transform(drugs)  # doctest: +SKIP
    Graphs(n_samples=2, n_features=18, 13-14 instances and 26-30 edges per graph)
    >>> MoleculeGraphs(elements=["C", "N"]).get_feature_names_out()[:4].tolist()
    ['C', 'N', 'other element', 'neighbors']
    """

    elements: Any = ELEMENTS
    edge_weights: Any = None
    unreadable: str = "error"

    _parameter_constraints = {
        "elements": ["array-like"],
        "edge_weights": [StrOptions({"order"}), None],
        "unreadable": [StrOptions({"error", "warn"})],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and that X is a column; nothing is learned.

        Parameters
        ----------
        X : iterable of str
            The molecules, as SMILES; a column of a DataFrame is accepted.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        MoleculeGraphs
            The transformer itself.

        Raises
        ------
        TypeError
            If X is no column.
        ValueError
            If a parameter is not as described.
        """
        _column(X)
        self._element_names()
        return self

    def transform(self, X):
        """Return the graphs of molecules.

        Parameters
        ----------
        X : iterable of str
            The molecules, as SMILES or read by RDKit; a column of a DataFrame is accepted.

        Returns
        -------
        Graphs
            The atoms and bonds of each, in the order in which RDKit has them.

        Raises
        ------
        ImportError
            If RDKit is not installed.
        TypeError
            If X is no column, or a molecule is no string.
        ValueError
            If RDKit cannot read a molecule.
        """
        self._validate_params()  # works without fit
        names = self._element_names()
        _check_elements(names)
        molecules = _read_molecules(X, self.unreadable)
        place = {symbol: j for j, symbol in enumerate(names)}
        atoms = [_read_atoms(molecule, place) for molecule in molecules]
        bonds = [_read_bonds(molecule) for molecule in molecules]
        if self.edge_weights is None:
            bonds = [rows[:, :2] for rows in bonds]
        offsets = offsets_of([len(rows) for rows in atoms])
        return Graphs.from_edge_lists(Bags.from_flat(np.concatenate(atoms), offsets), bonds)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features of an atom.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str of shape (n_features,)
            The elements, and what else is known of an atom.
        """
        names = [*self._element_names(), "other element", *PROPERTIES]
        return np.array(names, dtype=object)

    def _element_names(self):
        """Return the symbols of the elements, each once."""
        names = list(self.elements)
        if not all(isinstance(name, str) for name in names) or len({*names}) < len(names):
            raise ValueError(
                "elements must be symbols of chemical elements, such as 'Cl', each once; got "
                f"{names}."
            )
        return names

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _column(X):
    """Return X as a list of one molecule each."""
    if isinstance(X, str) or not np.iterable(X):
        raise TypeError(
            f"X must be a list of SMILES strings, one per molecule; got {type(X).__name__}."
        )
    shape = getattr(X, "shape", (0,))
    if len(shape) > 1 and shape[1:] != (1,):
        raise ValueError(f"X must be one column of SMILES; got shape {shape}: select one.")
    # Iterating over a DataFrame would give its columns.
    column = list(X) if len(shape) == 1 else np.asarray(X, dtype=object).ravel().tolist()
    if not column:
        raise ValueError("X must hold at least one molecule; got none.")
    return column


def _import_rdkit():
    """Return the module of RDKit that reads molecules."""
    try:
        from rdkit import Chem
    except ImportError as error:
        raise ImportError(
            "RDKit must be installed to read molecules: pip install skmlc[chem]."
        ) from error
    return Chem


def _check_elements(names):
    """Raise an error that names the first symbol of no element."""
    table = _import_rdkit().GetPeriodicTable()
    symbols = {table.GetElementSymbol(number) for number in range(1, 119)}
    unknown = [name for name in names if name not in symbols]
    if unknown:
        raise ValueError(
            f"elements must be symbols of chemical elements; {unknown[0]!r} is none."
        )


def _read_molecules(X, unreadable):
    """Return the molecules of RDKit, None for those that cannot be read."""
    from rdkit import rdBase

    molecules, bad = [], []
    with rdBase.BlockLogs():  # which would be a line per molecule
        for i, entry in enumerate(_column(X)):
            molecule = _read_molecule(entry, i)
            if molecule is None or molecule.GetNumAtoms() == 0:
                bad.append(f"row {i}, {entry!r}")
                molecule = None
            molecules.append(molecule)
    if bad:
        shown = "; ".join(bad[:N_SHOWN]) + ("; ..." if len(bad) > N_SHOWN else "")
        message = f"RDKit cannot read {len(bad)} of {len(molecules)} molecules: {shown}."
        if unreadable == "error":
            raise ValueError(f"{message} unreadable='warn' would put an empty atom there.")
        warnings.warn(f"{message} An empty atom is in their place.", stacklevel=3)
    return molecules


def _read_molecule(entry, i):
    """Return a molecule of RDKit; None if it is a string that cannot be read."""
    chem = _import_rdkit()
    if isinstance(entry, chem.Mol):
        return entry
    if not isinstance(entry, str):
        raise TypeError(
            "X must hold molecules as SMILES strings; row "
            f"{i} is of type {type(entry).__name__}: {entry!r}."
        )
    return chem.MolFromSmiles(entry)


def _read_atoms(molecule, place):
    """Return the features of all atoms of a molecule, (n_atoms, n_features)."""
    n_elements = len(place) + 1
    if molecule is None:
        return np.zeros((1, n_elements + len(PROPERTIES)), dtype=np.float32)
    atoms = molecule.GetAtoms()
    features = np.zeros((len(atoms), n_elements + len(PROPERTIES)), dtype=np.float32)
    for row, atom in zip(features, atoms):
        row[place.get(atom.GetSymbol(), len(place))] = 1
        orders = [bond.GetBondTypeAsDouble() for bond in atom.GetBonds()]
        row[n_elements:] = (
            atom.GetDegree(),
            atom.GetTotalNumHs(),
            atom.GetFormalCharge(),
            orders.count(2),
            orders.count(3),
            atom.GetIsAromatic(),
            atom.IsInRing(),
            atom.GetChiralTag() != 0,
        )
    return features


def _read_bonds(molecule):
    """Return the two ends of each bond of a molecule, and its order, (n_bonds, 3)."""
    if molecule is None:
        return np.empty((0, 3))
    bonds = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondTypeAsDouble())
        for bond in molecule.GetBonds()
    ]
    return np.array(bonds).reshape(-1, 3)
