"""Saved models: one file, which is checked when it is loaded and runs no code.

`models` has `save` and `load`.  `_describe` makes objects into plain values and `_build` makes
these into objects; `_tree` and `_arrays` make them into JSON and arrays, and `_file` into a file.
"""
