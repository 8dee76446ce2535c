"""Toy counts: how many weights an invented ToyViG model holds, read from a table.

Protocol: look the model up. Every start and end of a measurement is one line in ``runs.log``
beside this file, so that tests can prove that nothing finished is run twice; ``trouble.json``
beside it names models that misbehave, and how.
Cost: none. Source: nobody's table.
"""

import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from reproductions.contract import (
    Convention,
    Measurement,
    NotMeasurableError,
    Params,
    Quantity,
    Spec,
    declare,
    reproduction,
)

COUNTS = {
    "toymlp_ti": {"all": 5.04, "trainable": 5.04, "convolutions": 1.2},
    "toyvig_ti": {"all": 7.12, "trainable": 7.10, "convolutions": 6.5},
    "toyvig_s": {"all": 22.46, "trainable": 22.31, "convolutions": 20.1},
    "toyvig_b": {"all": 86.90, "trainable": 86.60, "convolutions": 80.2},
}
OLD = ("toyold_l",)
FAMILIES = {name: name.partition("_")[0] for name in (*COUNTS, *OLD)}
HERE = Path(__file__).parent
SLEEP_S = 0.01
GIB = 2**30


class ToyCountParams(Params):
    """Which toy to count."""

    model: str

    def subject(self):
        return self.model

    def family(self):
        return FAMILIES.get(self.model)

    def absent(self):
        return None if self.model in FAMILIES else f"no toy named {self.model!r}"

    def modules(self):
        return ("toy_old",) if self.model in OLD else ()

    def packages(self):
        return ("pyyaml",) if self.family() == "toyvig" else ()


declare(
    Spec(
        name="toy_count",
        module="toy_counts",
        params=ToyCountParams,
        unit="Mparam",
        conventions=(
            Convention(name="all", counts="every weight"),
            Convention(name="trainable", counts="weights that receive a gradient"),
            Convention(name="convolutions", counts="weights of convolutions", sound=False),
        ),
        better="none",
        protocol=1,
        cost_s=0.01,
        time_limit_s=60,
        memory_limit_gib=4,
    )
)


@reproduction
def toy_count(params, device):
    """Look ``params.model`` up, after whatever trouble it is in."""
    note(f"start {params.model} {os.getpid()}")
    trouble = HERE / "trouble.json"
    kind = json.loads(trouble.read_text()).get(params.model) if trouble.exists() else None
    if kind is not None:
        TROUBLES[kind]()
    supplier = COUNTS if params.model in COUNTS else import_module("toy_old").COUNTS
    counts = supplier[params.model]
    values = {name: Quantity.exact(value, "Mparam") for name, value in counts.items()}
    note(f"end {params.model} {os.getpid()}")
    return Measurement(values=values, evidence={"table": len(COUNTS)})


def note(line):
    with (HERE / "runs.log").open("a") as log:
        log.write(f"{line}\n")


def hold():
    """Sleep as long as a test keeps the file ``hold``."""
    while (HERE / "hold").exists():
        time.sleep(SLEEP_S)


def refuse():
    raise RuntimeError("the toy is broken")


def obstruct():
    raise NotMeasurableError("wants the toy weights, found none; buy a toy")


def chat():
    """Write wherever a library might."""
    sys.stdout.write("a line to nobody\n")
    sys.stdout.flush()
    os.write(1, b'{"id": 1, "outcome": "ok"}\n')
    os.write(2, b"not a line of JSON\xff\n")
    sys.stdin.read()


def forge():
    """Answer in the worker's place."""
    intrude(b'{"id": 0, "outcome": "ok", "measurement": null}\n')


def stammer():
    """End in the middle of an answer."""
    intrude(b'{"id": 0, "outc')
    os._exit(3)


def intrude(line):
    """Write to every pipe there is."""
    for handle in range(3, 40):
        try:
            os.write(handle, line)
        except OSError:
            continue


def fall_silent():
    """Close every pipe and stay."""
    os.closerange(3, 64)
    time.sleep(600)


def allocate():
    hoard = bytearray(GIB // 2)
    hoard[::4096] = b"x" * len(hoard[::4096])
    time.sleep(600)


def leave():
    sys.stderr.write("out of toys\n")
    os._exit(3)


def edit():
    """Change this file while it measures."""
    path = Path(__file__)
    path.write_text(
        path.read_text().replace('"toymlp_ti": {"all": 5.04', '"toymlp_ti": {"all": 9.9')
    )


TROUBLES = {
    "hold": hold,
    "raise": refuse,
    "block": obstruct,
    "chat": chat,
    "forge": forge,
    "stammer": stammer,
    "fall silent": fall_silent,
    "allocate": allocate,
    "leave": leave,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sleep": lambda: time.sleep(600),
    "edit": edit,
}
