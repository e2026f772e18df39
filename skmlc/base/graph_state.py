"""Pickles, copies and files of models, without the entries of a full label graph."""

from typing import Any

from ..graphs.adjacency import full_graph, is_full_graph

__all__ = ["FullGraphStateMixin"]

# What stands for the matrix in a state.
_FULL = "full"


class FullGraphStateMixin:
    """Keeps a full label graph in states as one word.

    It takes no memory, as its rows are parts of one; a pickled array would hold all entries.
    """

    def __getstate__(self):
        state: Any = super().__getstate__()
        if is_full_graph(state.get("adjacency_")):
            return {**state, "adjacency_": _FULL}
        return state

    def __setstate__(self, state):
        of_others: Any = super()
        of_others.__setstate__(state)
        estimator: Any = self
        if isinstance(vars(self).get("adjacency_"), str):
            n_labels = 1 if estimator._target_kind == "binary" else len(estimator.classes_)
            self.adjacency_ = full_graph(n_labels)
