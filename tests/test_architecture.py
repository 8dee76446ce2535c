"""The arrow verify -> reproductions -> vig_models, who may read claims, and what stays light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("vig_models", "reproductions", "verify")
"""From the bottom up: a package may import itself and what stands before it."""
FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
TORCH_FREE = [
    "vig_models",
    "vig_models.registry",
    "reproductions.artifact_cache",
    "reproductions.artifacts",
    "reproductions.catalog",
    "reproductions.contract",
    "reproductions.conventions",
    "reproductions.errors",
    "reproductions.fetching",
    "reproductions.measure",
    "reproductions.model_names",
    "reproductions.pooling",
    "reproductions.speed_statistics",
    "reproductions.timm_names",
    *(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "verify").rglob("*.py"))
        if path.stem not in {"__main__", "__init__"}
    ),
]
BROAD = {"Exception", "BaseException"}


def name_of(path):
    return str(path.relative_to(ROOT))


def imports(tree):
    """Yield (dots, module) of every import statement, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path):
    layer = path.relative_to(ROOT).parts[0]
    above = LAYERS[LAYERS.index(layer) + 1 :]
    found = list(imports(ast.parse(path.read_text())))
    assert [module for _, module in found if module.partition(".")[0] in (*above, "tests")] == []
    assert [dots for dots, _ in found if dots] == [], "relative imports hide the layer"


@pytest.mark.parametrize("layer", ["vig_models", "reproductions"])
def test_claims_are_named_by_verify_alone(layer):
    for path in (ROOT / layer).rglob("*.py"):
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in texts if "claims.yaml" in text or "claims/" in text], path


def test_broad_excepts_stand_only_where_code_of_others_runs():
    found = [
        name_of(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)
    ]
    assert found == ["reproductions/worker.py", "verify/modules.py"]


def _is_broad(type_):
    names = type_.elts if isinstance(type_, ast.Tuple) else [type_]
    return type_ is None or any(isinstance(n, ast.Name) and n.id in BROAD for n in names)


def test_the_claims_folder_holds_data_only():
    assert {path.suffix for path in (ROOT / "claims").rglob("*") if path.is_file()} == {".yaml"}


def loaded_by(code, *arguments):
    """Run code in a fresh interpreter and name the modules loaded at its end."""
    report = '\nimport json as j, sys as s; s.stderr.write("\\n" + j.dumps(sorted(s.modules)))'
    ran = subprocess.run(
        [sys.executable, "-c", code + report, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(json.loads(ran.stderr.splitlines()[-1]))


def test_what_names_and_judges_loads_no_torch():
    loaded = loaded_by("\n".join(f"import {name}" for name in TORCH_FREE))
    assert set(TORCH_FREE) <= loaded
    assert not {"torch", "timm", "numpy", "scipy"} & loaded


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "lint",
        "doctor",
        "fetch",
        "judge --dry-run",
        "selftest --project tests/verify/toyproject",
        "publish tables --check",
        "ledger check",
        "ledger show",
        "diff results results",
        "all --dry-run",
    ],
)
def test_commands_that_measure_nothing_load_no_torch(command):
    code = "import sys\nfrom verify.cli import main\nassert main(sys.argv[1:]) in {0, 1, 3}"
    loaded = loaded_by(code, "--project", str(ROOT), *command.split())
    assert "verify.commands" in loaded
    assert not {"torch", "timm", "numpy", "scipy"} & loaded


def test_making_a_site_loads_no_torch(tmp_path):
    code = "import sys\nfrom verify.cli import main\nassert main(sys.argv[1:]) == 0"
    out = str(tmp_path / "site")
    loaded = loaded_by(code, "publish", "site", "--out", out, "--project", str(ROOT))
    assert "jinja2" in loaded
    assert not {"torch", "timm", "numpy", "scipy"} & loaded


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("lint", {"verify.ledger", "verify.judge", "verify.console", "filelock"}),
        ("list", {"verify.run", "verify.doctor", "verify.ground", "verify.publish", "psutil"}),
        ("fetch", {"requests", "verify.judge", "verify.ledger", "verify.console", "psutil"}),
        ("doctor", {"verify.run", "verify.ground", "verify.publish", "psutil"}),
        ("ledger check", {"verify.load", "pydantic", "yaml"}),
        ("diff results results", {"verify.load", "yaml", "jinja2"}),
        ("publish tables --check", {"jinja2", "verify.publish.site"}),
    ],
    ids=str,
)
def test_a_command_loads_only_what_it_uses(command, others):
    code = "import sys\nfrom verify.cli import main\nassert main(sys.argv[1:]) in {0, 1}"
    loaded = loaded_by(code, *command.split(), "--project", str(ROOT))
    assert f"verify.commands.{command.split()[0]}" in loaded
    assert not others & loaded


@pytest.mark.parametrize("command", ["coverage", "ground", "extract", "init"])
def test_commands_on_documents_load_no_torch(command, tmp_path):
    page = tmp_path / "toy.md"
    page.write_text("# A Toy\n\n| Model | Size |\n|--|--|\n| ToyNet | 7.1 |\n")
    arguments = {
        "extract": [str(page)],
        "init": [str(tmp_path / "mine")],
    }.get(command, ["--sources", str(tmp_path), "--project", str(ROOT)])
    code = "import sys\nfrom verify.cli import main\nassert main(sys.argv[1:]) in {0, 1, 2}"
    loaded = loaded_by(code, command, *arguments)
    assert f"verify.commands.{command}" in loaded
    assert not {"torch", "timm", "numpy", "scipy", "verify.run"} & loaded
    assert command != "init" or not {"pydantic", "yaml"} & loaded


def test_only_a_process_of_its_own_stops_the_garbage_collector():
    code = (
        "import gc, sys\nfrom verify.cli import main, script\n"
        "main(['--version'])\nassert gc.isenabled()\n"
        "sys.argv = ['verify', '--version']\nscript()\nassert not gc.isenabled()"
    )
    assert "verify.commands.overview" in loaded_by(code)


def test_showing_a_claim_loads_no_torch():
    code = "\n".join(
        (
            "from pathlib import Path",
            "from verify.load import load",
            "from verify.cli import main",
            "id_ = next(iter(load(Path.cwd()).claims))",
            "assert main(['show', id_]) == 0",
        )
    )
    assert not {"torch", "timm", "numpy"} & loaded_by(code)


def test_help_loads_neither_pydantic_nor_rich():
    code = (
        "import contextlib\nfrom verify.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])"
    )
    loaded = loaded_by(code)
    assert "verify.cli" in loaded
    assert not {"pydantic", "rich", "yaml", "torch"} & loaded
