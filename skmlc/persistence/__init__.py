"""Saved models: one file, which is checked when it is loaded and runs no code.

`models` has `save` and `load`.  `_describe` makes objects into plain values and `_build` makes
objects of these; `_tree` and `_arrays` turn them into JSON and arrays, `_file` into a file.
"""
