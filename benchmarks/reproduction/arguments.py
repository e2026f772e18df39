"""What the commands for texts and tables and for images share."""

import argparse
import ast


def setting(text):
    """Read NAME=VALUE; a value that is no Python literal is a string."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE; got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def alternatives(text):
    """Read NAME=VALUE,VALUE: a name and what it may be."""
    name, values = setting(text)
    if isinstance(values, str):
        values = tuple(values.split(","))
    if not isinstance(values, tuple) or len(values) < 2:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE,VALUE; got {text!r}")
    return name, values
