"""What one claim alone cannot show: names exist, params fit, arithmetic has no cycles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reproductions.contract import SPECS, Params, Spec
from verify.claim import Claim, TableBlock
from verify.expect import Arithmetic, Marks, claims_in, operation_of
from verify.index import Index
from verify.lint_inputs import cycles, printed_problems, unit_problems, unknown_source
from verify.need import Need
from verify.operand import Input, MeasuredInput, MeasuredOf
from verify.planned import FreeParams, planned_spec
from verify.refusals import sentence as sentence_of
from verify.refusals import suggestion
from verify.yaml_lines import Path_, Place, Problem

Needs = dict[str, tuple[Need, ...]]
Protocols = dict[str, dict[str, Need]]


@dataclass(frozen=True)
class Checked:
    """What the names and params of all claims resolve to."""

    needs: Needs
    """By claim id."""
    protocols: Protocols
    """Those under other protocols, likewise."""
    beside: list[dict[str, Need]]
    """Those beside each column, by label."""
    problems: list[Problem]
    """None if all is sound."""


def check(
    index: Index,
    index_place: Place,
    claims: Mapping[str, Claim],
    places: Mapping[str, Place],
    columns: Sequence[tuple[Place, TableBlock]] = (),
) -> Checked:
    """Resolve every claim's params and list what does not hold together.

    Args:
        index: ``claims.yaml``.
        index_place: where it stands.
        claims: by id, all documents'.
        places: where each is written.
        columns: the blocks whose ``beside`` is to be resolved, and where each is written.
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
    beside: list[dict[str, Need]] = [{} for _ in columns]
    for (place, block), column in zip(columns, beside, strict=True):
        problems += [place.problem(*finding) for finding in checking.beside(block, column)]
    for cycle in cycles(claims):
        sentence = f"want arithmetic without cycles, got {' -> '.join(cycle)}; name printed claims"
        problems.append(places[cycle[0]].problem(("expect",), sentence))
    of_index = checking.index_itself(sound=not problems)
    problems += [index_place.problem(*finding) for finding in of_index]
    return Checked(checking.needs, checking.protocols, beside, problems)


Finding = tuple[Path_, str]


class _Checking:
    def __init__(self, index: Index, claims: Mapping[str, Claim]) -> None:
        self.index = index
        self.claims = claims
        self.needs: Needs = {}
        self.protocols: Protocols = {}
        self.planned = {
            name: planned_spec(name, planned)
            for name, planned in index.planned_reproductions.items()
            if name not in SPECS
        }

    def claim(self, claim: Claim) -> Iterator[Finding]:
        """Yield (field, sentence) for everything wrong with one claim."""
        self.needs[claim.id] = ()
        if claim.twin_of is not None:
            return
        yield from self._names(claim)
        if claim.reproduction is not None:
            yield from self._measured(claim)
        elif claim.operands():
            yield from self._inputs(claim)
        elif isinstance(claim.expect, Arithmetic):
            yield from self._arithmetic(claim, claim.expect)
        if claim.null_model:
            yield from self._null_model(claim)

    def beside(self, block: TableBlock, found: dict[str, Need]) -> Iterator[Finding]:
        """Resolve what is measured beside a column into ``found``; yield what is wrong with it."""
        spec = self._spec(block.reproduction or "")
        if spec is None:  # the rows have told it
            return
        for label, row in block.beside.items():
            model = {} if row.model is None else {"model": row.model}
            params, problems = self._params(spec, {**block.params, **row.params, **model})
            for path, sentence in problems:
                at = path if path == ("model",) else ("params", *path)
                yield ("beside", label, *at), sentence
            if params is not None:
                found[label] = self._need(spec, params)

    def inputs_of(self, twin: Claim) -> tuple[Need, ...]:
        """List the measurements a measured twin needs: those of the claims it computes with."""
        given = twin.operands()
        ids = [operand.measured for operand in given if isinstance(operand, MeasuredOf)]
        if isinstance(twin.expect, Arithmetic):
            ids = claims_in(twin.expect)
        return tuple(need for id_ in ids for need in self.needs[id_])

    def index_itself(self, *, sound: bool) -> Iterator[Finding]:
        """Yield what is wrong with ``claims.yaml`` against the claims and the registries.

        Args:
            sound: Whether the params of every claim hold; only then is an unused note a mistake.
        """
        all_needs = [need for needs in self.needs.values() for need in needs]
        # Of a model that only reproductions to come name, nobody knows whether it exists.
        unknown = {n.params.subject() for n in all_needs if n.planned is not None}
        measured = {n.params.subject(): n.params for n in all_needs if n.planned is None}
        for name, note in self.index.models.items():
            yield from self._fitted_to(name, note.fitted_to)
            needs = (need for id_ in note.fitted_to for need in self.needs.get(id_, ()))
            for need in needs:
                if need.planned is None:
                    measured[name] = need.params.model_copy(update={"model": name})
            if name in measured:
                yield from self._exists(("models", name), measured[name])
            elif sound and not note.fitted_to and name not in unknown:
                hint = suggestion(name, filter(None, measured)) or "; remove it"
                yield ("models", name), f"want a model that a claim measures, got {name!r}{hint}"
        yield from self._exist_now(measured)
        yield from self._renamed()
        for number, entry in enumerate(self.index.ignored):
            yield from unknown_source(self.index, ("ignored", number, "source"), entry.source)

    def _renamed(self) -> Iterator[Finding]:
        for old, new in self.index.renamed.items():
            if old in self.claims:
                yield ("renamed", old), "want an id that no claim has now, got one; remove it here"
            if new not in self.claims:
                hint = suggestion(new, self.claims) or "; correct it"
                yield ("renamed", old), f"want the id of a claim, got {new!r}{hint}"

    def _fitted_to(self, name: str, ids: list[str]) -> Iterator[Finding]:
        for number, id_ in enumerate(ids):
            path: Path_ = ("models", name, "fitted_to", number)
            claim = self.claims.get(id_)
            if claim is None:
                hint = suggestion(id_, self.claims) or "; correct it"
                yield path, f"want the id of a claim, got {id_!r}{hint}"
            elif claim.reproduction is None:
                yield path, f"want a measured claim, got {id_!r}; name one with a reproduction"

    def _exist_now(self, measured: Mapping[str | None, Params]) -> Iterator[Finding]:
        for number, name in enumerate(self.index.planned_models):
            if name in measured and measured[name].absent() is None:
                found = f"{name!r}, which exists now; remove it"
                yield ("planned_models", number), f"want the name of a model to come, got {found}"
        for name, planned in self.index.planned_reproductions.items():
            allowed = {"percent", "point" if planned.unit == "percent" else planned.unit}
            if planned.tolerance is not None and planned.tolerance.unit not in allowed:
                wanted = " or ".join(sorted(allowed))
                found = f"got {planned.tolerance.unit!r}; convert it"
                place: Path_ = ("planned_reproductions", name, "tolerance", "unit")
                yield place, f"want {wanted} for a quantity in {planned.unit}, {found}"
            if name in SPECS:
                sentence = f"want the name of a reproduction to come, got {name!r}"
                path: Path_ = ("planned_reproductions", name)
                yield path, f"{sentence}, which exists now; remove it"

    def _spec(self, name: str) -> Spec | None:
        return SPECS.get(name) or self.planned.get(name)

    def _unknown(self, name: str) -> str:
        known = [*SPECS, *self.planned]
        hint = suggestion(name, known) or f"; known are {', '.join(sorted(known))}"
        return f"want a known reproduction, got {name!r}{hint}"

    def _need(self, spec: Spec, params: Params) -> Need:
        return Need(spec.name, params, self.planned.get(spec.name))

    def _exists(self, path: Path_, params: Params) -> Iterator[Finding]:
        absent, planned = params.absent(), self.index.planned_models
        if isinstance(params, FreeParams):
            return
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
            unit = figure.unit if isinstance(figure, Marks) else None
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
        inputs = [r for given in claim.operands() if (r := self._reproduction(given))]
        if claim.check == "none":
            allowed = {"statement", *SPECS, *self.planned}
        elif claim.reproduction is not None:
            allowed = {claim.reproduction if self._spec(claim.reproduction) else second}
        else:
            allowed = set(inputs) or {"arithmetic"}
        if second not in allowed:
            wanted = " or ".join(sorted(allowed))
            yield ("id",), f"want {wanted} as the id's second part, got {second!r}; rename it"

    def _reproduction(self, given: Input) -> str | None:
        if isinstance(given, MeasuredInput):
            return given.reproduction
        other = self.claims.get(given.measured) if isinstance(given, MeasuredOf) else None
        return other.reproduction if other is not None else None

    def _measured(self, claim: Claim) -> Iterator[Finding]:
        spec = self._spec(claim.reproduction or "")
        if spec is None:
            yield ("reproduction",), self._unknown(claim.reproduction or "")
            return
        needs = []
        alternatives = [{"model": name} for name in claim.models] or [{}]
        for alternative in alternatives:
            params, problems = self._params(spec, {**claim.params, **alternative})
            for path, sentence in problems:
                in_models = bool(claim.models) and path == ("model",)
                yield ("models",) if in_models else ("params", *path), sentence
            if params is not None:
                needs.append(self._need(spec, params))
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
                self.protocols.setdefault(claim.id, {})[name] = self._need(spec, params)

    def _null_model(self, claim: Claim) -> Iterator[Finding]:
        needs = self.needs[claim.id]
        if not needs:
            yield ("null_model",), "want a claim on measurements, got one without; remove it"
        for spec, raw in ((need.spec, need.params_with(claim.null_model)) for need in needs):
            _, problems = self._params(spec, raw)
            yield from ((("null_model", *path), sentence) for path, sentence in problems)
            if problems:
                return  # inputs of one reproduction take the same params

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
        planned = spec.name in self.planned
        if not (has_default or planned) and convention not in names:
            near = "" if convention == "unstated" else suggestion(convention, names)
            hint = near or f"; {spec.name} has {spec.keys_told()}"
            yield ("convention",), f"want a convention of {spec.name}, got {convention!r}{hint}"
        wanted = spec.unit_of(convention)
        unit = getattr(claim.expect, "unit", wanted)
        if unit != wanted and not claim.operands():
            found = f"got {unit!r}; convert it"
            yield ("expect", "unit"), f"want {wanted}, the unit of {spec.name}, {found}"

    def _inputs(self, claim: Claim) -> Iterator[Finding]:
        needs: list[Need] = []
        for number, given in enumerate(claim.operands()):
            # Inputs named inside expect are told there, and by their own words.
            path: Path_ = ("inputs", number) if claim.inputs else ("expect",)
            if isinstance(given, str):
                for sentence in self._printed_id(claim, given):
                    yield path, sentence
                continue
            written, problems = self._written(given)
            yield from ((path + end, sentence) for end, sentence in problems)
            if written is None:
                continue
            spec = self._spec(written.reproduction)
            if spec is None:
                yield (*path, "reproduction"), self._unknown(written.reproduction)
                continue
            params, found = self._params(spec, written.params)
            for end, sentence in found:
                yield (*path, "params", *end), sentence
            if params is not None:
                needs.append(self._need(spec, params))
            yield from self._fits(spec, claim, written.convention)
        self.needs[claim.id] = tuple(needs)
        of_prints = isinstance(claim.operands()[0], str)
        if of_prints and claim.scope != "consistency":
            kind = claim.expect.kind if claim.expect is not None else ""
            article = "an" if kind[:1] in "aeiou" else "a"
            found_ = f"got {claim.scope!r}"
            yield ("scope",), f"want consistency for {article} {kind} of prints, {found_}"
        yield from unit_problems(claim, self._unit_of)

    def _written(self, given: Input) -> tuple[MeasuredInput | None, list[Finding]]:
        """Give a measurement as written, looked up where another claim's is meant."""
        if isinstance(given, MeasuredInput):
            return given, []
        id_ = given.measured if isinstance(given, MeasuredOf) else given
        other = self.claims.get(id_)
        if other is None:
            hint = suggestion(id_, self.claims) or "; correct it"
            return None, [(("measured",), f"want the id of a claim, got {id_!r}{hint}")]
        if other.reproduction is None or other.models or other.twin_of is not None:
            sentence = f"want a claim on one measurement, got {id_!r}; write the measurement out"
            return None, [(("measured",), sentence)]
        return MeasuredInput.model_construct(
            reproduction=other.reproduction, params=other.params, convention=other.convention
        ), []

    def _unit_of(self, given: Input) -> str | None:
        if isinstance(given, str):
            if (figure := self.index.figures.get(given)) is not None:
                return figure.unit
            other = self.claims.get(given)
            return getattr(other.expect, "unit", None) if other is not None else None
        written, _ = self._written(given)
        spec = None if written is None else self._spec(written.reproduction)
        return None if written is None or spec is None else spec.unit_of(written.convention)

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
        if id_ not in self.index.figures:
            yield from printed_problems(self.claims, self.index, claim, id_)


_RESULT_UNITS = {"ratio": "ratio", "percent_change": "percent"}


def _param_finding(detail: ErrorDetails, spec: Spec) -> Finding:
    if detail["type"] == "missing":
        return detail["loc"], f"want this param of {spec.name}, got none; add it"
    return detail["loc"], sentence_of(detail, list(spec.params.model_fields))
