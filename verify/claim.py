"""The shape of ``claims.yaml`` and ``claims/*.yaml``: what documents say, as data."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    model_validator,
)

from reproductions.contract import Unit
from verify.acceptance import Printed
from verify.expect import Decimal_, Expect, Strict, operands_in, wrong_inputs
from verify.figure import Name, Text
from verify.operand import Input, MeasuredInput, MeasuredOf

ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+){2,4}")
Scope = Literal["claim", "mechanism", "consistency"]


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        wanted = "source.reproduction.subject[.qualifier] in lower case letters, digits and _"
        raise ValueError(f"want an id {wanted}, got {text!r}")
    return text


Id = Annotated[str, AfterValidator(_id), Field(json_schema_extra={"pattern": f"^{ID.pattern}$"})]


def _positive(by: str) -> str:
    if Printed.parse(by).value <= 0:
        raise ValueError(f'want a positive quoted amount such as "0.10", got {by!r}')
    return by


Amount = Annotated[Decimal_, AfterValidator(_positive)]


class Cell(Strict):
    """A table cell, by the labels the document prints."""

    source: Name | None = None
    """The document; absent: that of the file."""
    table: Text
    row: Text
    column: Text
    printed: Text | None = None
    """What the cell prints, where the claim's ``expect`` does not say it: words of a claim list,
    the end of a damaged text, a row that no program checks."""

    def __str__(self) -> str:
        """Say where, for a human."""
        return f"Table {self.table}, row {self.row}, column {self.column}"


class Passage(Strict):
    """The n-th occurrence of a printed string in a section."""

    source: Name | None = None
    section: Text
    printed: Text
    occurrence: Annotated[int, Field(ge=1)] = 1

    def __str__(self) -> str:
        """Say where, for a human."""
        return f"Section {self.section}, {self.printed!r} (occurrence {self.occurrence})"


class Sentence(Strict):
    """A sentence without a printed number, by the SHA-256 of its normalised text."""

    source: Name | None = None
    section: Text
    sentence_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    def __str__(self) -> str:
        """Say where, for a human."""
        return f"Section {self.section}, sentence {self.sentence_sha256[:12]}"


def _locator_form(given: object) -> str | None:
    """Choose the form by its telling keys, so that a mistake is reported once, not three times."""
    if not isinstance(given, Mapping):
        return type(given).__name__
    for key, form in _LOCATOR_FORMS.items():
        if key in given:
            return form
    return None


_LOCATOR_FORMS = {
    "table": "Cell",
    "row": "Cell",
    "column": "Cell",
    "sentence_sha256": "Sentence",
    "section": "Passage",
    "printed": "Passage",
}

Locator = Annotated[
    Annotated[Cell, Tag("Cell")]
    | Annotated[Passage, Tag("Passage")]
    | Annotated[Sentence, Tag("Sentence")],
    Discriminator(
        _locator_form,
        custom_error_type="locator",
        custom_error_message="want {table, row, column}, {section, printed} "
        "or {section, sentence_sha256}",
    ),
]


class Primary(Strict):
    """The paper a document only summarises. Whether they agree is computed, never typed."""

    paper: Name
    printed: Decimal_ | None = None


class Tolerance(Strict):
    """What widens the acceptance region, on both sides."""

    by: Amount
    unit: Unit
    basis: Literal["published_spread", "measured_noise", "transfer"]
    because: Text


class Condition(Strict):
    """A condition of the claim, and whether the document prints it."""

    value: Text | None = None
    mark: Literal["printed", "implied", "unstated"]


class KnownVerdict(Strict):
    """What the verdict was when last looked at; alarms on change, never decides."""

    verdict: Literal["pass", "fail", "inconclusive", "not_comparable", "blocked", "not_checkable"]
    because: Text


class WrittenClaim(Strict):
    """One claim as an entry of ``claims:`` writes it."""

    id: Id
    statement: Text
    found_at: Annotated[list[Locator], Field(min_length=1)]
    expect: Expect | None = None
    scope: Scope = "claim"
    reproduction: Name | None = None
    params: dict[str, JsonValue] = {}
    models: list[str] = []
    protocols: dict[Name, dict[str, JsonValue]] = {}
    """Other ways to take the number that the document leaves open: params that differ, by name."""
    null_model: dict[str, JsonValue] = {}
    """Params that differ for what should not show what is claimed; it is measured beside it."""
    inputs: list[Input] = []
    convention: Name = "unstated"
    tolerance: Tolerance | None = None
    primary: Primary | None = None
    conditions: dict[Name, Condition] = {}
    known_verdict: KnownVerdict | None = None
    damaged: Text | None = None
    check: Literal["none"] | None = None
    because: Text | None = None

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        if self.check == "none":
            self._unchecked_form()
        elif self.expect is None:
            raise ValueError("want expect, or check: none with because; got neither")
        else:
            self._checked_form(self.expect.kind)
        if self.scope == "consistency" and (self.reproduction or self._measured_inputs()):
            raise ValueError("want scope consistency for printed numbers only, got a reproduction")
        return self

    def _unchecked_form(self) -> None:
        if self.because is None and self.damaged is None:
            raise ValueError("want because: why no program can settle it; got none")
        if self.reproduction or self.inputs or self.tolerance:
            raise ValueError("want check: none alone, got a reproduction, inputs or a tolerance")

    def _checked_form(self, kind: str) -> None:
        if self.because is not None:
            raise ValueError("want because only beside check: none, got it beside expect")
        if kind in {"value", "bound", "equal", "outcome"}:
            if self.reproduction is None or self.inputs:
                raise ValueError(f"want reproduction and params for {kind}, without inputs")
            self._one_measurement_form(kind)
            return
        if self.reproduction is not None or self.params or self.models:
            raise ValueError(f"want no reproduction, params or models for {kind}; use inputs")
        if kind == "arithmetic" and self.inputs:
            raise ValueError("want the operation inside expect for arithmetic, got inputs")
        self._inputs_form(kind)

    def _inputs_form(self, kind: str) -> None:
        given, measured = self.operands(), self._measured_inputs()
        if 0 < len(measured) < len(given):
            raise ValueError("want claim ids only or measurements only as inputs, got both")
        if wrong := wrong_inputs(self.expect, len(self.inputs)):
            raise ValueError(wrong)
        if kind in {"ratio", "difference"} and not measured:
            raise ValueError(f"want inputs with reproduction and params for {kind}, got claim ids")

    def _one_measurement_form(self, kind: str) -> None:
        if self.models and "model" in self.params:
            raise ValueError("want either params.model or models, got both")
        if self.protocols and (self.models or kind != "value"):
            raise ValueError("want protocols only on a value of one model; split the claim")
        if len(set(self.models)) == 1:
            raise ValueError("want two or more names in models, got one; use params.model")

    def operands(self) -> list[Input]:
        """List everything the claim compares, in order, wherever it is named."""
        return operands_in(self.expect, self.inputs)

    def _measured_inputs(self) -> list[Input]:
        return [i for i in self.operands() if isinstance(i, MeasuredInput | MeasuredOf)]


class Claim(WrittenClaim):
    """One claim of one document, with what only the loader knows."""

    source: Name
    twin_of: str | None = None
    """The claim whose prints are measured here, or that prints the upper side of a ratio."""


class TableAt(Strict):
    """Which column of which table a block of rows was read from."""

    source: Name | None = None
    table: Text
    column: Text


class Row(Strict):
    """One cell of a table column; what it leaves out comes from the block."""

    printed: str
    hedge: Literal["about"] | None = None
    coarse: bool = False
    padded: bool = False
    damaged: Text | None = None
    model: str | None = None
    models: list[str] = []
    params: dict[str, JsonValue] = {}
    protocols: dict[Name, dict[str, JsonValue]] = {}
    """Those of this row beside the column's."""
    subject: Name | None = None
    """The id's subject where it is not the model's name."""
    qualifier: Name | None = None
    """Ends the id where another table prints the same subject differently."""
    restates: str | None = None
    """The claim this cell prints again; it becomes one more locator of it."""
    tolerance: Tolerance | None = None
    primary: Primary | None = None
    conditions: dict[Name, Condition] = {}
    known_verdict: KnownVerdict | None = None
    means: Literal["out_of_memory", "runs"] | None = None
    """The cell prints no number but an outcome; then ``card`` too."""
    card: Text | None = None
    device: Text | None = None
    check: Literal["none"] | None = None
    because: Text | None = None


class BesideRow(Strict):
    """What a table column leaves out and is measured with it all the same."""

    model: str | None = None
    params: dict[str, JsonValue] = {}
    """Those that differ from the column's."""


class TableBlock(Strict):
    """A table column written as a table; the loader expands it to one claim a row."""

    table: TableAt
    title: Text
    statement: Text
    """Our own words with ``{row}`` and ``{printed}`` in them."""
    reproduction: Name | None = None
    params: dict[str, JsonValue] = {}
    convention: Name = "unstated"
    protocols: dict[Name, dict[str, JsonValue]] = {}
    expect: dict[str, Any] = {}
    qualifier: Name | None = None
    """Ends every id of the column where other columns measure the same of the same subjects."""
    check: Literal["none"] | None = None
    because: Text | None = None
    """Why no program can settle this column; beside ``check: none`` only."""
    over: dict[str, str] = {}
    """Rows, each with the row it is divided by: the loader asks the printed ratio of the models."""
    beside: dict[str, BesideRow] = {}
    """Figures the document does not print, by a label of our own: measured with the first row and
    shown below the last one; nothing is judged by them."""
    rows: Annotated[dict[str, Row], Field(min_length=1)]

    @model_validator(mode="after")
    def _measured_or_not(self) -> Self:
        if (self.check is None) == (self.reproduction is None):
            raise ValueError("want either a reproduction or check: none, got both or neither")
        if self.beside and self.reproduction is None:
            raise ValueError("want beside only where a reproduction measures, got check: none")
        if both := sorted(self.beside.keys() & self.rows.keys()):
            raise ValueError(f"want beside for what no row has, got the row {both[0]!r}; rename it")
        return self


class ClaimFile(Strict):
    """One file of ``claims/``: what one document says."""

    source: Name
    claims: list[dict[str, Any]] = []
    tables: list[TableBlock] = []
