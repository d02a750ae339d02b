"""The shape of the house, read from the source: what may import what, and what each part must have.

Each rule is a function from the root of a tree to the list of its violations. The rules run over
the product, and over a tiny tree in which one violation of each kind is planted.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "venuesdk"

FLOORS = {
    "": 6, "__main__": 6, "cli": 6,
    "testing": 5, "desktop": 5, "relay": 5, "metrics": 5,
    "venues": 4,
    "client": 3, "mirrors": 3,
    "session": 2,
    "wire": 1, "protocol": 1,
    "errors": 0, "models": 0, "book": 0, "timing": 0, "secret": 0, "_version": 0,
}  # fmt: skip
SINGLE_MODULE_FLOORS = {0, 6}

THREADED = (
    *("wire.stream", "wire.output", "wire.resolve", "wire.http", "session"),
    *("testing", "desktop", "relay", "cli"),
)
DOORS = {
    "websocket": ("wire.websocket",),
    "requests": ("wire.http",),
    "urllib3": ("wire.http",),
    "cattrs": ("protocol.convert",),
    "msgspec": ("protocol.convert",),
    "websockets": ("testing",),
    "zstandard": ("testing.tape",),
    "pytest": ("testing",),
    "click": ("cli",),
    "rich": ("cli",),
    "prometheus_client": ("metrics",),
    "redis": ("relay.reaching",),
    "tkinter": ("desktop",),
    "PySide6": ("desktop",),
    "wx": ("desktop",),
    "ssl": ("wire", "testing"),
    "socket": ("wire", "testing"),
    "select": ("wire", "testing"),
    "selectors": ("wire", "testing"),
    "time": ("timing",),
    "threading": THREADED,
    "queue": THREADED,
    "concurrent": THREADED,
    "_thread": (),
    "asyncio": (),
}

VENUE_MODULES = ("codec.py", "models.py", "client.py")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "misc"}


@dataclass(frozen=True)
class Module:
    """One source file; ``part`` is its dotted name below the package, "" for the package itself."""

    path: Path
    part: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def unit(self) -> str:
        return self.part.partition(".")[0]


@dataclass(frozen=True)
class Import:
    """One import: absolute target, the name taken from it, and when it runs."""

    target: str
    line: int
    name: str = ""
    at_load: bool = True
    for_types: bool = False

    @property
    def part(self) -> str | None:
        """Return the target below the package, or None where it is outside."""
        head, _, part = self.target.partition(".")
        return part if head == PACKAGE else None


def modules(root: Path) -> dict[str, Module]:
    """Return every module of the product by its dotted name below the package."""
    return _real() if root == ROOT else _read(root)


@functools.cache
def _real() -> dict[str, Module]:
    return _read(ROOT)


def _read(root: Path) -> dict[str, Module]:
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        names = path.relative_to(root / PACKAGE).with_suffix("").parts
        part = ".".join(names[:-1] if names[-1] == "__init__" else names)
        found[part] = Module(path, part, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports(module: Module, known: dict[str, Module]) -> Iterator[Import]:
    """Yield the imports of a module, wherever they stand, with relative ones resolved."""
    home = f"{PACKAGE}.{module.part}".rstrip(".").split(".")
    package = home if module.is_package else home[:-1]

    def statement(node: ast.AST, where: Import) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield replace(where, target=name.name)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            for name in node.names:
                whole = f"{source}.{name.name}"
                is_module = whole.startswith(f"{PACKAGE}.") and whole[len(PACKAGE) + 1 :] in known
                if is_module:
                    yield replace(where, target=whole)
                else:
                    yield replace(where, target=source, name=name.name)

    def visit(node: ast.AST, where: Import) -> Iterator[Import]:
        where = replace(where, line=getattr(node, "lineno", where.line))
        yield from statement(node, where)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            where = replace(where, at_load=False)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for field, value in ast.iter_fields(node):
            inner = where
            if typing_only and field == "body":
                inner = replace(where, for_types=True, at_load=False)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from visit(child, inner)

    yield from visit(module.tree, Import(target="", line=0))


def all_imports(root: Path) -> Iterator[tuple[Module, Import]]:
    """Yield every import of the product with the module it stands in."""
    known = modules(root)
    for module in known.values():
        for one in imports(module, known):
            yield module, one


def within(part: str, place: str) -> bool:
    """Tell whether a module is the place, or is in it."""
    return part == place or part.startswith(place + ".")


# ---- the rules ---------------------------------------------------------------------------------


def floors(root: Path) -> list[str]:
    """Imports go down: never up, never across a floor, never from one venue to another."""
    wrong = []
    for module, one in all_imports(root):
        if one.part is None:
            continue
        source, target = module.unit, one.part.partition(".")[0]
        if source not in FLOORS or target not in FLOORS:
            wrong.append(f"{module.part}:{one.line} imports {one.target}: no floor is known")
        elif source != target and not (
            FLOORS[target] < FLOORS[source]
            or FLOORS[target] == FLOORS[source] in SINGLE_MODULE_FLOORS
        ):
            wrong.append(f"{module.part}:{one.line} imports {one.target}: not below it")
        elif source == target == "venues":
            here, there = module.part.split(".")[1:2], one.part.split(".")[1:2]
            if here and there and here != there:
                wrong.append(f"{module.part}:{one.line} imports {one.target}: another venue")
        elif within(module.part, "testing.sims") and target != "testing" and FLOORS[target] > 0:
            wrong.append(f"{module.part}:{one.line} imports {one.target}: a simulator is a peer")
    return wrong


def doors(root: Path) -> list[str]:
    """A guarded library stays behind its door; for types alone, the standard library is free."""
    wrong = []
    for module, one in all_imports(root):
        library = one.target.partition(".")[0]
        if library not in DOORS or (one.for_types and library in sys.stdlib_module_names):
            continue
        if not any(within(module.part, place) for place in DOORS[library]):
            wrong.append(f"{module.part}:{one.line} imports {library}: not its door")
    return wrong


def cycles(root: Path) -> list[str]:
    """No module is loaded before a module that it needs at load."""
    known = modules(root)
    needs = {
        part: {one.part for one in imports(module, known) if one.at_load and one.part in known}
        for part, module in known.items()
    }
    wrong: list[str] = []
    done: set[str] = set()

    def follow(part: str, way: list[str]) -> None:
        if part in way:
            wrong.append(" -> ".join([*way[way.index(part) :], part]))
        elif part not in done:
            for needed in sorted(needs[part] - {part, None}):
                follow(needed, [*way, part])
            done.add(part)

    for part in known:
        follow(part, [])
    return wrong


def loaded(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs as a module is loaded: all but what stands in a function or a class."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from loaded(child)


def defined(module: Module) -> dict[str, bool]:
    """Return the names bound by a module as it is loaded: whether each is public by its nature.

    Classes and functions are, and in a package what it re-exports; constants only by being used.
    """
    names: dict[str, bool] = {}
    for node in loaded(module.tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names[node.name] = True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id, False)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            source = getattr(node, "module", None) or ""
            ours = bool(getattr(node, "level", 0)) or source.partition(".")[0] == PACKAGE
            for alias in node.names:
                names.setdefault(alias.asname or alias.name, module.is_package and ours)
    return {name: public and not name.startswith("_") for name, public in names.items()}


def sorted_names(names: list[str]) -> list[str]:
    """Sort constants first, then classes, then the rest: the order that ``ruff --fix`` writes."""

    def place(name: str) -> tuple[int, str]:
        constant = name.isupper() and len(name) > 1
        return (0 if constant else 1 if name[0].isupper() else 2, name)

    return sorted(set(names), key=place)


def exports(root: Path) -> list[str]:
    """``__all__`` is sorted, lists what is there, all that is public, and all that others take."""
    wrong = []
    taken: dict[str, set[str]] = {}
    for module, one in all_imports(root):
        if one.part is None or not one.name:
            continue
        if one.name.startswith("_") and not one.name.endswith("__"):
            wrong.append(f"{module.part}:{one.line} takes {one.name}, which is private")
        elif not one.name.startswith("_"):
            taken.setdefault(one.part, set()).add(one.name)
    for module in modules(root).values():
        names = defined(module)
        listed: list[str] = []
        for node in module.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                listed = ast.literal_eval(node.value)
        where = module.part or PACKAGE
        if list(listed) != sorted_names(listed):
            wrong.append(f"{where}: __all__ is not sorted")
        public = {name for name, by_nature in names.items() if by_nature}
        missing = sorted((public | taken.get(module.part, set())) - set(listed))
        if missing:
            wrong.append(f"{where}: __all__ lacks {', '.join(missing)}")
        invented = sorted(set(listed) - set(names))
        if invented and "__getattr__" not in names:
            wrong.append(f"{where}: __all__ lists {', '.join(invented)}, which is not there")
    return wrong


def mirror(root: Path) -> list[str]:
    """Every module has its test file; those of one venue, or of one simulator, may share one."""
    wrong = []
    for module in modules(root).values():
        *folders, name = module.part.split(".")
        if module.is_package or name.startswith("_"):
            continue
        stems = [name]
        if folders[:1] == ["venues"]:
            *folders, name = [*folders, name][:2]
            stems = [name]
        elif folders == ["testing", "sims"]:
            stems.append(name.partition("_")[0])
        tests = [Path("tests", *folders, f"test_{stem}.py") for stem in stems]
        if not any((root / test).is_file() for test in tests):
            wrong.append(f"{module.part}: {tests[0].as_posix()} is missing")
    return wrong


def venues(root: Path) -> list[str]:
    """Every venue has its codec, models and client, its simulator and its tape."""
    wrong = []
    for folder in sorted((root / PACKAGE / "venues").glob("[!_.]*/")):
        if not folder.is_dir():
            continue
        sims = root / PACKAGE / "testing" / "sims"
        needed = [folder / module for module in VENUE_MODULES]
        needed.append(root / "tests" / "tapes" / f"{folder.name}.jsonl")
        if not (sims / folder.name / "__init__.py").is_file():
            needed.append(sims / f"{folder.name}.py")
        wrong += [
            f"{folder.name}: {file.relative_to(root).as_posix()} is missing"
            for file in needed
            if not file.is_file()
        ]
    return wrong


def names(root: Path) -> list[str]:
    """A module's name says what is in it."""
    return [
        f"{module.part}: the name says nothing"
        for module in modules(root).values()
        if module.part.rpartition(".")[2] in NAMES_THAT_SAY_NOTHING
    ]


def conditions(root: Path) -> list[str]:
    """A condition is for waiting; what is entered is its lock, by itself.

    A condition is entered by Python code, in which Ctrl-C can strike when the lock is taken and
    nobody is there yet to give it back. A lock is entered in one step.
    """
    wrong = []
    for module in modules(root).values():
        made = {
            ast.unparse(target)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Assign) and "threading.Condition(" in ast.unparse(node.value)
            for target in node.targets
        }
        wrong += [
            f"{module.part}:{node.lineno} enters a condition"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.With)
            for item in node.items
            if ast.unparse(item.context_expr) in made
        ]
    return wrong


Rule = Callable[[Path], list[str]]
RULES: list[Rule] = [floors, doors, cycles, exports, mirror, venues, names, conditions]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_the_rule(rule: Rule) -> None:
    """The product breaks none of the rules of its own house."""
    broken = rule(ROOT)
    assert not broken, "\n".join(broken)


# ---- each rule catches what it is for ----------------------------------------------------------

TINY = {
    "venuesdk/__init__.py": '__all__ = ["Later"]\ndef __getattr__(name): ...\n',
    "venuesdk/_version.py": '__version__ = "1"\n',
    "venuesdk/errors.py": '__all__ = ["A", "b"]\nclass A: ...\ndef b(): ...\n_c = 1\n',
    "venuesdk/timing.py": "import time\nfrom .errors import A\n",
    "venuesdk/wire/__init__.py": 'from .stream import S\n__all__ = ["S"]\n',
    "venuesdk/wire/stream.py": "import socket, threading\nfrom ..errors import A\n"
    'import logging\nlogger = logging.getLogger(__name__)\n__all__ = ["S"]\nclass S: ...\n',
    "venuesdk/protocol/__init__.py": "",
    "venuesdk/protocol/codec.py": "from __future__ import annotations\n"
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ssl\n",
    "venuesdk/client.py": "def _late():\n    from . import protocol\n",
    "venuesdk/venues/__init__.py": "",
    "venuesdk/venues/zeta/__init__.py": "from .client import Z\n__all__ = ['Z']\n",
    "venuesdk/venues/zeta/codec.py": "from venuesdk.protocol import codec\n",
    "venuesdk/venues/zeta/models.py": "",
    "venuesdk/venues/zeta/client.py": "from . import codec\n__all__ = ['Z']\nclass Z: ...\n",
    "venuesdk/testing/__init__.py": "",
    "venuesdk/testing/sims/__init__.py": "",
    "venuesdk/testing/sims/zeta.py": "import websockets\nfrom venuesdk import errors\n",
    "venuesdk/testing/sims/zeta_rows.py": "",
    "tests/test_errors.py": "",
    "tests/test_timing.py": "",
    "tests/test_client.py": "",
    "tests/wire/test_stream.py": "",
    "tests/protocol/test_codec.py": "",
    "tests/venues/test_zeta.py": "",
    "tests/testing/sims/test_zeta.py": "",
    "tests/tapes/zeta.jsonl": "",
}
"""A product with one venue that breaks no rule."""

Change = dict[str, str | None]
PLANTED: list[tuple[Rule, Change, str]] = [
    (floors, {"venuesdk/errors.py": "import venuesdk.wire.stream"}, "errors:1 imports"),
    (floors, {"venuesdk/errors.py": "from .wire.stream import S"}, "errors:1 imports"),
    (floors, {"venuesdk/errors.py": "from . import client"}, "imports venuesdk.client: not below"),
    (floors, {"venuesdk/errors.py": "from . import Later"}, "imports venuesdk: not below"),
    (floors, {"venuesdk/errors.py": "def f():\n    import venuesdk.client"}, "errors:2 imports"),
    (floors, {"venuesdk/wire/stream.py": "from ..protocol import codec"}, "wire.stream:1 imports"),
    (floors, {"venuesdk/protocol/codec.py": "import venuesdk.wire"}, "imports venuesdk.wire"),
    (
        floors,
        {"venuesdk/protocol/codec.py": "if TYPE_CHECKING:\n    from ..wire.stream import S"},
        "protocol.codec:2 imports venuesdk.wire.stream",
    ),
    (floors, {"venuesdk/spare.py": "from . import errors"}, "no floor is known"),
    (floors, {"venuesdk/venues/eta/codec.py": "from ..zeta import models"}, "another venue"),
    (floors, {"venuesdk/testing/sims/zeta.py": "import venuesdk.protocol.codec"}, "is a peer"),
    (doors, {"venuesdk/wire/stream.py": "import websocket"}, "imports websocket: not its door"),
    (doors, {"venuesdk/client.py": "import requests.adapters"}, "imports requests"),
    (doors, {"venuesdk/client.py": "def f():\n    from urllib3 import x"}, "client:2 imports"),
    (doors, {"venuesdk/protocol/codec.py": "import msgspec"}, "imports msgspec"),
    (doors, {"venuesdk/venues/zeta/models.py": "import cattrs"}, "imports cattrs"),
    (doors, {"venuesdk/wire/stream.py": "import websockets"}, "imports websockets"),
    (doors, {"venuesdk/client.py": "import socket"}, "imports socket"),
    (doors, {"venuesdk/protocol/codec.py": "import ssl"}, "imports ssl"),
    (doors, {"venuesdk/wire/stream.py": "import time"}, "imports time"),
    (doors, {"venuesdk/client.py": "from threading import Lock"}, "imports threading"),
    (doors, {"venuesdk/wire/endpoint.py": "import queue"}, "imports queue"),
    (doors, {"venuesdk/testing/link.py": "import asyncio"}, "imports asyncio"),
    (
        doors,
        {"venuesdk/client.py": "if TYPE_CHECKING:\n    import requests"},
        "client:2 imports requests",
    ),
    (
        cycles,
        {
            "venuesdk/wire/stream.py": "from .frames import F",
            "venuesdk/wire/frames.py": "from venuesdk.wire import stream",
        },
        "wire.stream -> wire.frames -> wire.stream",
    ),
    (cycles, {"venuesdk/wire/stream.py": "from . import S"}, "wire -> wire.stream -> wire"),
    (exports, {"venuesdk/errors.py": '__all__ = ["b", "A"]\nA = b = 1'}, "is not sorted"),
    (exports, {"venuesdk/errors.py": '__all__ = ["A", "A"]\nA = 1'}, "is not sorted"),
    (exports, {"venuesdk/errors.py": '__all__ = ["Ab", "CD"]\nAb = CD = 1'}, "is not sorted"),
    (exports, {"venuesdk/errors.py": '__all__ = ["A"]\nA = 1\nclass B: ...'}, "lacks B"),
    (exports, {"venuesdk/errors.py": "def b(): ..."}, "errors: __all__ lacks A, b"),
    (
        exports,
        {"venuesdk/errors.py": "try:\n    class C: ...\nexcept E:\n    def d(): ..."},
        "errors: __all__ lacks A, C, d",
    ),
    (
        exports,
        {"venuesdk/errors.py": "LIMIT = 1", "venuesdk/client.py": "from .errors import LIMIT"},
        "errors: __all__ lacks A, LIMIT",
    ),
    (exports, {"venuesdk/client.py": "from .errors import _c"}, "client:1 takes _c, which is"),
    (exports, {"venuesdk/wire/__init__.py": "from .stream import S"}, "wire: __all__ lacks S"),
    (exports, {"venuesdk/errors.py": '__all__ = ["A"]'}, "lists A, which is not there"),
    (mirror, {"tests/test_errors.py": None}, "errors: tests/test_errors.py is missing"),
    (mirror, {"tests/wire/test_stream.py": None}, "wire.stream: tests/wire/test_stream.py is"),
    (mirror, {"tests/venues/test_zeta.py": None}, "zeta.codec: tests/venues/test_zeta.py is"),
    (mirror, {"venuesdk/testing/sims/eta_rows.py": ""}, "tests/testing/sims/test_eta_rows.py is"),
    (venues, {"venuesdk/venues/zeta/codec.py": None}, "zeta: venuesdk/venues/zeta/codec.py is"),
    (venues, {"venuesdk/testing/sims/zeta.py": None}, "venuesdk/testing/sims/zeta.py is missing"),
    (venues, {"tests/tapes/zeta.jsonl": None}, "zeta: tests/tapes/zeta.jsonl is missing"),
    (names, {"venuesdk/wire/utils.py": ""}, "wire.utils: the name says nothing"),
    (
        conditions,
        {
            "venuesdk/wire/stream.py": (
                "class S:\n"
                "    def __init__(self):\n"
                "        self._changed = threading.Condition()\n"
                "    def f(self):\n"
                "        with self._changed:\n"
                "            self._changed.wait()\n"
            )
        },
        "wire.stream:5 enters a condition",
    ),
]


def plant(root: Path, files: Change) -> None:
    """Write the files of a tree; take away those that are None."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def test_a_tree_in_order_breaks_no_rule(tmp_path: Path) -> None:
    """Lazy faces, private names, loggers, late and typing-only imports are all in order."""
    plant(tmp_path, {**TINY})
    assert [violation for rule in RULES for violation in rule(tmp_path)] == []


@pytest.mark.parametrize(
    ("rule", "change", "said"),
    PLANTED,
    ids=[f"{rule.__name__}-{number}" for number, (rule, _, _) in enumerate(PLANTED)],
)
def test_a_planted_violation_is_caught(
    rule: Rule, change: Change, said: str, tmp_path: Path
) -> None:
    """A tree in order with one thing put wrong is refused by the rule that is for it."""
    plant(tmp_path, {**TINY})
    plant(tmp_path, change)
    assert any(said in violation for violation in rule(tmp_path))
