"""The documentation: every public name is in the reference, and broken links are found."""

import importlib
import importlib.util
import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import skmlc

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# What `skmlc.nn.losses` offers beyond the losses to pass as `loss`, for authors.
NOT_LISTED = {"LOSSES", "LabelLoss"}
INTERNAL = {"skmlc.baselines"}  # its names are those of `skmlc`


def _load(path):
    """Import a script of the documentation."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _public_names():
    folder = Path(skmlc.__file__).parent
    packages = ["skmlc", *(f"skmlc.{p.parent.name}" for p in folder.glob("*/__init__.py"))]
    for package in [*packages, "skmlc.exceptions", "skmlc.parameters", "skmlc.nn.losses"]:
        if package not in INTERNAL:
            names = getattr(importlib.import_module(package), "__all__", [])
            yield from (f"{package}.{name}" for name in names if name not in NOT_LISTED)


def _listed_names():
    """Give the names in the summaries of the reference, in full."""
    for page in sorted((DOCS / "api").glob("*.rst")):
        module = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if match := re.fullmatch(r"\.\. automodule:: (\S+)", line):
                module = match[1] + "."
            elif match := re.fullmatch(r"   (~)?([\w.]+)", line):
                yield match[2] if match[1] else module + match[2]


def test_every_public_name_is_in_the_reference_once():
    assert Counter(_listed_names()) == Counter(_public_names())


def test_links_of_the_readme_are_whole_as_they_are_shown_elsewhere_too():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r'\]\((\S+?)\)|^\[\S+\]: (\S+)$|src="(\S+)"', text, re.MULTILINE)
    targets = ["".join(target) for target in targets]
    assert len(targets) > 15
    for target in targets:
        assert target.startswith(("https://", "#"))
        _, ours, path = target.partition("skmlc/skmlc/")
        if ours:
            assert (ROOT / path.removeprefix("blob/").removeprefix("main/")).exists(), (
                target
            )
    keys = re.findall(r"\]\[(\w+)\]", text)
    assert set(keys) == set(re.findall(r"^\[(\w+)\]: ", text, re.MULTILINE))


def test_every_page_of_the_reference_is_linked_from_its_start():
    start = (DOCS / "api.rst").read_text(encoding="utf-8")
    for page in (DOCS / "api").glob("*.rst"):
        assert f"   api/{page.stem}\n" in start
        assert f":doc:`api/{page.stem}`" in start


def _write_site(folder, body, titles=("A", "B")):
    (folder / "b").mkdir()
    (folder / "a.html").write_text(body)
    (folder / "b" / "c.html").write_text('<h1 id="here">c</h1><a name="old"></a>')
    index = {"docnames": ["a", "b/c"], "titles": titles}
    (folder / "searchindex.js").write_text(f"Search.setIndex({json.dumps(index)})")


LINKS = {
    "b/c.html": True,
    "b/c.html#here": True,
    "b/c.html#old": True,
    "b/c.html#there": False,
    "c.html": False,
    "#": True,
    "#own": True,
    "#other": False,
    "searchindex.js": True,
    "https://example.org/none": True,
    "mailto:a@example.org": True,
}


@pytest.mark.parametrize("link", LINKS)
def test_links_that_lead_nowhere_are_found(link, tmp_path):
    _write_site(tmp_path, f'<p id="own"><a href="{link}">x</a></p>')
    expected = [] if LINKS[link] else [f"a.html: {link}"]
    assert _load(DOCS / "check_links.py").broken_links(tmp_path) == expected


def test_pictures_that_are_missing_are_found(tmp_path):
    _write_site(tmp_path, '<img src="_images/none.png">')
    found = _load(DOCS / "check_links.py").broken_links(tmp_path)
    assert found == ["a.html: _images/none.png"]


def test_titles_that_two_pages_have_are_found(tmp_path):
    _write_site(tmp_path, "", titles=("Metrics", "Metrics"))
    assert _load(DOCS / "check_links.py").repeated_titles(tmp_path) == ["Metrics"]


def test_the_guide_page_that_speaks_of_little_else_comes_first():
    pages_about = _load(DOCS / "_ext" / "guide_links.py").pages_about
    mentions = {
        "choosing": Counter({"skmlc.LaMPClassifier": 6, "skmlc.KISAR": 20}),
        "lamp": Counter({"skmlc.LaMPClassifier": 3}),
        "bags": Counter({"skmlc.KISAR": 2}),
    }
    assert pages_about(mentions, "skmlc.LaMPClassifier") == ["lamp", "choosing"]
    assert pages_about(mentions, "skmlc.MIMLNN") == []


def test_a_name_that_no_guide_page_links_to_has_the_page_of_its_package():
    pages_about = _load(DOCS / "_ext" / "guide_links.py").pages_about
    mentions = {"user_guide/metrics": Counter(), "user_guide/inputs": Counter()}
    assert pages_about(mentions, "skmlc.metrics.micro_f1") == ["user_guide/metrics"]
    assert pages_about(mentions, "skmlc.graphs.GraphEdge") == []


def test_the_guide_page_of_each_package_exists():
    packages = _load(DOCS / "_ext" / "guide_links.py").PACKAGES
    assert all(
        (DOCS / "user_guide" / f"{page}.rst").is_file() for page in packages.values()
    )


@pytest.mark.parametrize("method", ["fit", "predict", "predict_labels", "history_"])
def test_the_source_of_an_inherited_method_is_found(method):
    find_definition = _load(DOCS / "_ext" / "source_links.py").find_definition
    module, name = find_definition("skmlc", f"LaMPClassifier.{method}")
    assert module.startswith("skmlc.")
    assert name.rpartition(".")[2] == method
    source = Path(sys.modules[module].__file__).read_text(encoding="utf-8")
    assert f"    def {method}(" in source
