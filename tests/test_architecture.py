"""What holds for every module of the package: floors, no cycles, size, and what is imported when."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rugan_tf

PACKAGE = Path(rugan_tf.__file__).parent
ROOT = PACKAGE.parent

# A module imports from its own room and from lower floors; the version (`import rugan_tf`) is open to all.
FLOORS = [
    {"quiet"},  # what the package does before anything else
    {"units", "errors", "terminal", "cores"},
    {"extras"},
    {"config", "files", "importing", "networks"},
    {"lattice"},
    {"physics"},
    {"systems"},
    {"formats", "saved", "figures"},
    {"energies"},
    {"data", "generate", "sample"},
    {"ednn", "evaluate", "export", "serve.client", "density_of_states"},
    {"train", "client"},
    {"completion"},  # asks every door for its options
]
ROOMS_WITHIN = {"serve.client"}  # the server knows SavedModels and the protocol alone, its client what sheets are
# It knows SavedModels and the protocol; of ours only where shipped ones lie, and what a material says of its atoms,
# which the page draws.
SERVE_MAY_IMPORT = {"files", "config", "errors", "extras", "systems", "saved"}
TOP = {"cli", "demo"}  # open every room
WITHOUT_TENSORFLOW = (
    "lattice", "physics", "systems", "formats", "figures", "energies", "data", "density_of_states"
)  # fmt: skip
WITH_TENSORFLOW = {"rugan_tf.data.pipeline", "rugan_tf.data.map_batches"}
TENSORFLOW_WHEN_CALLED = {"rugan_tf.saved.signatures"}  # SavedModels, loaded by those who call them
HEAVY = {"tensorflow", "keras", "tf_keras"}
VERSION_IN_TEXT = re.compile(r"rugan[-_]tf(?:==|[ /-]v?|, version )(\d+\.\d+\.\d+)")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = sorted(TREES)
PACKAGES = {module_name(path) for path in PACKAGE.rglob("__init__.py")}
DOORS = [
    name
    for name, tree in TREES.items()
    if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
]


def room(name):
    parts = name.split(".")[1:]
    inner = ".".join(parts[:2])
    return inner if inner in ROOMS_WITHIN else "".join(parts[:1])


def import_targets(node, module):
    """Names that an import statement may bind: modules, or things inside them."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = module.split(".") if module in PACKAGES else module.split(".")[:-1]
    base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
    source = ".".join(part for part in (base, node.module) if part)
    return [f"{source}.{alias.name}" for alias in node.names]


def own_module(target):
    """The module of this package that a target lies in, or None."""
    while target and target not in TREES:
        target = target.rpartition(".")[0]
    return target or None


def imports(module, nodes):
    """Modules of this package and top-level names of others, imported anywhere below `nodes`."""
    ours, others = set(), set()
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for target in import_targets(node, module):
                    own = own_module(target)
                    (ours if own else others).add(own or target.split(".")[0])
    return ours - {module}, others


def nodes_run_at_import(tree):
    """Statements that run when a module is imported: not those in functions or under TYPE_CHECKING."""
    pending, found = list(tree.body), []
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        inner = ast.stmt | ast.excepthandler | ast.match_case
        pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, inner)]
    return found


def nodes_run_at_all(tree):
    """Statements that may run, those in functions included; not those under TYPE_CHECKING."""
    return [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))]


# The package itself names its public things to type checkers alone; a program imports each when it first asks for it.
TREES["rugan_tf"].body = nodes_run_at_all(TREES["rugan_tf"])


def may_import(importer, imported):
    """Whether a room may import another."""
    if imported in ("", importer):
        return True
    if importer == "":
        return imported in FLOORS[0]
    if importer in TOP:
        return imported not in TOP
    if importer == "serve":
        return imported in SERVE_MAY_IMPORT
    if imported == "serve":
        return importer == "serve.client"
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    return floor.get(imported, len(FLOORS)) < floor[importer]


def test_every_room_stands_on_a_floor():
    rooms = {room(name) for name in MODULES} - {""}
    assert rooms - {"serve"} - TOP <= set().union(*FLOORS)
    assert {"lattice", "data", "train", "cli"} <= rooms


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("data", "lattice", True),
        ("lattice", "data", False),
        ("data", "generate", False),
        ("networks", "config", False),
        ("train", "export", True),
        ("export", "train", False),
        ("serve", "files", True),
        ("serve", "systems", True),
        ("serve", "saved", True),
        ("serve", "generate", False),
        ("serve", "serve.client", False),
        ("serve.client", "serve", True),
        ("serve.client", "generate", True),
        ("generate", "serve.client", False),
        ("client", "serve.client", True),
        ("client", "serve", False),
        ("data", "serve", False),
        ("demo", "train", True),
        ("train", "cli", False),
        ("train", "", True),
        ("", "data", False),
    ],
)
def test_the_rule_of_floors(importer, imported, allowed):
    assert may_import(importer, imported) is allowed


@pytest.mark.parametrize("module", MODULES)
def test_imports_come_from_floors_below(module):
    ours, _ = imports(module, [TREES[module]])
    wrong = sorted(name for name in ours if not may_import(room(module), room(name)))
    assert not wrong, f"{module} must import only from its own room and the floors below. Received: {wrong}"


def test_imports_are_found_wherever_they_stand():
    source = "import rugan_tf\nfrom rugan_tf.data import pipeline\nclass A:\n    import rugan_tf.units\n"
    source += "def f():\n    from rugan_tf.files import replacing\n    from . import options\n"
    source += "try:\n    import numpy.linalg\nexcept ImportError:\n    from rugan_tf import config\n"
    source += "if TYPE_CHECKING:\n    from rugan_tf.train.run import train\n"
    tree = ast.parse(source)
    ours, others = imports("rugan_tf.train.rugan", [tree])
    anywhere = {"units", "data.pipeline", "files", "config", "train.options", "train.run"}
    assert ours == {"rugan_tf", *(f"rugan_tf.{name}" for name in anywhere)}
    assert others == {"numpy"}
    at_import, _ = imports("rugan_tf.train.rugan", nodes_run_at_import(tree))
    assert at_import == {"rugan_tf", "rugan_tf.units", "rugan_tf.data.pipeline", "rugan_tf.config"}


def test_no_import_cycle_between_modules_even_when_functions_run():
    graph = {name: imports(name, nodes_run_at_all(tree))[0] for name, tree in TREES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"Modules must not import each other. Received: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_at_most_300_lines(module):
    path = PACKAGE.joinpath(*module.split(".")[1:])
    source = path / "__init__.py" if module in PACKAGES else path.with_suffix(".py")
    assert 1 <= len(source.read_text("utf-8").splitlines()) <= 300


def long_functions(tree):
    """Functions of more than 60 lines, each with its length, decorators not counted."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = [(node.name, node.end_lineno - node.lineno + 1) for node in functions]
    return [(name, length) for name, length in lengths if length > 60]


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_at_most_60_lines(module):
    assert not long_functions(TREES[module])


def test_long_functions_are_found_wherever_they_stand():
    body = "        pass\n" * 60
    inside = f"class A:\n    async def long(self):\n{body}    def short(self):\n{body[13:]}"
    assert long_functions(ast.parse(inside)) == [("long", 61)]


@pytest.mark.parametrize("module", MODULES)
def test_source_neither_asserts_nor_pickles(module):
    _, others = imports(module, [TREES[module]])
    assert not others & {"pickle", "dill", "joblib", "shelve"}
    for node in ast.walk(TREES[module]):
        assert not isinstance(node, ast.Assert), f"{module}, line {node.lineno}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False", f"{module}, line {node.lineno}"


@pytest.mark.parametrize(
    "module", [name for name in MODULES if room(name) in WITHOUT_TENSORFLOW and name not in WITH_TENSORFLOW]
)
def test_foundations_and_data_import_no_tensorflow(module):
    reached, pending = set(), {module}
    while pending:
        name = pending.pop()
        ours, _ = imports(name, [TREES[name]])
        nodes = nodes_run_at_import(TREES[name]) if name in TENSORFLOW_WHEN_CALLED else [TREES[name]]
        _, others = imports(name, nodes)
        assert not others & HEAVY, f"{module} reaches {name}"
        reached.add(name)
        pending |= ours - reached


@pytest.mark.parametrize("door", DOORS)
def test_help_of_a_door_needs_no_tensorflow(door):
    program = f"import sys\nfrom {door} import main\n"
    program += "try:\n    code = main(['--help'])\nexcept SystemExit as stop:\n    code = stop.code\n"
    program += f"print(code or 0, sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *said, last = done.stdout.splitlines()
    assert last == "0 []"
    assert "usage" in " ".join(said).lower()
    assert done.stderr == ""


def test_every_room_with_a_door_is_among_the_doors_tried():
    assert {module_name(path) for path in PACKAGE.rglob("__main__.py")} <= set(DOORS)
    assert {"rugan_tf.cli", "rugan_tf.data.__main__", "rugan_tf.train.__main__"} <= set(DOORS)


def test_version_is_said_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["tool"]["hatch"]["version"] == {"path": "rugan_tf/__init__.py"}
    assert project["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", rugan_tf.__version__)
    assert set(VERSION_IN_TEXT.findall((ROOT / "README.md").read_text("utf-8"))) <= {rugan_tf.__version__}
    assert VERSION_IN_TEXT.findall("pip install rugan-tf==9.1.2 (rugan_tf 9.1.3)") == ["9.1.2", "9.1.3"]
