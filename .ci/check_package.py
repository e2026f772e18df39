"""Check the sdist and the wheel in a folder: their files, and that each works on its own.

Run it in the checkout that they were built from: ``python .ci/check_package.py dist``.
"""

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
# What a user can do without the optional dependencies.
TRY = """
import importlib, pkgutil, sys
from importlib.metadata import version
import skmlc
from skmlc.datasets import load_digit_scenes

assert skmlc.__file__.startswith(sys.prefix), skmlc.__file__
assert skmlc.__version__ == version("skmlc"), version("skmlc")
for module in pkgutil.walk_packages(skmlc.__path__, "skmlc."):
    importlib.import_module(module.name)
scenes = load_digit_scenes(40, random_state=0)
model = skmlc.LaMPClassifier(hidden_size=8, max_epochs=1, random_state=0)
answer = model.fit(scenes.bags, scenes.target).predict(scenes.bags)
assert answer.shape == scenes.target.shape, answer.shape
print(f"skmlc {skmlc.__version__} works in {sys.prefix}")
"""


def package_files():
    """Return the files of the package in the checkout."""
    paths = [*(CHECKOUT / "skmlc").rglob("*.py"), CHECKOUT / "skmlc" / "py.typed"]
    return {path.relative_to(CHECKOUT).as_posix() for path in paths}


def check_wheel(path):
    """Check that a wheel holds the package, its license, and nothing else but metadata."""
    with zipfile.ZipFile(path) as wheel:
        files = set(wheel.namelist())
    metadata = {name for name in files if name.partition("/")[0].endswith(".dist-info")}
    check_same(files - metadata, package_files(), path)
    check_same({Path(f).name for f in metadata} & {"LICENSE"}, {"LICENSE"}, path)


def check_sdist(path):
    """Check that an sdist holds what a wheel is built from, and the license."""
    with tarfile.open(path) as sdist:
        files = {name.partition("/")[2] for name in sdist.getnames()}
    needed = {*package_files(), "LICENSE", "README.md", "pyproject.toml"}
    check_same(files & needed, needed, path)


def check_same(found, expected, path):
    """End the program where an archive holds other files than it should."""
    if found != expected:
        more, less = sorted(found - expected), sorted(expected - found)
        sys.exit(f"{path.name} has {more}, which it should not, and lacks {less}.")


def try_out(path):
    """Install an archive in an environment of its own, outside the checkout, and use it."""
    with tempfile.TemporaryDirectory() as folder:
        builder = venv.EnvBuilder(with_pip=True)
        builder.create(folder)
        python = builder.ensure_directories(folder).env_exe
        install = [python, "-m", "pip", "install", "--quiet", path.resolve()]
        subprocess.run(install, check=True)
        subprocess.run([python, "-I", "-c", TRY], check=True, cwd=folder)


if __name__ == "__main__":
    archives = Path(sys.argv[1])
    (wheel,), (sdist,) = archives.glob("*.whl"), archives.glob("*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)
    try_out(wheel)
    try_out(sdist)
