"""Small changes to a program, found in its syntax tree and written into its text.

A mutant keeps everything of the source but one expression or statement, so that what it
changes is one line of a diff.
"""

import ast
import re
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Mutant", "find_mutants"]

# One sign for another: first what moves a boundary, then what turns it around.
COMPARISONS = {
    ast.Lt: ("<", ["<=", ">"]),
    ast.LtE: ("<=", ["<", ">="]),
    ast.Gt: (">", [">=", "<"]),
    ast.GtE: (">=", [">", "<="]),
    ast.Eq: ("==", ["!="]),
    ast.NotEq: ("!=", ["=="]),
    ast.Is: ("is", ["is not"]),
    ast.IsNot: ("is not", ["is"]),
    ast.In: ("in", ["not in"]),
    ast.NotIn: ("not in", ["in"]),
}
OPERATORS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
NAMES = dict(
    pair
    for one, other in [
        ("max", "min"), ("amax", "amin"), ("argmax", "argmin"), ("maximum", "minimum"),
        ("clamp_max", "clamp_min"), ("mean", "sum"), ("any", "all"), ("floor", "ceil"),
    ]
    for pair in [(one, other), (other, one)]
)  # fmt: skip
# Methods without which a value is still of its kind: `x.detach()` becomes `x`.
DROPPED = {"abs", "clamp_max", "clamp_min", "clip", "clone", "copy", "detach", "exp"}
DROPPED |= {"log", "masked_fill", "sort", "sqrt", "transpose"}
DROPPED_ATTRIBUTES = {"T", "mT"}
CHOICES = {"where"}  # `where(condition, a, b)` becomes a, or b
MASKS = {"known", "mask"}  # which may be None
# What says nothing to a computation: messages, annotations, declarations.
SKIPPED_NAMES = {"__all__", "_parameter_constraints"}


class Mutant(NamedTuple):
    """A change of the bytes from `start` to `stop` of a source into `text`."""

    start: int
    stop: int
    text: str
    kind: str

    def apply(self, source):
        """Return the source with the change."""
        raw = source.encode()
        return (raw[: self.start] + self.text.encode() + raw[self.stop :]).decode()

    def is_change(self, source):
        """Return whether the result is valid, and another program; both are rarely not so."""
        return _dump(self.apply(source)) not in (None, _dump(source))

    def line(self, source):
        """Return the number of the first line that changes, from one."""
        return source.encode()[: self.start].count(b"\n") + 1


def find_mutants(source):
    """Return the mutants of a source, in the order of its text; see `Mutant.is_change`."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return sorted(set(finder.found))


def _dump(source):
    """Return the syntax tree as text; None if the source is not valid."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None


class _Finder(ast.NodeVisitor):
    """Collect the mutants of each node."""

    def __init__(self, source):
        self.raw = source.encode()
        lengths = [len(line) for line in self.raw.splitlines(keepends=True)]
        self.starts = [0]
        for length in lengths:
            self.starts.append(self.starts[-1] + length)
        self.found = []

    # Places in the text ---------------------------------------------------------------------

    def _span(self, node):
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node):
        start, stop = self._span(node)
        return self.raw[start:stop].decode()

    def _operand(self, node):
        """Return the text of a node, in brackets where others could tear it apart."""
        compound = ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.UnaryOp
        return f"({self._text(node)})" if isinstance(node, compound) else self._text(node)

    def _replace(self, node, text, kind):
        self.found.append(Mutant(*self._span(node), text, kind))

    def _replace_between(self, left, right, old, new, kind):
        """Replace a sign between two nodes."""
        start, stop = self._span(left)[1], self._span(right)[0]
        # A comment may hold such a sign, too.
        text = re.sub(rb"#[^\n]*", lambda m: b" " * len(m[0]), self.raw[start:stop])
        match = re.search(r"\s+".join(map(re.escape, old.split())).encode(), text)
        if match:
            place = start + match.start(), start + match.end()
            self.found.append(Mutant(*place, new, kind))

    # What is passed over --------------------------------------------------------------------

    def visit_Raise(self, node):
        """Pass over messages."""

    visit_JoinedStr = visit_Assert = visit_Import = visit_ImportFrom = visit_Raise

    def visit_FunctionDef(self, node):
        """Visit the defaults and the body, not the annotations and decorators."""
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node):
        """Visit the body, not the bases and decorators."""
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node):
        """Visit the value, not the annotation."""
        if node.value is not None:
            self.visit(node.value)

    # Expressions ----------------------------------------------------------------------------

    def visit_Compare(self, node):
        """Swap comparisons."""
        operands = [node.left, *node.comparators]
        for (left, right), operator in zip(pairwise(operands), node.ops, strict=True):
            old, others = COMPARISONS[type(operator)]
            for new in others:
                self._replace_between(left, right, old, new, "comparison")
        self.generic_visit(node)

    def visit_BinOp(self, node):
        """Swap operators, and the factors of a product of matrices."""
        left, right = node.left, node.right
        if type(node.op) in OPERATORS:
            old, new = OPERATORS[type(node.op)]
            self._replace_between(left, right, old, new, "operator")
        if isinstance(node.op, ast.MatMult):
            self._replace(node, f"{self._operand(right)} @ {self._operand(left)}", "matmul")
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        """Swap the operator, or leave the statement out."""
        if type(node.op) in OPERATORS:
            old, new = (f"{sign}=" for sign in OPERATORS[type(node.op)])
            self._replace_between(node.target, node.value, old, new, "operator")
        self._replace(node, "pass", "statement")
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        """Swap `and` and `or`."""
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            self._replace_between(left, right, old, new, "logic")
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        """Leave a sign or a negation out."""
        if not isinstance(node.op, ast.UAdd):
            self._replace(node, self._operand(node.operand), "sign")
        self.generic_visit(node)

    def visit_IfExp(self, node):
        """Swap the two choices."""
        test, body, other = map(self._operand, (node.test, node.body, node.orelse))
        self._replace(node, f"{other} if {test} else {body}", "condition")
        self.generic_visit(node)

    def visit_If(self, node):
        """Never do what a condition without `else` asks for."""
        if not node.orelse:
            self._replace(node.test, "False", "condition")
        self.generic_visit(node)

    def visit_keyword(self, node):
        """Pass over `strict` of zip, which finds errors and makes none."""
        if node.arg != "strict":
            self.generic_visit(node)

    def visit_Constant(self, node):
        """Change numbers and truth values."""
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value), "constant")
        elif isinstance(node.value, int):
            self._replace(node, str(node.value + 1), "constant")
        elif isinstance(node.value, float):
            self._replace(node, str(2 * node.value or 1.0), "constant")

    def visit_Attribute(self, node):
        """Leave a transposition out; `mean` for `sum`, and so on."""
        if node.attr in DROPPED_ATTRIBUTES:
            self._replace(node, self._operand(node.value), "transposition")
        self.generic_visit(node)

    def visit_Call(self, node):
        """Call another function, or none, or leave a keyword out."""
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        if name in NAMES:
            start = self._span(node.func)[1] - len(name)
            place = start, start + len(name)
            self.found.append(Mutant(*place, NAMES[name], "function"))
        if name in DROPPED and isinstance(node.func, ast.Attribute):
            self._replace(node, self._operand(node.func.value), "dropped call")
        if name in CHOICES and len(node.args) == 3:
            for choice in node.args[1:]:
                self._replace(node, self._text(choice), "dropped mask")
        for argument in node.args:
            if getattr(argument, "attr", getattr(argument, "id", None)) in MASKS:
                self._replace(argument, "None", "dropped mask")
        for keyword in node.keywords:
            # A hyper-parameter that is only passed on is missed at once.
            passed_on = getattr(keyword.value, "attr", None) == keyword.arg
            if not (passed_on or isinstance(keyword.value, ast.Constant)):
                self._replace(keyword.value, "None", "dropped keyword")
        self.generic_visit(node)

    # Statements -----------------------------------------------------------------------------

    def visit_Expr(self, node):
        """Leave a call out whose value nobody takes."""
        if isinstance(node.value, ast.Call):
            self._replace(node, "pass", "statement")
        self.generic_visit(node)

    def visit_Assign(self, node):
        """Leave out what sets a part or an attribute."""
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if names & SKIPPED_NAMES:
            return
        target = node.targets[0]
        # What a constructor keeps is missed at once.
        kept = isinstance(target, ast.Attribute) and isinstance(node.value, ast.Name)
        if isinstance(target, ast.Attribute | ast.Subscript) and not kept:
            self._replace(node, "pass", "statement")
        self.visit(node.value)
