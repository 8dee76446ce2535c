"""A toy project to judge: invented models, counted by hand, in two families and one loner."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reproductions.contract import (
    REGISTRY,
    SPECS,
    Convention,
    Measurement,
    Params,
    Quantity,
    Spec,
    declare,
)
from verify.claim import Claim
from verify.expect import Arithmetic, claims_in
from verify.index import Index
from verify.judge import judge
from verify.need import Need
from verify.operand import MeasuredInput, MeasuredOf
from verify.project import Project
from verify.stored import Stored
from verify.twins import twins_of
from verify.verdict import Verdict

FAMILIES = {
    "toyvig_s": "toyvig",
    "toyvig_m": "toyvig",
    "toyvig_l": "toyvig",
    "toyvig_s_g4": "toyvig",
    "toynet_s": "toynet",
    "toynet_b": "toynet",
    "refnet50": "refnet",
}


class ToyParams(Params):
    """Which toy model to count, and over how many classes."""

    model: str
    num_classes: int = 1000

    def subject(self) -> str:
        return self.model

    def family(self) -> str | None:
        return FAMILIES.get(self.model)

    def absent(self) -> str | None:
        return f"no model named {self.model!r}" if self.model.endswith("_unwritten") else None


class WholeParams(Params):
    """Nothing to choose: a count over a family, of no model."""

    size: int = 0
    ready: bool = True

    def family(self) -> str:
        return "toyvig"

    def absent(self) -> str | None:
        return None if self.ready else "the whole is not ready"


COUNTED = (
    Convention(name="all", counts="everything"),
    Convention(name="trainable", counts="what receives a gradient"),
    Convention(name="folded", counts="everything after folding"),
    Convention(name="hooks", counts="what a hook sees", sound=False),
)


def _spec(name: str, **fields: Any) -> Spec:
    defaults = {
        "module": "no_module",
        "params": ToyParams,
        "unit": "Mparam",
        "conventions": COUNTED,
        "better": "none",
        "protocol": 1,
        "cost_s": 1.0,
        "time_limit_s": 1.0,
        "memory_limit_gib": 1.0,
    }
    return Spec(name=name, **{**defaults, **fields})


TOY_SPECS = (
    _spec("toy_count"),
    _spec("toy_other_count"),
    _spec("toy_whole", params=WholeParams),
    _spec("toy_hit_rate", unit="percent", better="higher", conventions=COUNTED[:1]),
    _spec("toy_miss_rate", unit="percent", better="lower", conventions=COUNTED[:1]),
    _spec(
        "toy_graph",
        unit="param",
        conventions=(
            Convention(name="blocks", counts="blocks"),
            Convention(name="layers", counts="layers"),
            Convention(name="seen", counts="what a hook sees", sound=False),
        ),
    ),
    _spec("toy_facts", unit="nodes", conventions=(), facts=("type", "num_nodes", "channels")),
)


@pytest.fixture
def known_reproductions() -> Iterator[None]:
    """Put the global declarations back as they were."""
    specs, functions = dict(SPECS), dict(REGISTRY)
    yield
    for registry, before in ((SPECS, specs), (REGISTRY, functions)):
        registry.clear()
        registry.update(before)


class Toy:
    """Claims and measurements, put down one at a time, then judged together."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, Stored] = {}
        self.figures: dict[str, dict[str, str]] = {}

    # -- claims --------------------------------------------------------------------------

    def claim(self, id_: str, expect: Mapping[str, Any] | None, **fields: Any) -> str:
        """Add a claim of any kind and give its id."""
        raw = {
            "id": id_,
            "source": id_.partition(".")[0],
            "statement": "as printed",
            "found_at": [{"table": "2", "row": id_, "column": "Params (M)"}],
            "expect": expect,
            **fields,
        }
        assert id_ not in self.claims
        self.claims[id_] = Claim.model_validate(raw)
        return id_

    def row(
        self,
        printed: str,
        model: str | list[str] | None = "toyvig_s",
        *,
        source: str = "toypaper",
        reproduction: str = "toy_count",
        params: Mapping[str, Any] | None = None,
        flags: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """Add a claim that prints one value of one model (of several with a list)."""
        expect = {
            "kind": "value",
            "printed": printed,
            "unit": SPECS[reproduction].unit,
            **(flags or {}),
        }
        given = dict(params or {})
        if isinstance(model, str):
            given["model"] = model
        elif model is not None:
            fields["models"] = model
        id_ = f"{source}.{reproduction}.r{len(self.claims)}"
        return self.claim(id_, expect, reproduction=reproduction, params=given, **fields)

    def of(self, model: str, reproduction: str = "toy_count", **fields: Any) -> dict[str, Any]:
        """Write one measured input of a comparison."""
        return {"reproduction": reproduction, "params": {"model": model}, **fields}

    def compared(self, expect: Mapping[str, Any], inputs: list[Any], **fields: Any) -> str:
        """Add a claim that compares two inputs."""
        return self.claim(
            f"toypaper.toy_count.c{len(self.claims)}", expect, inputs=inputs, **fields
        )

    def figure(self, printed: str, unit: str = "Mparam") -> str:
        """Declare a figure of another work and give its id."""
        name = f"f{len(self.figures)}"
        self.figures[name] = {"printed": printed, "unit": unit, "at": "Table 1"}
        return f"papers.original.{name}"

    def arithmetic(self, printed: str, operation: Mapping[str, Any], **flags: Any) -> str:
        """Add a claim of arithmetic over print."""
        given = ("tolerance", "known_verdict")
        fields = {key: flags.pop(key) for key in given if key in flags}
        expect = {
            "kind": "arithmetic",
            "printed": printed,
            "unit": "ratio",
            **operation,
            **flags,
        }
        id_ = f"toypaper.arithmetic.a{len(self.claims)}"
        return self.claim(id_, expect, scope="consistency", **fields)

    # -- measurements --------------------------------------------------------------------

    def measured(
        self,
        model: str | None = "toyvig_s",
        *,
        reproduction: str = "toy_count",
        stale: bool = False,
        facts: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        **values: float | tuple[float, float, float],
    ) -> str:
        """Store a measurement, keys as named; a triple is (low, value, high)."""
        unit = SPECS[reproduction].unit
        quantities = {}
        for key, given in values.items():
            low, value, high = given if isinstance(given, tuple) else (given, given, given)
            quantities[key] = Quantity(value=value, low=low, high=high, unit=unit)
        measurement = Measurement(values=quantities, facts=dict(facts or {}))
        return self.outcome(model, "ok", measurement, reproduction, params or {}, stale=stale)

    def outcome(
        self,
        model: str | None,
        outcome: str,
        measurement: Measurement | None = None,
        reproduction: str = "toy_count",
        params: Mapping[str, Any] | None = None,
        *,
        stale: bool = False,
        reason: str = "",
    ) -> str:
        """Store how a run ended and give the hash of its event."""
        given = {**(params or {}), **({"model": model} if model is not None else {})}
        need = Need(reproduction, SPECS[reproduction].params.model_validate(given))
        event = f"{reproduction}/{model}/{sorted((params or {}).items())}"
        self.stored[need.key] = Stored(
            outcome=outcome,  # type: ignore[arg-type]
            measurement=measurement,
            reason=reason,
            stale=stale,
            event=event,
            machine="toy",
            duration_s=1.0,
        )
        return event

    # -- judging -------------------------------------------------------------------------

    @property
    def project(self) -> Project:
        """The claims with their needs, twins included."""
        claims = {**self.claims, **{twin.id: twin for twin in twins_of(self.claims)}}
        needs = {id_: tuple(_needs(claim, claims)) for id_, claim in claims.items()}
        protocols = {id_: dict(_protocols(claim)) for id_, claim in claims.items()}
        return Project(
            root=Path("nowhere"),
            index=self.index,
            claims=claims,
            tables=(),
            where={},
            needs=needs,
            protocols=protocols,
        )

    @property
    def index(self) -> Index:
        """What is said about documents, works and models."""
        document = {"title": "t", "file": "f", "sha256": "0" * 64}
        raw = {
            "schema": 1,
            "sources": {claim.source: document for claim in self.claims.values()},
            "papers": {"original": {"title": "The original", "figures": self.figures}},
            "models": self.models,
        }
        return Index.model_validate(raw)

    def judged(self) -> dict[str, Verdict]:
        """Judge all claims."""
        return judge(self.project, self.stored)

    def verdict(self, id_: str) -> Verdict:
        """Judge all claims and give one verdict."""
        return self.judged()[id_]


def _needs(claim: Claim, claims: Mapping[str, Claim]) -> Iterator[Need]:
    if claim.twin_of is not None and isinstance(claim.expect, Arithmetic):
        for id_ in claims_in(claim.expect):
            yield from _needs(claims[id_], claims)
    elif claim.reproduction is not None:
        for alternative in [{"model": name} for name in claim.models] or [{}]:
            yield _need(claim.reproduction, {**claim.params, **alternative})
    for given in claim.operands():
        if isinstance(given, MeasuredInput):
            yield _need(given.reproduction, given.params)
        elif isinstance(given, MeasuredOf):
            yield from _needs(claims[given.measured], claims)


def _protocols(claim: Claim) -> Iterator[tuple[str, Need]]:
    for name, overrides in claim.protocols.items():
        yield name, _need(str(claim.reproduction), {**claim.params, **overrides})


def _need(reproduction: str, params: Mapping[str, Any]) -> Need:
    return Need(reproduction, SPECS[reproduction].params.model_validate(params))


@pytest.fixture
def toy(known_reproductions: None) -> Toy:
    """Give an empty toy project whose reproductions are declared."""
    for spec in TOY_SPECS:
        declare(spec)
    return Toy()
