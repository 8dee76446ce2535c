"""The machine, the versions and the commit that a measurement was made with.

What is told here is published: classes of devices and versions, never the name of a host or
of a user, a path or a serial number.
"""

import functools
import importlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from email import message_from_string
from pathlib import Path

from reproductions.devices import class_of, first_visible

__all__ = ["PACKAGES", "environment", "has_gpu", "machine_slug", "package_version", "tool_version"]

PACKAGES = ("torch", "timm", "numpy", "pydantic")
"""Versions every event records."""

_GIT_TIME_LIMIT_S = 10
_CPU_SLUGS = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64"}


def machine_slug() -> str:
    """Name this machine's class, as its folder under ``results/``.

    Returns:
        The first GPU's model such as ``h200``; without one ``cpu-x86-64``, ``cpu-arm64``.
    """
    gpu = _gpu()
    if gpu is not None:
        return class_of(gpu["name"])
    machine = platform.machine().lower()
    return f"cpu-{_CPU_SLUGS.get(machine) or class_of(machine)}"


def has_gpu() -> bool:
    """Tell whether this machine has an NVIDIA GPU."""
    return _gpu() is not None


def environment(root: Path, packages: Iterable[str]) -> dict[str, object]:
    """Describe what a measurement rests on besides the code and its inputs.

    Args:
        root: folder of the project, for its commit.
        packages: names of installed distributions whose versions count.

    Returns:
        ``python``, ``os``, ``machine``, ``cpu`` (model or None), ``gpu`` (``name``, ``driver``
        and ``cuda_driver``, or None), ``packages`` (version or None by name), ``commit`` (None
        outside git) and ``dirty`` (whether anything outside ``results/`` differs from it).
    """
    return {
        "python": platform.python_version(),
        "os": platform.system(),
        "machine": platform.machine(),
        "cpu": _cpu_model(Path("/proc/cpuinfo")),
        "gpu": _gpu(),
        "packages": {name: package_version(name) for name in sorted(packages)},
        "commit": _commit(root),
        "dirty": _is_dirty(root),
    }


@functools.cache
def package_version(name: str) -> str | None:
    """Return the version of an installed distribution, None if it is absent."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    # Of the headers alone: the description below them takes longer than all the rest.
    headers = (found.read_text("METADATA") or "").partition("\n\n")[0]
    version: str | None = message_from_string(headers)["Version"]
    return version or found.version


def tool_version() -> str:
    """Return the version of this tool; ``0+unknown`` where it runs uninstalled."""
    return package_version("vig-verify") or "0+unknown"


def _cpu_model(cpuinfo: Path) -> str | None:
    """Read the first ``model name`` of Linux's list of processors; others have no such file."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            named = (line.partition(":")[2] for line in lines if line.startswith("model name"))
            return next((name.strip() for name in named), None)
    except OSError:
        return None


@functools.cache
def _gpu() -> dict[str, str] | None:
    """Ask NVIDIA's management library for the first GPU that CUDA shows; None without either."""
    try:
        # Not at the top: it takes 10 ms, loads ctypes, and many machines have no use for it.
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        card = first_visible(nvml)
        if card is None:
            return None
        cuda = nvml.nvmlSystemGetCudaDriverVersion()
        return {
            "name": nvml.nvmlDeviceGetName(card),
            "driver": nvml.nvmlSystemGetDriverVersion(),
            "cuda_driver": f"{cuda // 1000}.{cuda % 1000 // 10}",
        }
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def _commit(root: Path) -> str | None:
    output = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    return output.strip() if output else None


def _is_dirty(root: Path) -> bool | None:
    """Tell whether tracked or new files differ from the commit; the ledgers always do."""
    output = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", _NO_RESULTS)
    return None if output is None else bool(output)


_NO_RESULTS = ":(exclude)results"


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints in ``root``; None where git or the repository is missing."""
    # A git hook exports GIT_DIR and GIT_INDEX_FILE, which would win over ``root``.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=root,
            env=clean,
            capture_output=True,
            check=True,
            text=True,
            errors="replace",
            timeout=_GIT_TIME_LIMIT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
