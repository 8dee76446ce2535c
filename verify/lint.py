"""What one claim alone cannot show: names exist, params fit, arithmetic has no cycles."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reproductions.contract import SPECS, Params, Spec
from verify.claim import Claim, Index, MeasuredInput
from verify.expect import Arithmetic, Ordering, PrintedFigure, claims_in, operation_of
from verify.need import Need
from verify.refusals import sentence as sentence_of
from verify.refusals import suggestion
from verify.yaml_lines import Path_, Place, Problem

Needs = dict[str, tuple[Need, ...]]
Protocols = dict[str, dict[str, Need]]


def check(
    index: Index, index_place: Place, claims: Mapping[str, Claim], places: Mapping[str, Place]
) -> tuple[Needs, Protocols, list[Problem]]:
    """Resolve every claim's params and list what does not hold together.

    Returns:
        Needs by claim id, those under other protocols, and the problems, none if all is sound.
    """
    checking = _Checking(index, claims)
    problems = [
        places[id_].problem(path, sentence)
        for id_, claim in claims.items()
        for path, sentence in checking.claim(claim)
    ]
    for id_, claim in claims.items():
        if claim.twin_of is not None:
            checking.needs[id_] = checking.inputs_of(claim)
    for cycle in _cycles(claims):
        sentence = f"want arithmetic without cycles, got {' -> '.join(cycle)}; name printed claims"
        problems.append(places[cycle[0]].problem(("expect",), sentence))
    found = checking.index_itself(sound=not problems)
    problems += [index_place.problem(path, sentence) for path, sentence in found]
    return checking.needs, checking.protocols, problems


Finding = tuple[Path_, str]


class _Checking:
    def __init__(self, index: Index, claims: Mapping[str, Claim]) -> None:
        self.index = index
        self.claims = claims
        self.needs: Needs = {}
        self.protocols: Protocols = {}

    def claim(self, claim: Claim) -> Iterator[Finding]:
        """Yield (field, sentence) for everything wrong with one claim."""
        self.needs[claim.id] = ()
        if claim.twin_of is not None:
            return
        yield from self._names(claim)
        if claim.reproduction is not None:
            yield from self._measured(claim)
        elif claim.inputs:
            yield from self._inputs(claim)
        elif isinstance(claim.expect, Arithmetic):
            yield from self._arithmetic(claim, claim.expect)

    def inputs_of(self, twin: Claim) -> tuple[Need, ...]:
        """List the measurements a measured twin needs: those of the claims it computes with."""
        if not isinstance(twin.expect, Arithmetic):
            return ()
        return tuple(need for id_ in claims_in(twin.expect) for need in self.needs[id_])

    def index_itself(self, *, sound: bool) -> Iterator[Finding]:
        """Yield what is wrong with ``claims.yaml`` against the claims and the registries.

        Args:
            sound: Whether the params of every claim hold; only then is an unused note a mistake.
        """
        measured = {n.params.subject(): n.params for needs in self.needs.values() for n in needs}
        for name, note in self.index.models.items():
            for number, id_ in enumerate(note.fitted_to):
                path: Path_ = ("models", name, "fitted_to", number)
                claim = self.claims.get(id_)
                if claim is None:
                    hint = suggestion(id_, self.claims) or "; correct it"
                    yield path, f"want the id of a claim, got {id_!r}{hint}"
                elif claim.reproduction is None:
                    yield path, f"want a measured claim, got {id_!r}; name one with a reproduction"
                for need in self.needs.get(id_, ()):
                    measured[name] = need.params.model_copy(update={"model": name})
            if name in measured:
                yield from self._exists(("models", name), measured[name])
            elif sound and not note.fitted_to:
                hint = suggestion(name, filter(None, measured)) or "; remove it"
                yield ("models", name), f"want a model that a claim measures, got {name!r}{hint}"
        for number, name in enumerate(self.index.planned_models):
            if name in measured and measured[name].absent() is None:
                found = f"{name!r}, which exists now; remove it"
                yield ("planned_models", number), f"want the name of a model to come, got {found}"

    def _exists(self, path: Path_, params: Params) -> Iterator[Finding]:
        absent, planned = params.absent(), self.index.planned_models
        if absent is not None and params.subject() not in planned:
            hint = suggestion(params.subject() or "", planned) or params.suggestion()
            hint = hint or "; correct it or add it to planned_models"
            yield path, f"want a model that exists or is planned, found {absent}{hint}"

    def _names(self, claim: Claim) -> Iterator[Finding]:
        for number, locator in enumerate(claim.found_at):
            if locator.source is not None and locator.source != claim.source:
                path = ("found_at", number, "source")
                yield from unknown_source(self.index, path, locator.source)
        if claim.primary is not None and claim.primary.paper not in self.index.papers:
            paper = claim.primary.paper
            hint = suggestion(paper, self.index.papers) or "; add it to claims.yaml"
            yield ("primary", "paper"), f"want a known paper, got {paper!r}{hint}"
        yield from self._id(claim)
        figure = claim.expect
        if claim.tolerance is not None:
            unit = figure.unit if isinstance(figure, PrintedFigure) else None
            # On a percentage, "percent" is of the printed value and "point" is absolute.
            allowed = {"percent", "point" if unit == "percent" else unit}
            if unit is None or claim.tolerance.unit not in allowed:
                found = claim.tolerance.unit
                wanted = " or ".join(sorted(str(name) for name in allowed))
                sentence = f"want {wanted} for a print in {unit}, got {found!r}; convert it"
                yield ("tolerance", "unit"), sentence

    def _id(self, claim: Claim) -> Iterator[Finding]:
        source, second, *_ = claim.id.split(".")
        if source != claim.source:
            found = f"got {claim.id!r}; begin it with the document's name"
            yield ("id",), f"want an id that starts with {claim.source!r}, {found}"
        inputs = [i.reproduction for i in claim.inputs if isinstance(i, MeasuredInput)]
        if claim.check == "none":
            allowed = {"statement", *SPECS}
        elif claim.reproduction is not None:
            allowed = {claim.reproduction if claim.reproduction in SPECS else second}
        else:
            allowed = set(inputs) or {"arithmetic"}
        if second not in allowed:
            wanted = " or ".join(sorted(allowed))
            yield ("id",), f"want {wanted} as the id's second part, got {second!r}; rename it"

    def _measured(self, claim: Claim) -> Iterator[Finding]:
        spec = SPECS.get(claim.reproduction or "")
        if spec is None:
            yield ("reproduction",), _unknown_reproduction(claim.reproduction or "")
            return
        needs = []
        alternatives = [{"model": name} for name in claim.models] or [{}]
        for alternative in alternatives:
            params, problems = self._params(spec, {**claim.params, **alternative})
            for path, sentence in problems:
                in_models = bool(claim.models) and path == ("model",)
                yield ("models",) if in_models else ("params", *path), sentence
            if params is not None:
                needs.append(Need(spec.name, params))
        self.needs[claim.id] = tuple(needs)
        yield from self._fits(spec, claim, claim.convention)
        yield from self._protocols(spec, claim)
        for need in needs:
            note = self.index.models.get(need.params.subject() or "")
            if note is not None and note.fitted_to:
                found = f"{need.params.subject()!r}, which is fitted to printed numbers"
                sentence = f"want a released model, got {found}; name the model it stands for"
                yield ("params", "model"), sentence

    def _protocols(self, spec: Spec, claim: Claim) -> Iterator[Finding]:
        for name, overrides in claim.protocols.items():
            params, problems = self._params(spec, {**claim.params, **overrides})
            for path, sentence in problems:
                # A model that is missing has been named already, for the default protocol.
                if path != ("model",):
                    yield ("protocols", name, *path), sentence
            if params is not None:
                self.protocols.setdefault(claim.id, {})[name] = Need(spec.name, params)

    def _params(self, spec: Spec, raw: Mapping[str, object]) -> tuple[Params | None, list[Finding]]:
        try:
            params = spec.params.model_validate(raw)
        except ValidationError as error:
            details = error.errors(include_url=False)
            return None, [_param_finding(detail, spec) for detail in details]
        problems = list(self._exists(("model",), params))
        return None if problems else params, problems

    def _fits(self, spec: Spec, claim: Claim, convention: str) -> Iterator[Finding]:
        names = [*(c.name for c in spec.conventions), *spec.facts]
        has_default = convention == "unstated" and spec.conventions
        if not has_default and convention not in names:
            near = "" if convention == "unstated" else suggestion(convention, names)
            hint = near or f"; {spec.name} has {', '.join(names)}"
            yield ("convention",), f"want a convention of {spec.name}, got {convention!r}{hint}"
        unit = getattr(claim.expect, "unit", spec.unit)
        if unit != spec.unit and not claim.inputs:
            found = f"got {unit!r}; convert it"
            yield ("expect", "unit"), f"want {spec.unit}, the unit of {spec.name}, {found}"

    def _inputs(self, claim: Claim) -> Iterator[Finding]:
        needs: list[Need] = []
        for number, given in enumerate(claim.inputs):
            if isinstance(given, str):
                for sentence in self._printed_id(claim, given):
                    yield ("inputs", number), sentence
                continue
            spec = SPECS.get(given.reproduction)
            if spec is None:
                sentence = _unknown_reproduction(given.reproduction)
                yield ("inputs", number, "reproduction"), sentence
                continue
            params, problems = self._params(spec, given.params)
            for path, sentence in problems:
                yield ("inputs", number, "params", *path), sentence
            if params is not None:
                needs.append(Need(spec.name, params))
            yield from self._fits(spec, claim, given.convention)
        self.needs[claim.id] = tuple(needs)
        of_prints = isinstance(claim.expect, Ordering) and isinstance(claim.inputs[0], str)
        if of_prints and claim.scope != "consistency":
            yield ("scope",), f"want consistency for an ordering of prints, got {claim.scope!r}"

    def _arithmetic(self, claim: Claim, expect: Arithmetic) -> Iterator[Finding]:
        if claim.scope != "consistency":
            yield ("scope",), f"want consistency for arithmetic over print, got {claim.scope!r}"
        operation, _ = operation_of(expect)
        wanted = _RESULT_UNITS.get(operation, expect.unit)
        if expect.unit != wanted:
            sentence = f"want {wanted}, the unit of a {operation}, got {expect.unit!r}"
            yield ("expect", "unit"), sentence
        for id_ in claims_in(expect):
            for sentence in self._printed_id(claim, id_):
                yield ("expect",), sentence

    def _printed_id(self, claim: Claim, id_: str) -> Iterator[str]:
        given = self.claims.get(id_)
        if given is None:
            hint = suggestion(id_, self.claims)
            yield f"want the id of a claim or a quoted constant, got {id_!r}{hint}"
        elif not isinstance(given.expect, PrintedFigure):
            yield f"want a claim with a printed number, got {id_!r}, which has none"
        elif given.damaged is not None:
            yield f"want a whole print, got that of {id_!r}, which is damaged; leave it out"
        elif given.twin_of is not None:
            yield f"want a printed claim, got the measured twin {id_!r}; name {given.twin_of!r}"


_RESULT_UNITS = {"ratio": "ratio", "percent_change": "percent"}


def unknown_source(index: Index, path: Path_, source: str) -> Iterator[Finding]:
    """Yield that a document is not in ``claims.yaml``, if so."""
    if source not in index.sources:
        hint = suggestion(source, index.sources) or "; add it to claims.yaml"
        yield path, f"want a known document, got {source!r}{hint}"


def _cycles(claims: Mapping[str, Claim]) -> Iterator[list[str]]:
    """Yield each cycle of arithmetic once, as ids that begin and end with the same one."""
    graph = {
        id_: claims_in(claim.expect)
        for id_, claim in claims.items()
        if isinstance(claim.expect, Arithmetic) and claim.twin_of is None
    }
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = error.args[1][::-1]
            yield cycle
            del graph[cycle[0]]
        else:
            return


def _unknown_reproduction(name: str) -> str:
    hint = suggestion(name, SPECS) or f"; known are {', '.join(sorted(SPECS))}"
    return f"want a known reproduction, got {name!r}{hint}"


def _param_finding(detail: ErrorDetails, spec: Spec) -> Finding:
    if detail["type"] == "missing":
        return detail["loc"], f"want this param of {spec.name}, got none; add it"
    return detail["loc"], sentence_of(detail, list(spec.params.model_fields))
