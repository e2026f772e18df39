import sys
from pathlib import Path

import matplotlib

import skmlc

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
matplotlib.use("agg")  # pictures without a screen

project = "skmlc"
author = "the skmlc developers"
copyright = "2026, the skmlc developers"
version = release = skmlc.__version__

extensions = [
    "mathsvg",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
default_role = "literal"  # `X` is code, as in scikit-learn's docstrings
exclude_patterns = ["_build"]

# API reference: one page per public package, one per name in its `__all__`.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_member_order = "groupwise"
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
# Validation here would also judge what is inherited from scikit-learn: see `tox -e lint`.
numpydoc_validation_checks = set()


def skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out what a class inherits from scikit-learn or torch, documented there."""
    origin = getattr(getattr(obj, "fget", obj), "__module__", None) or "skmlc"
    return None if origin.split(".")[0] == "skmlc" else True


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign_members)


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skmlc",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "pydata_sphinx_theme"
html_title = f"skmlc {version}"
html_static_path = ["_static"]
html_css_files = ["skmlc.css"]
html_math_renderer = "svg"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skmlc"},
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {
    page: []
    for page in ("install", "changelog", "deprecation", "contributing", "releasing")
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
