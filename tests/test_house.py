"""The layout of the house: who may import whom, where metres live, what a module may be called."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "qpvhealth"
MODULES = sorted(p for p in SOURCE.rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "manager", "tools"}
ROOMS = ("ingest", "spatial", "indicators", "publish", "sample")
GROUND = ("errors", "contract", "facts", "rules", "settings")
METRES = {"to_crs", "buffer", "make_valid", "dwithin"}
"""Calls that measure or reshape in metres: they exist in ``spatial`` only."""
ABOVE = {"build": (), "locate": (), "studies": ("build",)}
"""Where rooms meet: a release is built, points are located; studies read releases and account for changes as the build does."""
SEALED = {"pathlib", "io", "os", "logging", "click", "tempfile", "shutil", "urllib", "qpvhealth.settings"}
"""What ``spatial`` and ``indicators`` never touch: no path, no file, no log, no settings object."""


def relative(path):
    return path.relative_to(SOURCE).as_posix()


def room(path):
    parts = path.relative_to(SOURCE).parts
    return parts[0].removesuffix(".py")


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Return the dotted names a module imports, wherever in it, for types too."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_imported(path):
    return {name.split(".")[1] for name in imported(path) if name.startswith("qpvhealth.")} - {
        "__version__",
        room(path),
    }


def allowed(path):
    """Say which rooms a module may import: those before it in the order of the house."""
    name = room(path)
    order = {
        "errors": (),
        "facts": ("errors", "facts"),
        "rules": ("errors", "facts", "rules"),
        "contract": ("errors", "facts", "rules"),
        "settings": ("errors", "facts"),
    }
    if name in order:
        return set(order[name])
    if name == "sample":
        return {*GROUND, "spatial"}
    if name in ROOMS:
        return set(GROUND)
    if name in ABOVE:
        return {*GROUND, *ROOMS, *ABOVE[name]}
    above = {room(m) for m in MODULES} - {*GROUND, *ROOMS}
    door = {m for m in above if m.startswith(("cli", "__main__"))}
    return {*GROUND, *ROOMS, *above} if name in door else {*GROUND, *ROOMS, *(above - door)}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_go_one_way(path):
    assert rooms_imported(path) <= allowed(path) | {"build"}, f"{relative(path)} reaches beyond its room"


def test_the_walk_sees_every_import():
    """The test above would pass on a house without imports: here are some that must be seen."""
    assert {"contract", "indicators", "ingest"} <= rooms_imported(SOURCE / "build" / "stages.py")
    assert "spatial" in {r for m in MODULES if room(m) == "sample" for r in rooms_imported(m)}


def test_sample_takes_only_the_projections_of_spatial():
    taken = {
        name for m in MODULES if room(m) == "sample" for name in imported(m) if name.startswith("qpvhealth.spatial")
    }
    assert {".".join(name.split(".")[:3]) for name in taken} == {"qpvhealth.spatial.projection"}


def test_only_the_command_line_imports_click():
    users = {relative(m) for m in MODULES if any(n.split(".")[0] == "click" for n in imported(m))}
    assert users
    assert all(Path(user).parts[0].startswith("cli") for user in users)


@pytest.mark.parametrize("path", [m for m in MODULES if room(m) in ("spatial", "indicators")], ids=relative)
def test_spatial_and_indicators_touch_no_disk_and_no_settings(path):
    assert not {n for n in imported(path) for s in SEALED if n == s or n.startswith(f"{s}.")}
    called = {n.func.id for n in ast.walk(tree(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & {"open", "print"}


def calls(path):
    """Return the methods and functions called by attribute, with what they are called on where that is a name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else None
            yield owner, node.func.attr


@pytest.mark.parametrize("path", [m for m in MODULES if room(m) not in ("spatial", "sample")], ids=relative)
def test_metres_exist_in_spatial_only(path):
    used = {name for owner, name in calls(path) if name in METRES or (owner, name) == ("shapely", "distance")}
    assert not used


def test_the_walk_sees_metres_where_they_are():
    seen = {name for m in MODULES if room(m) == "spatial" for _, name in calls(m)}
    assert {"make_valid", "distance"} <= seen


@pytest.mark.parametrize("path", [m for m in MODULES if room(m) in ("spatial", "indicators")], ids=relative)
def test_no_row_loops_over_frames(path):
    assert not {name for _, name in calls(path)} & {"iterrows", "itertuples"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply":
            assert not any(k.arg == "axis" for k in node.keywords), f"{relative(path)}:{node.lineno}"


def test_modules_are_nouns_of_the_field():
    assert not {relative(m) for m in MODULES if m.stem in FORBIDDEN_NAMES or m.parent.name in FORBIDDEN_NAMES}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_public_functions_say_what_they_do(path):
    module = tree(path)
    assert ast.get_docstring(module), relative(path)
    public = [n for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]
    assert not [n.name for n in public if not ast.get_docstring(n)]


def test_no_module_takes_part_in_an_import_circle():
    """Annotations included: what two modules need of each other belongs in a third."""
    names = {
        ".".join(("qpvhealth", *m.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): m
        for m in MODULES
    }
    left = {name: {n for n in imported(m) if n in names and n != name} for name, m in names.items()}
    for (
        name,
        needs,
    ) in left.items():  # a package is imported with any of its modules; what it re-exports is no circle of theirs
        left[name] = {n for n in needs if not name.startswith(f"{n}.")}
    while free := {name for name, needs in left.items() if not needs}:
        left = {name: needs - free for name, needs in left.items() if name not in free}
    assert not left


def test_no_folder_of_tests_is_left_out(request):
    """Pytest leaves folders of some names out without a word, ``build`` among them."""
    patterns = request.config.getini("norecursedirs")
    folders = {path.parent for path in Path(__file__).parent.rglob("test_*.py")}
    left_out = [f.name for f in folders if any(f.match(pattern) for pattern in patterns)]
    assert len(folders) > 10
    assert not left_out
