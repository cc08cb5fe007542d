"""The rules of the house, read from the imports of the package's source."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from authserver.web import endpoints

PACKAGE = Path(__file__).parent.parent / "authserver"

# A module may import from the rows above its own; a folder also from itself.
LAYERS = (
    {
        "errors",
        "standard",
        "compact",
        "setting_sources",
        "setting_values",
        "setting_rules",
        "settings",
        "log_writer",
        "logs",
        "metrics",
    },
    {
        "jwt",
        "passwords",
        "tokens",
        "keys",
        "codes",
        "ratelimit",
        "identifiers",
        "listening",
        "heap",
        "moments",
        "access",
        "exposition",
        "board",
        "negotiation",
        "texts",
    },
    {"store"},
    {"app"},
    {"flows", "delivery"},
    {"web"},
    {"runtime", "workers"},
    {"checks", "wsgi"},
    {"commands"},
    {"cli"},
    {"__init__", "__main__"},
)
DEPTH = {name: depth for depth, names in enumerate(LAYERS) for name in names}
# settings has its sources, readers and rules in files of their own.
WITHIN_A_LAYER = {
    ("settings", "setting_sources"),
    ("settings", "setting_values"),
    ("settings", "setting_rules"),
    ("setting_rules", "setting_sources"),
    ("setting_rules", "settings"),  # for its type alone
    ("logs", "log_writer"),
}
FORBIDDEN = {("web", "store")}  # an endpoint that wants SQL is a missing flow
# Folders whose lesson is a map.
ROOMS = (
    *("delivery", "flows", "passwords", "store"),
    *("web", "web/api", "web/endpoints"),
)
DRIVERS = {"sqlite3": "store/sqlite.py", "mysql": "store/mysql.py"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def own_name(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Full names of all that a file imports, e.g. `authserver.store.users`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(path: Path) -> set[str]:
    """First part of every module of ours that a file imports."""
    dotted = (name.split(".") for name in imports(path))
    return {parts[1] for parts in dotted if parts[0] == "authserver"}


def calls(path: Path) -> set[str]:
    """Every attribute that a file names, as `time.time`."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_module_imports_only_from_lower_layers(path):
    own = own_name(path)
    wrong = {
        name
        for name in ours(path) - {own}
        if (DEPTH[name] >= DEPTH[own] and (own, name) not in WITHIN_A_LAYER)
        or (own, name) in FORBIDDEN
    }

    assert not wrong


def test_every_module_has_a_layer():
    assert {own_name(path) for path in SOURCES} == set(DEPTH)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_is_in_it(room):
    inside = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    told = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))

    assert {name for name in inside if not re.search(rf"\b{name}\b", told)} == set()


def test_every_module_of_endpoints_is_loaded_after_the_start():
    inside = {path.stem for path in (PACKAGE / "web/endpoints").glob("*.py")}

    assert set(endpoints.MODULES) == inside - {"__init__"}


@pytest.mark.parametrize(("driver", "home"), DRIVERS.items())
def test_one_file_knows_each_database_driver(driver, home):
    knowing = {
        path
        for path in SOURCES
        if any(name.split(".")[0] == driver for name in imports(path))
    }

    assert knowing <= {PACKAGE / home}


def test_one_file_reads_the_environment():
    assert [path.name for path in SOURCES if "os.environ" in calls(path)] == [
        "settings.py"
    ]


def test_only_the_runtime_and_deadlines_look_at_a_clock():
    clocks = {"time.time", "time.monotonic", "datetime.now", "time.time_ns"}
    looking = {
        str(path.relative_to(PACKAGE)) for path in SOURCES if calls(path) & clocks
    }

    assert looking == {
        "delivery/sockets.py",
        "runtime.py",
        "store/hosts.py",
        "store/many_writers.py",
        "store/readers.py",
        "store/waiting.py",
        "web/gateway.py",
        "web/handler.py",
        "web/door.py",
        "web/loop.py",
        "web/threads.py",
        "web/wire.py",
        "workers.py",
    }


def test_randomness_comes_from_the_modules_that_make_secrets():
    drawing = {
        own_name(path)
        for path in SOURCES
        if {"secrets", "random"} & {name.split(".")[0] for name in imports(path)}
        or {"os.urandom", "uuid.uuid4"} & calls(path)
    }

    assert drawing == {"tokens", "keys", "passwords"}


def test_every_folder_of_the_schema_is_in_a_wheel():
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())
    setuptools = project["tool"]["setuptools"]
    engines = {path.name for path in (PACKAGE.parent / "sql").iterdir()}

    for part in ("packages", "package-dir", "package-data"):
        named = {each for each in setuptools[part] if ".sql." in each}
        assert named == {f"authserver.sql.{engine}" for engine in engines}
