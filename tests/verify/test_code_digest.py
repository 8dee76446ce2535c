"""Digests of code: what moves them and what does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from verify.code_digest import code_digest
from verify.errors import VerifyError

MEASURE = '''"""Protocol: count."""
from math import sqrt

class Params:
    """Which."""
    size: int = 3
    """How large."""

def count(model, *, scale=1.0):
    """Count the weights."""
    # every one of them
    text = f"{model!r:>{scale}}{{" + ""
    if scale > 2:
        return [sqrt(x) for x in model], None, text
    return join("", b"a", 7)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package ``reproductions`` whose ``measure`` reaches every other module but ``alone``."""
    files = {
        "__init__": "from reproductions import shared",
        "shared": "S = 1",
        "measure": MEASURE + "    from . import lazy\n    from .deep.er import E as e\n",
        "lazy": "import reproductions.plain, torch\nimport reproductions.measure",
        "plain": "from reproductions.catalog import NAMES\nP = 1",
        "deep/__init__": "from .inner import I",
        "deep/inner": "I = 1",
        "deep/er": "from ..above import *\nE = 1",
        "above": "from reproductions import deep, absent_name",
        "catalog": "from reproductions import behind\nNAMES = 1",
        "behind": "B = 1",
        "alone": "A = 1",
    }
    for name, text in files.items():
        file = tmp_path / "reproductions" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "reproductions"


@pytest.fixture
def code(project: Path) -> Callable[[], str]:
    """Digest the code that ``reproductions.measure`` rests on."""
    return lambda: code_digest(["reproductions.measure"], {"reproductions": project})


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("# every one of them", "# all", id="comment"),
        pytest.param("Protocol: count.", "Protocol: add up.", id="docstring of a module"),
        pytest.param('    """Count the weights."""\n', "", id="docstring of a function"),
        pytest.param('"""Which."""', '"""Whichever."""', id="docstring of a class"),
        pytest.param('"""How large."""', "'how many'", id="docstring of an attribute"),
        pytest.param("scale > 2:", "(scale\n        > 2):", id="parentheses and line breaks"),
        pytest.param('join("", b"a", 7)', "join('', b'a', 0x7)", id="notation of constants"),
        pytest.param("\n", "\r\n", id="line end"),
    ],
)
def test_code_digest_does_not_see_how_code_is_written(
    code: Callable[[], str], project: Path, old: str, new: str
) -> None:
    before = code()
    _edit(project / "measure.py", old, new)
    assert code() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("size: int = 3", "size: int = 4", id="constant"),
        pytest.param("scale=1.0", "scale=1", id="type of a constant"),
        pytest.param('join("", ', "join(", id="empty text among arguments"),
        pytest.param('"", b"a"', '"", "a"', id="bytes and text"),
        pytest.param("None, text", "text", id="none"),
        pytest.param("scale > 2", "scale >= 2", id="operator"),
        pytest.param("*, scale", "scale", id="way an argument is passed"),
        pytest.param("sqrt(x)", "abs(x)", id="name"),
        pytest.param("!r", "", id="f-string"),
        pytest.param("from math import sqrt", "from cmath import sqrt", id="import from outside"),
    ],
)
def test_code_digest_sees_what_code_does(
    code: Callable[[], str], project: Path, old: str, new: str
) -> None:
    before = code()
    _edit(project / "measure.py", old, new)
    assert code() != before


@pytest.mark.parametrize(
    "module",
    ["__init__", "shared", "lazy", "plain", "deep/__init__", "deep/inner", "deep/er", "above"],
)
def test_code_digest_sees_every_module_imported_on_the_way(
    code: Callable[[], str], project: Path, module: str
) -> None:
    before = code()
    _edit(project / f"{module}.py", "", "changed = 1\n")
    assert code() != before


@pytest.mark.parametrize("module", ["catalog", "behind", "alone"])
def test_code_digest_leaves_out_declarations_and_what_nobody_imports(
    code: Callable[[], str], project: Path, module: str
) -> None:
    before = code()
    _edit(project / f"{module}.py", "", "changed = 1\n")
    assert code() == before


def test_code_digest_is_the_same_wherever_the_project_lies(
    code: Callable[[], str], project: Path
) -> None:
    before = code()
    moved = project.rename(project.with_name("moved"))
    assert code_digest(["reproductions.measure"], {"reproductions": moved}) == before


def test_code_digest_is_the_same_in_any_order_of_modules(project: Path) -> None:
    names = ["reproductions.alone", "reproductions.measure"]
    roots = {"reproductions": project}
    assert code_digest(names, roots) == code_digest(names[::-1], roots)


def test_code_digest_is_the_same_on_every_python(tmp_path: Path) -> None:
    (tmp_path / "measure.py").write_text(
        MEASURE + '    match x:\n        case None: f"{x:}{y:{z}}"\n    del x[1:, ...]\n'
    )
    wanted = "e98ccaabf294a2678463442e848d78e8a5c673f00cb676530c4dddfeb30a801a"
    assert code_digest(["measure"], {"measure": tmp_path / "measure.py"}) == wanted


def test_code_digest_follows_imports_between_single_file_modules(tmp_path: Path) -> None:
    roots = {name: tmp_path / f"{name}.py" for name in ("theirs", "helper")}
    roots["theirs"].write_text("from helper import h")
    roots["helper"].write_text("h = 1")
    before = code_digest(["theirs"], roots)
    roots["helper"].write_text("h = 22")
    assert code_digest(["theirs"], roots) != before


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        pytest.param("reproductions.no", "", r"code_digest: .*'reproductions\.no'", id="start"),
        pytest.param("timm.vit", "", "want a module of reproductions, found 'timm'", id="root"),
        pytest.param("reproductions.bad", "\nimport reproductions.no", r"bad\.py:2:", id="import"),
        pytest.param("reproductions.bad", "\n\nx = (", r"bad\.py:3: want Python", id="syntax"),
        pytest.param("reproductions.bad", "x = '\0'", r"bad\.py:1: want Python", id="null byte"),
    ],
)
def test_code_digest_says_where_it_cannot_go_on(
    project: Path, module: str, text: str, message: str
) -> None:
    (project / "bad.py").write_text(text)
    with pytest.raises(VerifyError, match=message):
        code_digest([module], {"reproductions": project})
