"""A ``[source]`` next to every method, including those that a class inherits.

``sphinx.ext.viewcode`` looks for ``LaMPClassifier.fit`` in the module of the class only.  This
looks where the function was written, and has viewcode make the page of that module.
"""

import inspect
import re
import sys

from sphinx import addnodes
from sphinx.ext.viewcode import OUTPUT_DIRNAME, viewcode_anchor
from sphinx.pycode import ModuleAnalyzer

BACK = re.compile(
    r'(<div class="viewcode-block" id="([^"]*)">\n<a [^>]*href="[^"#]*#)[^"]*'
)


def _function_behind(attribute):
    """Unwrap properties, class methods and conditional methods to what has source."""
    attribute = getattr(attribute, "fget", attribute)
    attribute = getattr(attribute, "fn", attribute)  # scikit-learn's available_if
    attribute = getattr(attribute, "func", attribute)  # cached_property
    return inspect.unwrap(getattr(attribute, "__func__", attribute))


def find_definition(module, fullname):
    """Find where an attribute of a class was written.

    Parameters
    ----------
    module : str
        The module that a page documents the class in.
    fullname : str
        The names of class and attribute, with a dot.

    Returns
    -------
    tuple of str or None
        The module that defines it and its name there, or None where nothing is found.
    """
    found = sys.modules.get(module)
    for name in fullname.split("."):
        found = inspect.getattr_static(found, name, None) or getattr(found, name, None)
    found = _function_behind(found)
    where = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return where if all(isinstance(part, str) for part in where) else None


def _module_entry(env, module):
    """Give viewcode's record of a module, made where there is none."""
    modules = env.__dict__.setdefault("_viewcode_modules", {})
    if not modules.get(module):
        analyzer = ModuleAnalyzer.for_module(module)
        analyzer.find_tags()
        modules[module] = analyzer.code, analyzer.tags, {}, module
    return modules[module]


def _link(env, signature, docname):
    """Add the link to one signature, and remember it for the way back."""
    where = find_definition(signature["module"], signature["fullname"])
    if where is None or not where[0].startswith("skmlc"):
        return
    module, name = where
    _, tags, used, _ = _module_entry(env, module)
    if name not in tags:
        return
    used.setdefault(name, docname)
    page = f"{OUTPUT_DIRNAME}/{module.replace('.', '/')}"
    signature += viewcode_anchor(reftarget=page, refid=name, refdoc=docname)


def _add_links(app, doctree):
    env, docname = app.env, app.env.current_document.docname
    for signature in doctree.findall(addnodes.desc_signature):
        if signature.get("module") and not list(signature.findall(viewcode_anchor)):
            _link(env, signature, docname)


def _mend_links_back(app, pagename, templatename, context, doctree):
    """Let [docs] of a module page lead to the first page that documents a method."""
    if not pagename.startswith(f"{OUTPUT_DIRNAME}/") or "body" not in context:
        return
    objects = app.env.domains.python_domain.objects
    module = context["title"]
    _, _, used, _ = app.env._viewcode_modules.get(module) or (None, None, {}, None)

    def mend(match):
        anchor = _anchor(objects, used.get(match[2]), module, match[2])
        return match[1] + anchor if anchor else match[0]

    context["body"] = BACK.sub(mend, context["body"])


def _anchor(objects, docname, module, name):
    """Find under which name a page documents what a module defines."""
    for full, entry in objects.items():
        if entry.docname == docname and full.rpartition(".")[2] == name.rpartition(".")[2]:
            owner, _, attribute = full.rpartition(".")
            package, _, cls = owner.rpartition(".")
            scope = (package, f"{cls}.{attribute}") if "." in name else (owner, attribute)
            if find_definition(*scope) == (module, name):
                return entry.node_id
    return None


def setup(app):
    """Run after viewcode, which links what is written in the class itself."""
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("doctree-read", _add_links, priority=900)
    app.connect("html-page-context", _mend_links_back)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
