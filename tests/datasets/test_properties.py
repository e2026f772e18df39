"""Files of random data, written as their formats say, are read as they were written.

The writers are SciPy's, scikit-learn's and Python's own, or stand here and share nothing with
the readers.
"""

import csv
import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import quoteattr

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.io import savemat
from sklearn.datasets import dump_svmlight_file

from skmlc.datasets import load_bags, load_image_set, load_multilabel
from skmlc.datasets.arff import read_arff
from skmlc.datasets.label_columns import read_label_xml

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(
    st.sampled_from("ab1 '\"%,\\{}?\t\n\r#;|é中\x85") | st.characters(codec="utf-8")
)
seeds = st.integers(0, 2**32 - 1)


def target(draw, n, n_labels=4):
    """Draw a matrix of labels, some rows of which are often empty."""
    rows = st.lists(st.booleans(), min_size=n_labels, max_size=n_labels)
    return np.array(draw(st.lists(rows, min_size=n, max_size=n)), dtype=int).reshape(n, -1)


# svmlight -------------------------------------------------------------------------------------


@st.composite
def sparse_rows(draw, n_features=6):
    """Draw labels (N, L) and rows of features by their columns."""
    n = draw(st.integers(1, 6))
    entries = st.dictionaries(st.integers(0, n_features - 1), numbers.filter(bool))
    return target(draw, n), draw(st.lists(entries, min_size=n, max_size=n))


def dense(rows, n_features=6):
    """Return rows of features as a matrix."""
    X = np.zeros((len(rows), n_features))
    for row, entries in enumerate(rows):
        for column, value in entries.items():
            X[row, column] = value
    return X


@given(
    drawn=sparse_rows(), first=st.integers(0, 1), sizes=st.booleans(), noise=st.booleans()
)
def test_svmlight_files_written_by_hand(drawn, first, sizes, noise):
    Y, rows = drawn
    first = 0 if sizes else first
    lines = [f"{len(Y)} 6 4"] * sizes
    for labels, entries in zip(Y, rows):
        line = ",".join(map(str, np.flatnonzero(labels)))
        line += "".join(f" {j + first}:{value!r}" for j, value in sorted(entries.items()))
        lines += ["# between"] * noise + [
            f"{line or ' '}{' # behind' * (noise and line != '')}"
        ]
    with TemporaryDirectory() as folder:
        path = Path(folder, "toy.txt.gz")
        path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
        options = {} if sizes else {"n_features": 6, "labels": 4, "zero_based": first == 0}
        bunch = load_multilabel(path, **options)
    np.testing.assert_array_equal(bunch.data.toarray(), dense(rows))
    np.testing.assert_array_equal(bunch.target.toarray(), Y)


@given(drawn=sparse_rows(), zero_based=st.booleans(), comment=st.booleans())
def test_svmlight_files_written_by_scikit_learn(drawn, zero_based, comment):
    Y, rows = drawn
    X = dense(rows).clip(-1e300, 1e300)
    X = np.vectorize(lambda x: float(f"{x:.16g}"))(X)  # it writes as many digits
    with TemporaryDirectory() as folder:
        path = Path(folder, "toy.svm")
        dump_svmlight_file(
            X, sparse.csr_matrix(Y, dtype=float), str(path), multilabel=True,
            zero_based=zero_based, comment="of this test" if comment else None,
        )  # fmt: skip
        base = "auto" if comment else zero_based
        bunch = load_multilabel(path, n_features=6, labels=4, zero_based=base)
    np.testing.assert_array_equal(bunch.data.toarray(), X)
    np.testing.assert_array_equal(bunch.target.toarray(), Y)


# ARFF -----------------------------------------------------------------------------------------


def quoted(text, mark):
    """Return a text between quotation marks, as Weka writes it."""
    escapes = {"\\": "\\\\", mark: "\\" + mark, "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return mark + "".join(escapes.get(character, character) for character in text) + mark


@st.composite
def tables(draw):
    """Draw names and kinds of columns, and rows of None, floats, texts or places of values."""
    kinds = draw(
        st.lists(st.sampled_from(["number", "digits", "words", "text"]), min_size=1)
    )
    names = draw(st.lists(texts, min_size=len(kinds), max_size=len(kinds), unique=True))
    columns, cells = [], []
    for name, kind in zip(names, kinds):
        values = []
        if kind in ("digits", "words"):
            some = (
                st.integers(-5, 99).map(str)
                if kind == "digits"
                else texts.map("v{}".format)
            )
            values = draw(st.lists(some, min_size=1, max_size=4, unique=True))
        columns.append((name, kind, values))
        of_values = st.integers(0, max(len(values) - 1, 0))
        one = {"number": numbers, "text": texts}.get(kind, of_values)
        cells.append(st.none() | one)
    return columns, draw(st.lists(st.tuples(*cells), max_size=5))


def write_arff(columns, rows, mark, is_sparse):
    """Return the text of a file."""
    lines = [f"@RELATION {quoted('a b', mark)}", "% by hand", ""]
    for name, kind, values in columns:
        listed = ",".join(quoted(value, mark) for value in values)
        kind = {"number": "numeric", "text": "string"}.get(kind, f"{{{listed}}}")
        lines.append(f"@attribute {quoted(name, mark)} {kind}")
    lines.append("@data")
    for row in rows:
        cells = {}
        for place, (cell, (_, kind, values)) in enumerate(zip(row, columns)):
            if is_sparse and cell == 0 and kind != "text":
                continue  # a number, or the first of the values
            word = repr(cell) if kind == "number" else None
            word = quoted(values[cell], mark) if values and cell is not None else word
            word = quoted(cell, mark) if kind == "text" and cell is not None else word
            cells[place] = "?" if cell is None else word
        line = ", ".join(f"{i} {word}" for i, word in cells.items())
        lines.append(f"{{{line}}}" if is_sparse else ",".join(cells.values()))
    return "\n".join([*lines, ""])


def coded(cell, kind, values):
    """Return the number that stands for a cell in the matrix."""
    if kind == "text":
        return 0
    if cell is None:
        return np.nan
    return float(values[cell]) if kind == "digits" else float(cell)


@given(table=tables(), mark=st.sampled_from("'\""), is_sparse=st.booleans())
def test_arff_files_written_by_hand(table, mark, is_sparse):
    columns, rows = table
    with TemporaryDirectory() as folder:
        path = Path(folder, "toy.arff")
        path.write_bytes(write_arff(columns, rows, mark, is_sparse).encode())
        data = read_arff(path)
    assert data.relation == "a b"
    assert [attribute.name for attribute in data.attributes] == [
        name for name, *_ in columns
    ]
    assert [list(attribute.values) for attribute in data.attributes] == [
        values for *_, values in columns
    ]
    expected = [
        [coded(cell, kind, values) for cell, (_, kind, values) in zip(row, columns)]
        for row in rows
    ]
    expected = np.array(expected, dtype=float).reshape(len(rows), len(columns))
    np.testing.assert_array_equal(data.matrix.toarray(), expected)
    for place, (_, kind, _) in enumerate(columns):
        if kind == "text":
            assert data.strings[place] == [row[place] for row in rows]


# XML ------------------------------------------------------------------------------------------

written = st.characters(exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from(
    "<>&\"'\n\t"
)
trees = st.recursive(
    st.just([]),
    lambda inner: st.lists(st.tuples(st.text(written), inner), max_size=3),
    max_leaves=8,
)


def walk(tree, parent=None):
    """Yield the name of each label and that of its parent."""
    for name, inner in tree:
        yield name, parent
        yield from walk(inner, name)


def write_xml(tree):
    """Return the elements of labels."""
    return "".join(
        f"<label name={quoteattr(name)}>{write_xml(inner)}</label>\n"
        for name, inner in tree
    )


@given(tree=trees.filter(bool))
def test_lists_of_labels_in_xml(tree):
    start = '<?xml version="1.0" encoding="utf-8"?>\n<labels xmlns="http://mulan">'
    with TemporaryDirectory() as folder:
        path = Path(folder, "toy.xml")
        path.write_bytes(f"{start}{write_xml(tree)}</labels>".encode())
        names, edges = read_label_xml(path)
    assert names == [name for name, _ in walk(tree)]
    assert edges == [(parent, name) for name, parent in walk(tree) if parent is not None]


# Tables of photographs ------------------------------------------------------------------------

words = st.text("abcé ", min_size=1).filter(lambda text: text == text.strip())


@given(data=st.data(), n=st.integers(1, 5))
def test_tables_of_photographs_with_a_column_for_each_label(data, n):
    names = texts.map(str.strip).filter(bool)
    names = data.draw(st.lists(names, min_size=1, max_size=4, unique=True))
    Y = target(data.draw, n, len(names))
    with TemporaryDirectory() as folder:
        files = [Path(folder, f"{i}.png") for i in range(n)]
        with open(Path(folder, "toy.csv"), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(["file", *names])
            for path, row in zip(files, Y.tolist()):
                path.touch()
                csv.writer(file).writerow([path.name, *row])
        bunch = load_image_set(Path(folder, "toy.csv"))
        assert bunch.images == [str(path) for path in files]
    assert bunch.target_names == names
    np.testing.assert_array_equal(bunch.target, Y)


@given(sets=st.lists(st.sets(words), min_size=1), mark=st.sampled_from("|;,"))
def test_tables_of_photographs_with_a_list_of_labels(sets, mark):
    sets[0] |= {"first", "second"}  # so that the mark is used
    with TemporaryDirectory() as folder:
        with open(Path(folder, "toy.tsv"), "w", newline="", encoding="utf-8") as file:
            write = csv.writer(file, delimiter="\t").writerow
            write(["file", "labels"])
            for i, labels in enumerate(sets):
                Path(folder, f"{i}.png").touch()
                write([f"{i}.png", mark.join(labels)])
        bunch = load_image_set(Path(folder, "toy.tsv"))
    assert bunch.target_names == sorted(set().union(*sets))
    for row, labels in zip(bunch.target, sets):
        assert {bunch.target_names[j] for j in np.flatnonzero(row)} == labels


# Arrays ---------------------------------------------------------------------------------------


@st.composite
def bags(draw):
    """Draw bags of one kind of numbers, and their labels."""
    kind = draw(st.sampled_from([np.float64, np.float32, np.int16, np.uint8]))
    rng = np.random.default_rng(draw(seeds))
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    values = [(100 * rng.random((size, 3))).astype(kind) for size in sizes]
    return values, target(draw, len(sizes))


@given(drawn=bags(), compressed=st.booleans())
def test_bags_in_npz_files(drawn, compressed):
    values, Y = drawn
    with TemporaryDirectory() as folder:
        path = Path(folder, "toy.npz")
        save = np.savez_compressed if compressed else np.savez
        offsets = np.cumsum([0, *map(len, values)])
        save(path, X=np.concatenate(values), offsets=offsets, Y=Y)
        check_bags(load_bags(path), values, Y)


@given(
    drawn=bags(), compressed=st.booleans(), is_sparse=st.booleans(), column=st.booleans()
)
def test_bags_in_mat_files(drawn, compressed, is_sparse, column):
    values, Y = drawn
    cells = np.empty((len(values), 1) if column else (1, len(values)), dtype=object)
    for place, bag in enumerate(values):
        cells.flat[place] = sparse.csc_matrix(bag, dtype=float) if is_sparse else bag
    content = {"bags": cells, "targets": 2 * Y.T - 1}
    with TemporaryDirectory() as folder:
        path = Path(folder, "toy.mat")
        savemat(path, content, do_compression=compressed)
        check_bags(load_bags(path), values, Y)


def check_bags(bunch, values, Y):
    """Check that bags and labels are those that were written."""
    assert len(bunch.data) == len(values)
    for bag, expected in zip(bunch.data, values):
        np.testing.assert_array_equal(bag, expected)
    np.testing.assert_array_equal(bunch.target, Y)


@given(
    drawn=sparse_rows(),
    kind=st.sampled_from(["csr", "csc", "coo", "bsr"]),
    is_array=st.booleans(),
)
def test_folders_of_sparse_matrices(drawn, kind, is_array):
    Y, rows = drawn
    X = dense(rows).clip(-1e30, 1e30).astype(np.float32)
    make = sparse.csr_array if is_array else sparse.csr_matrix
    with TemporaryDirectory() as folder:
        for name, values in [("X", X), ("Y", Y)]:
            sparse.save_npz(Path(folder, f"{name}.npz"), make(values).asformat(kind))
        meta = {"label_names": list("abcd"), "splits": {"train": [0, 1]}}
        Path(folder, "meta.json").write_text(json.dumps(meta))
        bunch = load_multilabel(folder)
    np.testing.assert_array_equal(bunch.data.toarray(), X)
    np.testing.assert_array_equal(bunch.target.toarray(), Y)
