"""What is told of the machine, and what is not."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from verify import environment as module
from verify.environment import environment, machine_slug, package_version, tool_version


@pytest.fixture(autouse=True)
def _ask_again() -> Iterator[None]:
    """Keep what one test pretends from the next."""
    yield
    module._gpu.cache_clear()
    package_version.cache_clear()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Pretend that the management library is there and finds a GPU of that name, or none."""

    class NVMLError(Exception):
        pass

    def find(name: str | None) -> str:
        if name is None:
            raise NVMLError
        return name

    def pretend(name: str | None) -> None:
        library = SimpleNamespace(
            NVMLError=NVMLError,
            nvmlInit=lambda: None,
            nvmlShutdown=lambda: None,
            nvmlSystemGetCudaDriverVersion=lambda: 12040,
            nvmlSystemGetDriverVersion=lambda: "550.54",
            nvmlDeviceGetHandleByIndex=lambda index: (index, name),
            nvmlDeviceGetName=lambda handle: find(handle[1]),
        )
        monkeypatch.setitem(sys.modules, "pynvml", library)
        module._gpu.cache_clear()

    return pretend


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Run git in a new repository ``tmp_path / "project"`` that holds one commit."""
    root = tmp_path / "project"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        clean |= {f"GIT_{role}_NAME": "secret-user", f"GIT_{role}_EMAIL": "secret-user@host"}

    def run(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=root, env=clean, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    (root / "results" / "h200").mkdir(parents=True)
    (root / "claims.yaml").write_text("claims: []\n")
    run("init", "--quiet")
    run("add", ".")
    run("commit", "--quiet", "--message", "start")
    return run


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("NVIDIA H200", "h200"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("NVIDIA A100-SXM4-80GB", "a100-sxm4-80gb"),
        ("Tesla V100-SXM2-16GB", "tesla-v100-sxm2-16gb"),
    ],
)
def test_machine_slug_names_the_class_of_the_gpu(
    gpu: Callable[[str | None], None], name: str, slug: str
) -> None:
    gpu(name)
    assert machine_slug() == slug


@pytest.mark.parametrize(
    ("machine", "slug"),
    [
        ("x86_64", "cpu-x86-64"),
        ("AMD64", "cpu-x86-64"),
        ("aarch64", "cpu-arm64"),
        ("arm64", "cpu-arm64"),
        ("riscv64", "cpu-riscv64"),
    ],
)
def test_machine_slug_names_the_processor_where_there_is_no_gpu(
    gpu: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch, machine: str, slug: str
) -> None:
    gpu(None)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert machine_slug() == slug


def test_machine_slug_names_the_processor_where_the_gpu_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    module._gpu.cache_clear()
    assert machine_slug().startswith("cpu-")


def test_environment_holds_the_versions_of_everything_that_counts(
    gpu: Callable[[str | None], None], tmp_path: Path
) -> None:
    gpu("NVIDIA H200")
    found = environment(tmp_path, ["pytest", "no-such-package"])
    assert found["python"] == platform.python_version()
    assert found["packages"] == {"no-such-package": None, "pytest": pytest.__version__}
    assert found["gpu"] == {"name": "NVIDIA H200", "driver": "550.54", "cuda_driver": "12.4"}


def test_environment_tells_no_path_and_neither_user_nor_host(
    git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = platform.uname()._replace(node="secret-host")
    monkeypatch.setattr(platform, "uname", lambda: named)
    monkeypatch.setenv("USER", "secret-user")
    text = json.dumps(environment(tmp_path / "project", ["pytest"]))
    assert git("rev-parse", "HEAD") in text
    assert "secret" not in text
    assert str(tmp_path) not in text
    assert "/" not in text


def test_cpu_model_is_the_first_that_linux_lists(tmp_path: Path) -> None:
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor\t: 0\nmodel name\t: Toy CPU @ 2 GHz\nmodel name\t: Other\n")
    assert module._cpu_model(listed) == "Toy CPU @ 2 GHz"
    assert module._cpu_model(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [
        pytest.param(None, False, id="nothing"),
        pytest.param("results/h200/ledger.jsonl", False, id="a ledger"),
        pytest.param("claims.yaml", True, id="a tracked file"),
        pytest.param("claims/new.yaml", True, id="a new file"),
    ],
)
def test_environment_is_dirty_where_anything_but_results_differs_from_the_commit(
    git: Callable[..., str], tmp_path: Path, changed: str | None, *, dirty: bool
) -> None:
    root = tmp_path / "project"
    if changed:
        (root / changed).parent.mkdir(exist_ok=True)
        (root / changed).write_text("changed\n")
    found = environment(root, [])
    assert found["commit"] == git("rev-parse", "HEAD")
    assert found["dirty"] is dirty


def test_environment_ignores_the_repository_that_a_git_hook_exports(
    git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))
    assert environment(tmp_path / "project", [])["commit"] == git("rev-parse", "HEAD")


@pytest.mark.parametrize("missing", ["git", "repository", "folder"])
def test_environment_has_no_commit_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "git":
        monkeypatch.setenv("PATH", str(tmp_path))
    found = environment(tmp_path / "none" if missing == "folder" else tmp_path, [])
    assert (found["commit"], found["dirty"]) == (None, None)


def test_tool_version_is_unknown_where_the_tool_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "package_version", {"vig-verify": "1.2"}.get)
    assert tool_version() == "1.2"
    monkeypatch.setattr(module, "package_version", {}.get)
    assert tool_version() == "0+unknown"
