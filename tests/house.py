"""The house rules, as functions that read source text and yield what breaks them."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 400
ROOM_MODULES_MAX = 10
ROOM_DEPTH_MAX = 2
PARAMETERS_MAX = 6
POSITIONAL_MAX = 4
LINE_MAX = 99

#: Names that say nothing about what is inside.
EMPTY_NAMES = frozenset({"utils", "util", "common", "core", "manager", "helpers", "misc"})

#: Rooms and modules where money, prices or quantities are counted. Everything inside is meant.
MONEY_ROOMS = ("domain", "pretrade", "execution", "engine", "journal", "posttrade", "exchange")
#: The exceptions, rooms and modules, each with its reason.
MAY_USE_FLOATS = {
    "domain/numbers/estimates.py": "estimates, never booked",
    "execution/placement/": "estimates, never booked",
    "pretrade/costs/": "estimates, never booked",
    "exchange/faults.py": "probabilities",
    "posttrade/charts.py": "coordinates on a canvas",
}
#: Names that are seconds, or factors of time, without saying so by an ending.
TIME_NAMES = frozenset({"seconds", "speed", "monotonic", "started", "deadline"})

#: Rooms and modules that decide; they may not look at time or at the world.
PURE = (
    "domain/",
    "pretrade/",
    "execution/",
    "brokers/alpaca/codec.py",
    "engine/book/",
    "engine/decide.py",
    "engine/compare/approve.py",
    "engine/compare/cash.py",
    "engine/compare/fills.py",
    "engine/compare/findings.py",
    "engine/compare/orders.py",
    "engine/compare/positions.py",
    "engine/gates/unexplained.py",
    "engine/state.py",
    "exchange/matching/book.py",
)
#: Rooms of the plan that are not built yet.
PLANNED = frozenset[str]()
WORLDLY = frozenset(
    {"asyncio", "logging", "os", "random", "secrets", "socket", "sqlite3", "subprocess"}
    | {"sys", "threading", "time", "uuid"}
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One module of the package: `path` is relative to the package, as `domain/order.py`."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def functions(self) -> Iterator[_Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def finding(self, line: int, text: str) -> str:
        return f"src/floorbroker/{self.path}:{line}: {text}"


def long_functions(module: Module) -> Iterator[str]:
    for function in module.functions:
        size = _body_lines(function)
        if size > FUNCTION_LINES_MAX:
            text = f"{function.name} has {size} lines; at most {FUNCTION_LINES_MAX}, split it"
            yield module.finding(function.lineno, text)


def long_modules(module: Module) -> Iterator[str]:
    if len(module.lines) > MODULE_LINES_MAX:
        text = f"{len(module.lines)} lines; at most {MODULE_LINES_MAX}, make it two modules"
        yield module.finding(1, text)


def long_lines(module: Module) -> Iterator[str]:
    for number, line in enumerate(module.lines, 1):
        if len(line) > LINE_MAX:
            yield module.finding(number, f"{len(line)} characters; at most {LINE_MAX}")


def many_parameters(module: Module) -> Iterator[str]:
    methods = {
        child
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for child in node.body
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any(_name_of(mark) == "staticmethod" for mark in child.decorator_list)
    }
    for function in module.functions:
        given = function.args
        positional = len(given.posonlyargs) + len(given.args) - (function in methods)
        total = positional + len(given.kwonlyargs)
        if total > PARAMETERS_MAX:
            text = f"{function.name} takes {total} parameters; at most {PARAMETERS_MAX}"
            yield module.finding(function.lineno, f"{text}, group what belongs together")
        if positional > POSITIONAL_MAX:
            text = f"{function.name} takes {positional} positional parameters"
            hint = f"at most {POSITIONAL_MAX}, then keyword-only"
            yield module.finding(function.lineno, f"{text}; {hint}")


def missing_docstring(module: Module) -> Iterator[str]:
    docstring = ast.get_docstring(module.tree)
    if not docstring:
        yield module.finding(1, "no docstring; say in one sentence what the module is for")
    elif not docstring.splitlines()[0].rstrip().endswith((".", ":", ",")) and "\n\n" in docstring:
        yield module.finding(1, "the docstring's first line is no sentence; end it with a stop")


def busy_init(module: Module) -> Iterator[str]:
    """The package's own `__init__` may offer its public names; every other one only explains."""
    if not module.path.endswith("/__init__.py"):
        return
    for statement in module.tree.body[1:]:
        yield module.finding(statement.lineno, "an __init__.py holds its docstring only")


def empty_names(module: Module) -> Iterator[str]:
    path = PurePosixPath(module.path)
    for part in (*path.parts[:-1], path.stem):
        if EMPTY_NAMES & set(part.split("_")):
            yield module.finding(1, f'the name "{part}" says nothing; name it by the trade')


def relative_imports(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield module.finding(node.lineno, "a relative import; write it out")


def worldly_imports(module: Module) -> Iterator[str]:
    """`random.Random` is a type here: randomness that is passed in is as good as any value."""
    if not module.path.startswith(PURE):
        return
    for node, name in _imports(module.tree):
        if name == "random.Random":
            continue
        if name.split(".")[0] in WORLDLY or name.startswith("floorbroker.clock"):
            text = f"a pure module imports {name}; pass in what it wants to know"
            yield module.finding(node.lineno, text)


def floats(module: Module) -> Iterator[str]:
    """In rooms that count money a float may only be a number of seconds, and must say so."""
    if not module.path.startswith(tuple(f"{room}/" for room in MONEY_ROOMS)):
        return
    if module.path.startswith(tuple(MAY_USE_FLOATS)):
        return
    yield from _float_annotations(module)
    seconds = {id(part) for root in _seconds(module.tree) for part in ast.walk(root)}
    for node in ast.walk(module.tree):
        if id(node) in seconds:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            text = f"{node.value} is a float; use an int or an exact Decimal"
            yield module.finding(node.lineno, text)
        if isinstance(node, ast.Call) and _name_of(node.func) == "float":
            yield module.finding(node.lineno, "float() loses cents; keep the Decimal")


def bare_excuses(module: Module) -> Iterator[str]:
    """Every muted check stands with its reason: on the line, or in the comment above."""
    for number, line in enumerate(module.lines, 1):
        found = re.search(r"#\s*(?:noqa|type:\s*ignore|pragma)\b[:\s]*(?:\[[^]]*\])?(.*)", line)
        if not found:
            continue
        words = re.sub(r"\b[A-Z]{1,4}\d{2,4}\b", "", found.group(1))
        above = module.lines[number - 2].strip() if number > 1 else ""
        if not re.search(r"[a-z]{2}", words) and not above.startswith("#"):
            yield module.finding(number, "a muted check without a reason; write why beside it")


RULES: tuple[Callable[[Module], Iterator[str]], ...] = (
    long_functions,
    long_modules,
    long_lines,
    many_parameters,
    missing_docstring,
    busy_init,
    empty_names,
    relative_imports,
    worldly_imports,
    floats,
    bare_excuses,
)


def crowded_rooms(paths: list[str]) -> Iterator[str]:
    """Rooms with too many modules, or too deep in the house."""
    rooms: dict[str, list[str]] = {}
    for path in map(PurePosixPath, paths):
        if len(path.parts) - 1 > ROOM_DEPTH_MAX:
            yield f"src/floorbroker/{path}: a room deeper than {ROOM_DEPTH_MAX} levels; flatten it"
        if path.name != "__init__.py":
            rooms.setdefault(str(path.parent), []).append(path.name)
    for room, names in sorted(rooms.items()):
        if len(names) > ROOM_MODULES_MAX:
            text = f"{len(names)} modules; at most {ROOM_MODULES_MAX}"
            yield f"src/floorbroker/{room}: {text}: {', '.join(sorted(names))}"


def _body_lines(function: _Function) -> int:
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    return (function.end_lineno or body[-1].lineno) - body[0].lineno + 1


def _imports(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def _float_annotations(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        for name, annotation in _annotated(node):
            if annotation is None or _is_seconds(name):
                continue
            for part in ast.walk(annotation):
                if isinstance(part, ast.Name) and part.id == "float":
                    text = f"{name} is a float; use Qty, Px, Money or Decimal"
                    yield module.finding(part.lineno, f"{text}, or end its name in _s for seconds")


def _annotated(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(node, ast.arg):
        yield node.arg, node.annotation
    elif isinstance(node, ast.AnnAssign):
        yield _name_of(node.target), node.annotation
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name, node.returns


def _seconds(tree: ast.Module) -> Iterator[ast.AST]:
    """Expressions whose place says that they are seconds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.Assign | ast.keyword):
            if node.value and all(map(_is_seconds, _targets(node))):
                yield node.value
        elif isinstance(node, ast.Call) and _name_of(node.func) in ("sleep", "advance"):
            yield from node.args
        elif isinstance(node, ast.arguments):
            yield from _seconds_by_default(node)


def _targets(node: ast.AnnAssign | ast.Assign | ast.keyword) -> list[str]:
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [_name_of(target) for target in targets]


def _seconds_by_default(given: ast.arguments) -> Iterator[ast.AST]:
    positional = [*given.posonlyargs, *given.args]
    named = positional[len(positional) - len(given.defaults) :]
    for argument, default in zip(named, given.defaults, strict=True):
        if _is_seconds(argument.arg):
            yield default
    for argument, maybe in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if maybe is not None and _is_seconds(argument.arg):
            yield maybe


def _is_seconds(name: str) -> bool:
    return name.lower().endswith("_s") or name.strip("_") in TIME_NAMES


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return ""
