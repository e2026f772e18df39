"""The tables of the documentation, from the files of results."""

from pathlib import Path

from . import bags, images
from .claim_command import read_all
from .claims import claim_table
from .rendering import tables
from .sweeps import sweep_tables


def generated(results):
    """Return the generated files of the documentation.

    Parameters
    ----------
    results : path-like
        The folder of the files of results.

    Returns
    -------
    dict of str to str
        The text of each file.
    """
    rows = read_all(results)
    texts = {
        "claims_table.txt": claim_table(rows),
        "reproduction_tables.txt": tables(rows["reproduce"], "rst"),
        "image_tables.txt": tables(images.in_order(rows["images"]), "rst"),
        "sweep_tables.txt": sweep_tables(rows["sweeps"]),
        "bag_tables.txt": tables(bags.in_order(rows["bags"]), "rst"),
    }
    return {name: f"{text}\n" for name, text in texts.items()}


def write(folder, results):
    """Write the generated files into the folder of the documentation."""
    for name, text in generated(results).items():
        (Path(folder) / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{Path(folder) / name}: {text.count(chr(10))} lines")
