"""What `import skmlc` loads and offers."""

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skmlc

ROOT = Path(skmlc.__file__).parents[1]


def run(code):
    """Run code in a new process, which must not fail, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_metrics_and_splits_load_neither_torch_nor_skorch():
    run(
        "import skmlc, skmlc.metrics, skmlc.model_selection, sys\n"
        "from skmlc.metrics import get_scorer\n"
        "assert not {'torch', 'skorch'} & set(sys.modules)"
    )


def test_subpackages_need_no_import_of_their_own():
    printed = run(
        "import skmlc\n"
        "print(skmlc.graphs.CooccurrenceGraph(), skmlc.inspection.label_report.__name__)"
    )
    assert printed == "CooccurrenceGraph() label_report\n"


def test_names_are_listed_and_imported_without_the_compiler_of_torch():
    printed = run(
        "import skmlc, sys\n"
        "assert set(skmlc.__all__) < set(dir(skmlc)) > {'metrics', '__version__'}\n"
        "names = {}\n"
        "exec('from skmlc import *', names)\n"
        "assert set(skmlc.__all__) <= set(names) and 'metrics' not in names\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "print(names['LaMPClassifier'].__name__)"
    )
    assert printed == "LaMPClassifier\n"


def test_a_pickle_needs_no_import():
    model = pickle.dumps(skmlc.KISAR(label_graph="none"))
    assert (
        run(f"import pickle; print(pickle.loads({model!r}))")
        == "KISAR(label_graph='none')\n"
    )


def test_static_tools_read_the_names_that_there_are():
    tree = ast.parse(Path(skmlc.__file__).read_text(encoding="utf-8"))
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level
    ]
    homes = {alias.name: node.module for node in imports for alias in node.names}
    assert homes == skmlc._HOMES
    assert sorted(homes) == sorted(skmlc.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'skmlc' has no attribute 'LampClassifier'"):
        skmlc.LampClassifier  # noqa: B018
    assert not hasattr(skmlc, "__wrapped__")


def test_a_classifier_loads_neither_the_compiler_of_torch_nor_what_few_need():
    run(
        "import sys\n"
        "from skmlc import LaMPClassifier\n"
        "unwanted = {'torch._dynamo', 'torchvision', 'sklearn.neighbors', 'matplotlib'}\n"
        "loaded = unwanted & set(sys.modules)\n"
        "assert not loaded, loaded"
    )


@pytest.mark.slow
def test_a_classifier_costs_hardly_more_than_what_it_is_made_of():
    cost = (
        "\nimport resource\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
    )
    parts, whole = "import torch, skorch, sklearn", "from skmlc import LaMPClassifier"
    costs = [[run(code + cost).split() for code in (parts, whole)] for _ in range(7)]
    of_parts, of_whole = np.array(costs, dtype=float).min(axis=0)
    assert (of_whole <= 1.1 * of_parts).all(), of_whole / of_parts
