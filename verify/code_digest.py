"""Digest of the code a measurement rests on.

It answers one question, "would this code still measure the same?", so it is taken over syntax
trees: comments, formatting and docstrings do not count, and the trees are written out by hand,
because ``ast.dump`` and ``ast.unparse`` change between Python versions.
"""

import ast
import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from verify.code_cache import Import, Parsed, code_cache
from verify.digest import digest
from verify.errors import VerifyError

__all__ = ["DECLARATIONS", "Module", "Modules", "code_digest"]

DECLARATIONS = frozenset(
    {
        "reproductions.catalog",
        "reproductions.contract",
        "reproductions.conventions",
        "reproductions.model_names",
        "reproductions.timm_names",
        "vig_models.registry",
    }
)
"""Modules that only hold names and declarations; a code digest neither holds nor follows them.

Which of their entries a measurement used stands in its params, and a deliberate change of
meaning goes up in the ``protocol`` of its spec. Were they in, one more model name would make
every measurement stale.
"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A module that must be there, and the place that asks for it."""

    name: str
    by: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module as a code digest sees it."""

    digest: str
    imports: tuple[_Wanted, ...]


@dataclass(frozen=True, slots=True)
class Modules:
    """What one reading found out about modules under the same roots, by dotted name."""

    read: dict[str, Module | None] = field(default_factory=dict)
    """None for a folder without ``__init__.py``."""
    folders: dict[str, bool] = field(default_factory=dict)
    """Whether it is a folder, which alone holds further modules."""


def code_digest(
    modules: Sequence[str], roots: Mapping[str, Path], known: Modules | None = None
) -> str:
    """Digest ``modules`` and every project module that they import, directly or not.

    Imports count wherever they stand, inside functions too; names put together at run time
    (``importlib.import_module``) cannot be seen. As Python does, importing ``a.b`` takes in
    ``a/__init__.py``. Files are parsed once per process unless they change.

    Args:
        modules: dotted names to start from.
        roots: top-level name to the folder of that package, or to the file of that module;
            what is imported from anywhere else is left out.
        known: modules read before with the same roots, to be used and added to.

    Returns:
        64 hex digits; the same on Python 3.11 to 3.14.

    Raises:
        VerifyError: a module is not there, or a file is not Python.
    """
    known = known or Modules()
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [_Wanted(name, "code_digest") for name in modules]
    while waiting:
        wanted = waiting.pop()
        for name in _with_parents(wanted.name):
            if name in seen or name in DECLARATIONS:
                continue
            seen.add(name)
            if name not in known.read:
                known.read[name] = _read(name, roots, wanted.by, known.folders)
            module = known.read[name]
            if module is not None:
                found[name] = module.digest
                waiting += module.imports
    return digest(found)


def _read(name: str, roots: Mapping[str, Path], by: str, folders: dict[str, bool]) -> Module | None:
    """Read a module that ``by`` asks for; None for a folder without ``__init__.py``."""
    file = _file_of(name, roots, by)
    if file is None:
        return None
    parsed = _parsed(file)
    imports = _project_imports(name, file, parsed.imports, roots, folders)
    return Module(parsed.digest, tuple(imports))


def _with_parents(name: str) -> list[str]:
    """List ``a``, ``a.b``, ``a.b.c`` for ``a.b.c``: importing the last runs them all."""
    return list(itertools.accumulate(name.split("."), "{}.{}".format))


def _file_of(name: str, roots: Mapping[str, Path], by: str) -> Path | None:
    """Find a module's file; None for a folder without ``__init__.py``."""
    if name.partition(".")[0] not in roots:
        raise VerifyError(
            f"{by}: want a module of {', '.join(sorted(roots))}, found {name!r}; "
            f"name a module of the project"
        )
    place, files = _places_of(name, roots)
    for file in files:
        if file.is_file():
            return file
    if place.is_dir():
        return None
    raise VerifyError(f"{by}: want module {name!r} at {place}, found none; correct the name")


def _places_of(name: str, roots: Mapping[str, Path]) -> tuple[Path, tuple[Path, Path]]:
    """Return the folder a module would be, and the files it may be, in Python's order."""
    top, *rest = name.split(".")
    place = roots[top].joinpath(*rest)
    file = place.with_name(f"{place.name}.py") if rest else place
    return place, (place / "__init__.py", file)


def _project_imports(
    name: str,
    file: Path,
    imports: Iterable[Import],
    roots: Mapping[str, Path],
    folders: dict[str, bool],
) -> Iterator[_Wanted]:
    """Yield the modules inside ``roots`` that module ``name`` imports."""
    for statement in imports:
        base = _absolute(name, file, statement)
        if base.partition(".")[0] not in roots:
            continue
        by = f"{file}:{statement.line}"
        yield _Wanted(base, by)
        if base not in folders:
            folders[base] = _places_of(base, roots)[0].is_dir()
        if not folders[base]:
            continue
        for member in (f"{base}.{member}" for member in statement.names):
            # What is no module is a name inside ``base``, which is in already.
            if any(candidate.is_file() for candidate in _places_of(member, roots)[1]):
                yield _Wanted(member, by)


def _absolute(name: str, file: Path, statement: Import) -> str:
    """Resolve the leading dots of a ``from`` statement standing in module ``name``."""
    if statement.level == 0:
        return statement.module
    parts = name.split(".")
    up = statement.level - (file.name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *filter(None, [statement.module])])


def _parsed(file: Path) -> Parsed:
    try:
        status = file.stat()
        return _parsed_as_of(file, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise VerifyError(
            f"{file}: want a readable Python file, found {error.strerror}; make it readable"
        ) from error


@functools.cache
def _parsed_as_of(file: Path, _mtime_ns: int, _size: int) -> Parsed:
    content = file.read_bytes()
    kept = code_cache(Path(__file__))
    known = kept.get(content)
    if known is None:
        known = _parse(file, content)
        kept.put(content, known)
    return known


def _parse(file: Path, content: bytes) -> Parsed:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise VerifyError(
            f"{file}:{line}: want Python, found a syntax error ({error}); correct the file"
        ) from error
    imports: list[Import] = []
    text = json.dumps(_normal(tree, imports))
    return Parsed(hashlib.sha256(text.encode()).hexdigest(), tuple(imports))


_IMPORTS = (ast.Import, ast.ImportFrom)


def _normal(node: ast.AST, imports: list[Import]) -> list[object]:
    """Write a tree as nested lists: the node's type, then name and value of each field.

    Empty fields are left out, so that fields which later Pythons add do not matter.

    Args:
        node: the tree.
        imports: takes the import statements met on the way.
    """
    kind = node.__class__
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, _constant(node.value)]
    if kind in _IMPORTS:
        imports += _imports_of(node)
    normal: list[object] = [kind.__name__]
    values = node.__dict__
    for name in node._fields:
        value = values.get(name)
        if isinstance(value, list):
            value = [_normal_item(item, imports) for item in value if not _is_idle(item, node)]
        elif isinstance(value, ast.AST):
            # Load or store follows from where a name stands.
            value = None if name == "ctx" else _normal(value, imports)
        if value is not None and value != []:
            normal += (name, value)
    return normal


def _normal_item(item: object, imports: list[Import]) -> object:
    return _normal(item, imports) if isinstance(item, ast.AST) else item


def _imports_of(node: ast.AST) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(node.lineno, 0, alias.name, ()) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        return [Import(node.lineno, node.level, node.module or "", names)]
    return []


def _is_idle(item: object, parent: ast.AST) -> bool:
    """Tell docstrings (text as a statement) and the empty text some Pythons put in f-strings."""
    if isinstance(item, ast.Expr):
        return isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)
    return isinstance(parent, ast.JoinedStr) and isinstance(item, ast.Constant) and not item.value


def _constant(value: object) -> str:
    """Write a constant; text stands for itself, because its ``repr`` differs between Pythons."""
    return value if isinstance(value, str) else repr(value)
