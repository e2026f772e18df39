"""Valid files of arrays, tables of numbers, word vectors and edges, for the campaigns."""

import bz2
import gzip
import json
import lzma

import numpy as np
from scipy import sparse
from scipy.io import savemat
from sklearn.datasets import dump_svmlight_file

from skmlc.datasets import load_bags, load_multilabel
from skmlc.graphs import read_edge_list
from skmlc.graphs.vector_files import read_vectors
from tests.campaigns.forms import Format, check_bunch

NAMES = ["cat", "dog", "cow", "bird"]
_RNG = np.random.default_rng(0)
X = sparse.random(12, 9, density=0.3, format="csr", random_state=0)
Y = (_RNG.random((12, 4)) < 0.4).astype(np.uint8)
META = {
    "name": "toy",
    "label_names": NAMES,
    "feature_names": [f"f{i}" for i in range(9)],
    "splits": {"train": [0, 8], "test": [8, 12]},
    "label_graph": {"edges_parent_child": [[0, 1], [1, 2]]},
}
BAGS = [_RNG.normal(size=(n, 3)).round(3) for n in (2, 1, 4, 3)]
LABELS = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
VECTORS = {name: _RNG.normal(size=5).round(4) for name in NAMES}


def _folder(damaged, **saving):
    """Return a writer of a folder, of which one file is to be damaged."""

    def write(folder):
        sparse.save_npz(folder / "X.npz", X, **saving)
        sparse.save_npz(folder / "Y.npz", sparse.csr_matrix(Y), **saving)
        (folder / "meta.json").write_text(json.dumps(META))
        with gzip.open(folder / "data.jsonl.gz", "wt") as file:
            for i, row in enumerate(Y):
                labels = [NAMES[label] for label in np.flatnonzero(row)]
                file.write(json.dumps({"text": f"text {i}", "labels": labels}) + "\n")
        return folder / damaged

    return write


def _read_folder(representation):
    return lambda path: check_bunch(
        load_multilabel(path.parent, representation=representation)
    )


def _other_sparse(kind):
    """Return a writer of a folder whose features are in another sparse format."""

    def write(folder):
        path = _folder("X.npz")(folder)
        sparse.save_npz(path, X.asformat(kind))
        return path

    return write


def _texts(folder):
    path = _folder("data.jsonl.gz")(folder)
    (folder / "Y.npz").unlink()
    return path


def _bags_npz(save):
    def write(folder):
        save(
            folder / "bags.npz",
            X=np.concatenate(BAGS),
            offsets=np.cumsum([0, 2, 1, 4, 3]),
            Y=LABELS,
            label_names=["a", "b"],
            bag_ids=["w", "x", "y", "z"],
            split80=[True, False, True, True],
        )
        return folder / "bags.npz"

    return write


def _bags_mat(is_sparse=False, **saving):
    def write(folder):
        cells = np.empty((len(BAGS), 1), dtype=object)
        for i, bag in enumerate(BAGS):
            cells[i, 0] = sparse.csc_matrix(bag) if is_sparse else bag
        target = 2 * LABELS.T - 1
        target = sparse.csc_matrix(LABELS.T, dtype=float) if is_sparse else target
        savemat(folder / "bags.mat", {"bags": cells, "targets": target}, **saving)
        return folder / "bags.mat"

    return write


def _svmlight(name, pack=bytes, **dumping):
    def write(folder):
        with open(folder / "plain", "wb") as file:
            labels = sparse.csr_matrix(Y, dtype=float)
            dump_svmlight_file(X, labels, file, multilabel=True, **dumping)
        (folder / name).write_bytes(pack((folder / "plain").read_bytes()))
        (folder / "plain").unlink()
        return folder / name

    return write


def _repository(folder):
    """Write as the Extreme Classification Repository does: sizes first, all from zero."""
    path = _svmlight("toy.txt")(folder)
    path.write_bytes(b"12 9 4\n" + path.read_bytes())
    return path


def _vector_lines(header):
    lines = [f"{name} {' '.join(map(str, vector))}" for name, vector in VECTORS.items()]
    return "\n".join([f"{len(VECTORS)} 5"] * header + lines).encode() + b"\n"


def _vectors(name, header, pack=bytes):
    def write(folder):
        (folder / name).write_bytes(pack(_vector_lines(header)))
        return folder / name

    return write


def _vectors_binary(folder):
    entries = [
        f"{name} ".encode() + v.astype("<f4").tobytes() for name, v in VECTORS.items()
    ]
    (folder / "vectors.bin").write_bytes(b"4 5\n" + b"".join(entries))
    return folder / "vectors.bin"


def _edges(separator, name):
    def write(folder):
        rows = [("cat", "dog", "0.5"), ("cow", "cat", "2"), ("bird", "dog", "1.25")]
        lines = ["# edges"] + [separator.join(row) for row in rows]
        (folder / name).write_text("\n".join(lines) + "\n")
        return folder / name

    return write


def _read_edges(path):
    adjacency = read_edge_list(path, NAMES, unknown="ignore")
    adjacency.check_format(full_check=True)
    assert np.isfinite(adjacency.data).all()
    assert abs(adjacency - adjacency.T).nnz == 0


def _read_vectors(path):
    vectors, size = read_vectors(path, NAMES)
    assert all(vector.shape == (size,) for vector in vectors.values())
    assert all(np.isfinite(vector).all() for vector in vectors.values())


def _read_bunch(path):
    check_bunch(load_multilabel(path))


def _read_bags(path):
    check_bunch(load_bags(path))


FORMATS = [
    Format("folder X.npz", _folder("X.npz"), _read_folder("features")),
    Format(
        "folder X.npz stored", _folder("X.npz", compressed=False), _read_folder("features")
    ),
    *(
        Format(f"folder X.npz {kind}", _other_sparse(kind), _read_folder("features"))
        for kind in ("csc", "coo", "bsr", "dia")
    ),
    Format("folder Y.npz", _folder("Y.npz"), _read_folder("features")),
    Format("folder meta.json", _folder("meta.json"), _read_folder("features")),
    Format("folder texts", _texts, _read_folder("text")),
    Format("bags.npz", _bags_npz(np.savez_compressed), _read_bags),
    Format("bags.npz stored", _bags_npz(np.savez), _read_bags),
    Format("bags.mat", _bags_mat(), _read_bags),
    Format("bags.mat compressed", _bags_mat(do_compression=True), _read_bags),
    Format("bags.mat sparse", _bags_mat(is_sparse=True), _read_bags),
    Format("svmlight", _svmlight("toy.svm"), _read_bunch),
    Format(
        "svmlight with all",
        _svmlight("toy.svm", zero_based=False, comment="toy", query_id=np.arange(12)),
        _read_bunch,
    ),
    Format("svmlight.gz", _svmlight("toy.svm.gz", gzip.compress), _read_bunch),
    Format("svmlight.bz2", _svmlight("toy.svm.bz2", bz2.compress), _read_bunch),
    Format("svmlight.xz", _svmlight("toy.svm.xz", lzma.compress), _read_bunch),
    Format("svmlight with sizes", _repository, _read_bunch),
    Format("GloVe", _vectors("vectors.txt", header=False), _read_vectors),
    Format("GloVe.gz", _vectors("vectors.txt.gz", False, gzip.compress), _read_vectors),
    Format("word2vec text", _vectors("vectors.vec", header=True), _read_vectors),
    Format("word2vec binary", _vectors_binary, _read_vectors),
    Format("edges, tabs", _edges("\t", "edges.tsv"), _read_edges),
    Format("edges, commas", _edges(",", "edges.csv"), _read_edges),
    Format("edges, spaces", _edges(" ", "edges.txt"), _read_edges),
]
