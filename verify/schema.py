"""``python -m verify.schema`` writes docs/claims.schema.json: claims.yaml and claims/ for editors.

The schema is the shape alone. What it cannot say (names exist, ids are unique, arithmetic has
no cycles) is checked by ``verify lint``.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from reproductions.contract import Unit
from verify import claim, expect, ignored
from verify.claim import ClaimFile, TableBlock, WrittenClaim
from verify.expect import Relation, Strict
from verify.files import write_atomically
from verify.index import Index

__all__ = ["PATH", "schema", "text"]

PATH = Path(__file__).resolve().parent.parent / "docs" / "claims.schema.json"


class ColumnExpect(Strict):
    """What every cell of the column is; the rows add what is printed."""

    kind: Literal["value", "bound", "equal"]
    unit: Unit | None = None
    relation: Relation | None = None
    form: Literal["integer", "word", "list", "set"] | None = None
    hedge: Literal["about"] | None = None
    """Every cell is hedged; a row may also say so for itself."""
    coarse: bool = False
    padded: bool = False


class TypedTableBlock(TableBlock):
    """A table column written as a table: one claim a row."""

    expect: ColumnExpect | None = None  # type: ignore[assignment]  # checked row by row


class TypedClaimFile(ClaimFile):
    """One file of ``claims/``: what one document says."""

    claims: list[WrittenClaim] = []  # type: ignore[assignment]  # likewise, one by one
    tables: list[TypedTableBlock] = []  # type: ignore[assignment]


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that only repeat the keys."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schema() -> dict[str, Any]:
    """Describe claims.yaml and claims/*.yaml as JSON Schema 2020-12."""
    _, described = models_json_schema(
        [(Index, "validation"), (TypedClaimFile, "validation")], schema_generator=_Untitled
    )
    definitions = described["$defs"]
    for name, field, text in _attribute_docstrings():
        if name in definitions:
            definitions[name]["properties"][field]["description"] = " ".join(text.split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "claims.yaml and claims/*.yaml",
        "description": "The index is told from a file of claims by its key schema.",
        "if": {"required": ["schema"]},
        "then": {"$ref": "#/$defs/Index"},
        "else": {"$ref": "#/$defs/TypedClaimFile"},
        "$defs": definitions,
    }


def text() -> str:
    """Write the schema as the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _attribute_docstrings() -> Iterator[tuple[str, str, str]]:
    """Yield class, field and text of the strings below the fields.

    Pydantic can collect them itself, but only whenever the classes are made: every command
    would pay for it.
    """
    classes: list[type] = [TypedTableBlock, TypedClaimFile, ColumnExpect]
    for module in (claim, expect, ignored):
        classes += [shape for _, shape in inspect.getmembers(module, inspect.isclass)]
    for shape in classes:
        for base in reversed(inspect.getmro(shape)):
            if issubclass(base, Strict) and base is not Strict:
                yield from ((shape.__name__, *found) for found in _documented(base))


def _documented(shape: type[BaseModel]) -> Iterator[tuple[str, str]]:
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(shape))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=words)):
                yield shape.model_fields[name].alias or name, str(words)


if __name__ == "__main__":
    write_atomically(PATH, text())
