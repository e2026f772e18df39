"""MoleculeGraphs: SMILES to atoms and bonds, against what is known of small molecules."""

import builtins
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_param_validation,
    check_parameters_default_constructible,
)

from skmlc import LaMPClassifier, load, save
from skmlc.inputs import Graphs, MoleculeGraphs

try:
    from rdkit import Chem
except ImportError:
    Chem = None
needs_rdkit = pytest.mark.skipif(Chem is None, reason="needs the extra chem: RDKit")

ACETIC_ACID = "CC(=O)O"
SMILES = [ACETIC_ACID, "C#N", "c1ccccc1[C@H](F)Cl", "[NH4+].[Na+]", "O"] * 4
NAMES = [
    *["C", "N", "O", "F", "P", "S", "Cl", "Br", "I", "other element", "neighbors"],
    *["hydrogens", "charge", "double bonds", "triple bonds", "aromatic", "in a ring"],
    "chiral",
]


def table_of(graph):
    """Return the features of the atoms of one molecule by name."""
    return pd.DataFrame(graph.instances, columns=MoleculeGraphs().get_feature_names_out())


def test_features_have_names():
    assert MoleculeGraphs().get_feature_names_out().tolist() == NAMES
    few = MoleculeGraphs(elements=["Se"]).get_feature_names_out()
    assert few.tolist() == ["Se", *NAMES[9:]]


@needs_rdkit
def test_acetic_acid_is_as_drawn():
    X = MoleculeGraphs(edge_weights="order").transform([ACETIC_ACID])
    assert X.shape == (1, len(NAMES))
    bonds = dict(zip(zip(*X.edges.tolist()), X.edge_weights.tolist(), strict=True))
    one_way = {(0, 1): 1, (1, 2): 2, (1, 3): 1}
    assert bonds == {**one_way, **{(b, a): w for (a, b), w in one_way.items()}}
    atoms = table_of(X)
    assert atoms["C"].tolist() == [1, 1, 0, 0]
    assert atoms["O"].tolist() == [0, 0, 1, 1]
    assert atoms["neighbors"].tolist() == [1, 3, 1, 1]
    assert atoms["hydrogens"].tolist() == [3, 0, 0, 1]
    assert atoms["double bonds"].tolist() == [0, 1, 1, 0]
    rest = atoms.drop(columns=["C", "O", "neighbors", "hydrogens", "double bonds"])
    assert not rest.to_numpy().any()


@needs_rdkit
def test_rings_charges_triple_bonds_and_other_elements_are_seen():
    _, cyanide, ring, salt, water = list(MoleculeGraphs().transform(SMILES[:5]))
    assert table_of(cyanide)["triple bonds"].tolist() == [1, 1]
    ring = table_of(ring)
    assert ring["aromatic"].tolist() == ring["in a ring"].tolist() == [1] * 6 + [0] * 3
    assert ring["chiral"].tolist() == [0] * 6 + [1, 0, 0]
    salt = table_of(salt)
    assert salt["charge"].tolist() == [1, 1]
    assert salt["N"].tolist() == [1, 0]
    assert salt["other element"].tolist() == [0, 1]  # sodium
    assert water.edges.shape == (2, 0)
    assert water.edge_weights is None


@needs_rdkit
def test_aromatic_bonds_weigh_one_and_a_half():
    X = MoleculeGraphs(edge_weights="order").transform(["c1ccccc1"])
    np.testing.assert_array_equal(X.edge_weights, [1.5] * 12)


@needs_rdkit
def test_every_form_of_a_column_is_read():
    expected = MoleculeGraphs().transform(SMILES)
    forms = [
        tuple(SMILES), np.array(SMILES), np.array(SMILES, dtype=object)[:, None],
        pd.Series(SMILES), pd.Series(SMILES, dtype="string"), pd.DataFrame({"smiles": SMILES}),
        iter(SMILES), [Chem.MolFromSmiles(s) for s in SMILES],
    ]  # fmt: skip
    for form in forms:
        assert MoleculeGraphs().transform(form) == expected


UNREADABLE = ["C", "no molecule", "", "C(", "CC"]


@needs_rdkit
def test_unreadable_molecules_are_named(capfd):
    named = r"3 of 5 molecules: row 1, 'no molecule'; row 2, ''; row 3, 'C\('"
    with pytest.raises(ValueError, match=named):
        MoleculeGraphs().transform(UNREADABLE)
    with pytest.warns(UserWarning, match=named):
        X = MoleculeGraphs(unreadable="warn").transform(UNREADABLE)
    assert X.lengths.tolist() == [1, 1, 1, 1, 2]
    assert not X[1:4].instances.any()
    with pytest.raises(ValueError, match=r"row 4, 'x'; \.\.\.\. unreadable='warn'"):
        MoleculeGraphs().transform(["x"] * 9)
    assert capfd.readouterr().err == ""  # RDKit's own messages are held back


@needs_rdkit
@pytest.mark.parametrize(
    "X, error, message",
    [
        ("CCO", TypeError, "X must be a list of SMILES strings.*got str"),
        (5, TypeError, "got int"),
        (["C", None], TypeError, "row 1 is of type NoneType: None"),
        (pd.Series(["C", np.nan]), TypeError, "row 1 is of type float: nan"),
        (np.array([["C", "C"]]), ValueError, r"one column of SMILES; got shape \(1, 2\)"),
        ([], ValueError, "at least one molecule"),
    ],
)
def test_what_is_no_column_of_molecules_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        MoleculeGraphs().transform(X)


@needs_rdkit
def test_elements_are_checked():
    with pytest.raises(ValueError, match="'CL' is none"):
        MoleculeGraphs(elements=["C", "CL"]).transform(["C"])
    for elements in (["C", "C"], ["C", 5]):
        with pytest.raises(ValueError, match="each once; got"):
            MoleculeGraphs(elements=elements).fit(["C"])


def test_without_rdkit_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("rdkit"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    model = MoleculeGraphs().fit(SMILES)
    with pytest.raises(ImportError, match=r"pip install skmlc\[chem\]"):
        model.transform(SMILES)


@needs_rdkit
def test_molecules_go_through_a_pipeline_and_come_back_from_a_file(tmp_path):
    Y = np.array([["O" in s, "c" in s] for s in SMILES]).astype(int)
    classifier = LaMPClassifier(
        message_passing=1, hidden_size=8, max_epochs=2, random_state=0
    )
    model = make_pipeline(MoleculeGraphs(edge_weights="order"), classifier).fit(SMILES, Y)
    expected = model.predict_proba(SMILES)
    assert expected.shape == (20, 2)
    save(model, tmp_path / "model.skmlc")
    loaded = load(tmp_path / "model.skmlc")
    np.testing.assert_array_equal(loaded.predict_proba(SMILES), expected)
    folds = cross_val_predict(clone(model), SMILES, Y, cv=2, method="predict_proba")
    assert folds.shape == (20, 2)
    atoms = model[-1].explain(model[:-1].transform([ACETIC_ACID])).relevance[0]
    assert atoms.shape == (2, 4)


@needs_rdkit
def test_nothing_is_learned():
    assert MoleculeGraphs().fit(SMILES[:1]).transform(SMILES) == MoleculeGraphs().transform(
        SMILES
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(MoleculeGraphs().fit_transform(SMILES), Graphs)


@pytest.mark.parametrize(
    "check", [check_parameters_default_constructible, check_param_validation]
)
def test_parameters_follow_scikit_learn(check):
    check("MoleculeGraphs", MoleculeGraphs())
