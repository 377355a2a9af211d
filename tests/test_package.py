"""What is installed: the wheel's content, the dependencies that are declared, the names that a program finds."""

import ast
import functools
import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import rugan_tf
from rugan_tf import extras

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MODELS_IN_WHEEL = ("porous_graphene", "porous_graphene_ednn")
MEBIBYTE = 2**20

# Modules that a distribution brings, where the name is another one.
MODULES = {
    "grpcio": {"grpc"},
    "grpcio-health-checking": {"grpc_health"},
    "protobuf": {"google.protobuf"},
    "tensorflow-serving-api": {"tensorflow_serving"},
}
# Declared without being imported here, each for a reason.
NOT_IMPORTED = {
    "tf-keras": "tensorflow-probability imports it",
}


def declared(requirements):
    """The modules of requirements, by the name of the distribution."""
    names = [re.match(r"[\w-]+", requirement)[0] for requirement in requirements]
    return {name: MODULES.get(name, {name.replace("-", "_")}) for name in names}


CORE = declared(PROJECT["dependencies"])
EXTRAS = {name: declared(requirements) for name, requirements in PROJECT["optional-dependencies"].items()}


@functools.cache
def imported_modules():
    """Modules of others that the package imports: their first names, of google the first two."""
    found = set()
    for path in (ROOT / "rugan_tf").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            found |= {".".join(name.split(".")[: 2 if name.startswith("google.") else 1]) for name in names}
    return found - set(sys.stdlib_module_names) - {"rugan_tf"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    used = {**CORE, **EXTRAS["serve"], **EXTRAS["large"], **EXTRAS["mlip"], **EXTRAS["dft"]}
    assert imported_modules() - set().union(*used.values()) == set()
    idle = {name for name, modules in used.items() if not modules & imported_modules()}
    assert idle == set(NOT_IMPORTED)


def test_extras_are_known_by_the_modules_that_they_install():
    assert set(extras.MODULES) <= set(EXTRAS)
    for extra in ("serve", "large", "mlip", "dft"):
        assert set(extras.MODULES[extra]) == set().union(*EXTRAS[extra].values())
    installed = re.search(r"--editable '\.\[(.*?)\]'", (ROOT / "Makefile").read_text("utf-8"))[1].split(",")
    # PyTorch is as large as all the rest, and needs its build for the CPU to be chosen; GPAW is built with a compiler
    # and libraries of the operating system: installed by who wants them.
    assert {"dev", *extras.MODULES} - set(installed) == {"mlip", "dft"}


def test_rooms_of_the_core_import_nothing_of_an_extra():
    """What only an extra brings is imported by the room that needs it, when it runs."""
    brought = {"grpc", "google.protobuf"}  # by TensorFlow as well
    optional = set().union(*extras.MODULES.values()) - brought - {"torch"}  # SciPy asks of any module of that name
    blocked = f"import sys\nfor name in {sorted(optional)}: sys.modules[name] = None\n"
    program = blocked + "from rugan_tf.cli import DOORS\nimport importlib\nimport rugan_tf.serve.client\n"
    program += "for door in DOORS: importlib.import_module(f'rugan_tf.{door}.__main__')\n"
    program += "import rugan_tf, rugan_tf.generate.tiles\nprint(rugan_tf.load_model().generate([-2.6], 4, 4).shape)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "(1, 4, 4)\n", done.stderr


BUILD = ["build", "--num-sheets", "1", "--out", "a.npz"]


def without(module, door, args, cwd):
    """Run a door as if a module were not installed."""
    program = f"import sys; sys.modules[{module!r}] = None\n"
    program += f"from {door} import main; sys.exit(main({args}))"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize(
    ("module", "extra", "door", "args"),
    [
        ("zarr", "large", "rugan_tf.generate.__main__", ["--energy-per-area", "-2.6", "--out", "sheet.zarr"]),
        ("starlette", "serve", "rugan_tf.serve.__main__", ["--model-name", "m", "--model-base-path", "/nowhere"]),
        ("tblite", "physics", "rugan_tf.data.__main__", [*BUILD, "--energy", "ase:tblite.ase:TBLite"]),
        ("sevenn", "mlip", "rugan_tf.data.__main__", [*BUILD, "--system", "boron_nitride"]),
    ],
)  # fmt: skip
def test_missing_extra_is_told_in_one_line(tmp_path, module, extra, door, args):
    done = without(module, door, args, tmp_path)
    assert done.returncode == 2
    assert done.stderr.count(f"pip install 'rugan-tf[{extra}]'. Received: no module {module}") == 1
    assert "sheet 0" not in done.stderr  # told before any work
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_wheel_holds_the_main_model_and_its_ednn_and_is_small(wheel):
    assert wheel.stat().st_size <= 10 * MEBIBYTE
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for model in MODELS_IN_WHEEL:
            for path in (ROOT / "saved_models" / model).rglob("*"):
                inside = f"rugan_tf/saved_models/{path.relative_to(ROOT / 'saved_models').as_posix()}"
                assert path.is_dir() or archive.read(inside) == path.read_bytes()
    for path in (ROOT / "rugan_tf").rglob("*"):
        inside = path.relative_to(ROOT).as_posix()
        assert path.is_dir() or "__pycache__" in path.parts or inside in names
    assert "rugan_tf/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"rugan_tf", f"rugan_tf-{rugan_tf.__version__}.dist-info"}


def test_model_of_an_unpacked_wheel_is_found_without_the_sources(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = "from rugan_tf.saved import shipped; print(shipped.shipped_model('porous_graphene'))"
    words = [sys.executable, "-P", "-c", program]
    done = subprocess.run(
        words, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "installed")}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / "installed" / "rugan_tf" / "saved_models" / "porous_graphene")


def test_models_of_the_repository_are_together_under_40_mebibytes():
    sizes = [path.stat().st_size for path in (ROOT / "saved_models").rglob("*") if path.is_file()]
    assert 1 * MEBIBYTE < sum(sizes) < 40 * MEBIBYTE


def test_public_names_are_those_that_type_checkers_see():
    tree = ast.parse((ROOT / "rugan_tf" / "__init__.py").read_text("utf-8"))
    typed = {
        alias.asname: node.module
        for top in tree.body
        if isinstance(top, ast.If)
        for node in top.body
        for alias in node.names
    }
    assert typed == rugan_tf.PUBLIC
    for name, module in rugan_tf.PUBLIC.items():
        assert getattr(rugan_tf, name) is getattr(importlib.import_module(module), name)
    assert set(rugan_tf.PUBLIC) <= set(dir(rugan_tf))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = rugan_tf.nothing


def seconds(program):
    """Least wall time of three starts of a program, its own interpreter's start included."""
    timed = f"import time; start = time.perf_counter(); {program}; print(time.perf_counter() - start)"
    runs = [subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True) for _ in range(3)]
    return min(float(run.stdout.splitlines()[-1]) for run in runs)


def test_import_and_help_are_quick():
    assert seconds("import rugan_tf") < 0.3
    assert seconds("from rugan_tf.cli import main; main(['--help'])") < 0.5
    program = "import sys, rugan_tf; print(sorted({'numpy', 'tensorflow', 'ase'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
