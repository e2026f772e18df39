r"""Draw formulas as SVG with Matplotlib: they look the same everywhere, also offline.

MathJax would be fetched from the network by whoever reads a page, and MathML needs a math
font on the reader's machine. A formula may use what Matplotlib's mathtext knows and, in a
block, ``\\`` between lines; anything else is a warning.
"""

import re
from html import escape

from docutils import nodes
from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

# One unit of a drawing is 1/100 em, so that formulas scale with the text around them.
EM = 100
LETTERS = {
    Path.MOVETO: "M",
    Path.LINETO: "L",
    Path.CURVE3: "Q",
    Path.CURVE4: "C",
    Path.CLOSEPOLY: "Z",
}
# Common TeX commands that mathtext has under another name only, or has to do without.
SYNONYMS = {
    r"\le": r"\leq",
    r"\ge": r"\geq",
    r"\gets": r"\leftarrow",
    r"\lVert": r"\Vert",
    r"\rVert": r"\Vert",
    r"\lvert": r"\vert",
    r"\rvert": r"\vert",
    **{rf"\{size}{side}": "" for size in ("big", "Big", "bigg", "Bigg") for side in "lr"},
}


def _as_mathtext(formula):
    """Write one line of TeX math in mathtext's words, and its columns side by side."""
    formula = re.sub(r"\\[A-Za-z]+", lambda word: SYNONYMS.get(word[0], word[0]), formula)
    formula = formula.replace("&", " ", 1).replace("&", r" \quad ")
    return f"${' '.join(formula.split())}$"


def _outline(text):
    """SVG path data of the glyphs; SVG's y axis points downward."""
    pieces = []
    for points, code in TextPath((0, 0), text, size=EM).iter_segments(simplify=False):
        points = [] if code == Path.CLOSEPOLY else points.reshape(-1, 2) * [1, -1]
        pieces.append(LETTERS[code] + " ".join(f"{x:.1f} {y:.1f}" for x, y in points))
    return "".join(pieces)


def draw(formula):
    """Draw one line of TeX math.

    Parameters
    ----------
    formula : str
        The formula, without dollar signs.

    Returns
    -------
    str
        An ``<svg>`` element in the color and size of the text around it.
    """
    text = _as_mathtext(formula)
    with rc_context({"mathtext.fontset": "stix"}):
        box = MathTextParser("path").parse(text, dpi=72, prop=FontProperties(size=EM))
        outline = _outline(text)
    height, depth = box.height + 4, box.depth + 2  # room for round shapes at the edges
    style = (
        f"width: {box.width / EM:.3f}em; height: {height / EM:.3f}em; "
        f"vertical-align: {-depth / EM:.3f}em"
    )
    return (
        f'<svg role="img" aria-label="{escape(formula)}" style="{style}" '
        f'viewBox="0 {depth - height:.1f} {box.width:.1f} {height:.1f}">'
        f'<path d="{outline}" fill="currentColor"/></svg>'
    )


def _draw_or_warn(formula, node):
    """Give the drawing, or the formula as it was written with a warning."""
    try:
        return draw(formula)
    except ValueError as error:
        logger.warning("cannot draw the formula %r: %s", formula, error, location=node)
        return f"<code>{escape(formula)}</code>"


def _visit_inline(translator, node):
    drawing = _draw_or_warn(node.astext(), node)
    translator.body.append(f'<span class="math">{drawing}</span>')
    raise nodes.SkipNode


def _visit_block(translator, node):
    number = get_node_equation_number(translator, node) if node["number"] else ""
    formula = node.astext().replace(r"\frac", r"\dfrac")
    lines = [_draw_or_warn(line, node) for line in formula.split(r"\\")]
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(f'<span class="eqno">({number})</span>' if number else "")
    translator.body.append("<br>".join(lines) + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Add the renderer, chosen by ``html_math_renderer = "svg"``."""
    app.add_html_math_renderer("svg", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
