"""Link each page of the API reference to the pages of the user guide that speak of it.

The guide already links to the names that it explains.  The directive
``.. guide-pages:: NAME`` in the template of a reference page lists where it does so,
first the page that speaks of little else: links in both directions, and nothing
to keep up to date by hand.
"""

from collections import Counter

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

GUIDE = "user_guide/"
MOST = 3  # pages listed
# Where a name is explained that no page links to, as metrics that are listed by their scorer.
PACKAGES = {
    "skmlc.base": "write_a_method",
    "skmlc.ensemble": "choosing",
    "skmlc.graphs": "label_graphs",
    "skmlc.inputs": "inputs",
    "skmlc.metrics": "metrics",
    "skmlc.parameters": "write_a_method",
}


class guide_pages(nodes.General, nodes.Element):
    """Where the list will stand, once all pages have been read."""


class GuidePages(SphinxDirective):
    """The pages of the user guide that link to a name, as one line."""

    required_arguments = 1

    def run(self):
        """Put a placeholder, as most of the guide has not been read yet."""
        return [guide_pages(name=self.arguments[0])]


def _mentions(env):
    """Which names each page of the guide links to, and how often."""
    if not hasattr(env, "guide_mentions"):
        env.guide_mentions = {}
    return env.guide_mentions


def _names_in(doctree):
    """Give the full name behind each link to a Python object."""
    for link in doctree.findall(addnodes.pending_xref):
        if link.get("refdomain") == "py":
            yield link["reftarget"]
            yield f"{link.get('py:module')}.{link['reftarget']}"


def _read_guide(app, doctree):
    docname = app.env.current_document.docname
    if docname.startswith(GUIDE):
        _mentions(app.env)[docname] = Counter(_names_in(doctree))


def _forget(app, env, docname):
    _mentions(env).pop(docname, None)


def _merge(app, env, docnames, other):
    _mentions(env).update(
        {page: found for page, found in _mentions(other).items() if page in docnames}
    )


def pages_about(mentions, name):
    """List the pages that link to a name, by the share of their links that lead there.

    Parameters
    ----------
    mentions : dict of str to Counter
        How often each page links to which names.
    name : str
        A full name, such as "skmlc.LaMPClassifier".

    Returns
    -------
    list of str
        At most three pages; that of the package where no page links to the name.
    """
    pages = [page for page in sorted(mentions) if mentions[page][name]]
    if not pages:
        page = GUIDE + PACKAGES.get(name.rpartition(".")[0], "")
        return [page] if page in mentions else []
    share = {page: mentions[page][name] / mentions[page].total() for page in pages}
    return sorted(pages, key=lambda page: -share[page])[:MOST]


def _fill(app, doctree, docname):
    for node in list(doctree.findall(guide_pages)):
        pages = pages_about(_mentions(app.env), node["name"])
        line = nodes.paragraph("", "User guide: ", classes=["guide-pages"])
        for page in pages:
            title = app.env.titles[page].astext()
            line += nodes.Text(", ") if page != pages[0] else nodes.Text("")
            line += make_refnode(app.builder, docname, page, None, nodes.Text(title))
        node.replace_self([line] if pages else [])


def setup(app):
    """Add the directive."""
    app.add_node(guide_pages)
    app.add_directive("guide-pages", GuidePages)
    app.connect("doctree-read", _read_guide)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("doctree-resolved", _fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
