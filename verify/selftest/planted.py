"""One planted mistake for every refusal of the loader: where it goes and what must be said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

INDEX = f"""schema: 1
sources:
  toyvig:
    title: ToyViG
    file: toyvig.txt
    sha256: {"a" * 64}
papers:
  refnet: {{title: RefNet, arxiv: "2401.00010"}}
"""
CLAIM = """source: toyvig
claims:
  - id: toyvig.parameter_count.resnet18
    statement: It has 11.7 M parameters.
    found_at: [{table: "2", row: "R", column: "P"}]
    reproduction: parameter_count
    params: {model: resnet18, num_classes: 1000}
    expect:
      kind: value
      printed: "11.7"
      unit: Mparam
"""
TABLE = """source: toyvig
tables:
  - table: {table: "2", column: "P"}
    title: Sizes
    statement: "{row} has {printed} M."
    reproduction: parameter_count
    params: {num_classes: 1000}
    expect: {kind: value, unit: Mparam}
    rows:
      "A": {printed: "11.7", model: resnet18}
      "B":
        printed: "25.6"
        model: resnet50
"""
SUM = """  - id: toyvig.arithmetic.x
    statement: Twice as large.
    found_at: [{section: "1", printed: "2"}]
    scope: consistency
    expect: {kind: arithmetic, printed: "2", unit: ratio, OPERATION}
"""
PAIR = """  - id: toyvig.SECOND.y
    statement: Larger.
    found_at: [{section: "1", printed: larger}]
    scope: SCOPE
    expect: {EXPECT}
    inputs: [INPUTS]
"""
ID = "toyvig.parameter_count.resnet18"
INPUT = "{reproduction: parameter_count, params: {model: resnet18}}"
BEFORE = "    expect:\n"
WIDER = 'tolerance: {by: "0.1", unit: Mparam, basis: transfer, because: x}'
NONE_OF = "want exactly one of ratio, difference"


@dataclass(frozen=True)
class Planted:
    """Files with one mistake, and the sentence it must be refused with."""

    name: str
    sentence: str
    """A part of it."""
    claim: str | bytes = CLAIM
    index: str | None = INDEX
    files: Mapping[str, str] = field(default_factory=dict)


def _changed(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"want {old!r} once in the text to be changed")
    return text.replace(old, new)


def _in_claim(name: str, old: str, new: str, sentence: str) -> Planted:
    return Planted(name, sentence, _changed(CLAIM, old, new))


def _added(name: str, line: str, sentence: str) -> Planted:
    return _in_claim(name, BEFORE, f"    {line}\n{BEFORE}", sentence)


def _in_table(name: str, old: str, new: str, sentence: str) -> Planted:
    return Planted(name, sentence, _changed(TABLE, old, new))


def _in_index(name: str, index: str | None, sentence: str) -> Planted:
    return Planted(name, sentence, index=index)


def _sum(name: str, operation: str, sentence: str) -> Planted:
    return Planted(name, sentence, CLAIM + SUM.replace("OPERATION", operation))


def _pair(name: str, expect: str, inputs: str, sentence: str, scope: str = "claim") -> Planted:
    second = "arithmetic" if scope == "consistency" else "parameter_count"
    text = PAIR.replace("EXPECT", expect).replace("INPUTS", inputs).replace("SCOPE", scope)
    return Planted(name, sentence, CLAIM + text.replace("SECOND", second))


_KIND = 'kind: value\n      printed: "11.7"\n      unit: Mparam\n'
_ORDERING = "kind: ordering, relation: more_than"
_RATIO = 'kind: ratio, printed: "2", unit: ratio'
_FITTED = "models:\n  {}: {{stands_for: x, because: x, fitted_to: [{}]}}\n"
_EXPECT = CLAIM[CLAIM.index("    expect") :]

IN_CLAIMS = (
    _in_claim("unknown key", "statement", "statment", "did you mean 'statement'?"),
    _in_claim("unknown key inside", "printed:", "pritned:", "did you mean 'printed'?"),
    _added("a key of the loader", "source: toyvig", "want a known key, got 'source'"),
    _added("a key of the loader, twin", "twin_of: x", "want a known key, got 'twin_of'"),
    _in_claim("key twice", "      unit", "      kind: value\n      unit", "want each key once"),
    _in_claim("key missing", "    statement: It has 11.7 M parameters.\n", "", "want this key"),
    _in_claim("unquoted number", '"11.7"', "11.70", "want a quoted decimal"),
    _in_claim("quoted text", '"11.7"', '"about 12"', "want a decimal number"),
    _in_claim("decimal comma", '"11.7"', '"0,123"', "want a decimal number"),
    _in_claim("NaN", '"11.7"', ".nan", "want a finite number"),
    _in_claim("infinity", "1000", ".inf", "want a finite number"),
    _in_claim("boolean", "It has 11.7 M parameters.", "no", "YAML reads no and off so"),
    _in_claim("date", "It has 11.7 M parameters.", "2024-01-01", "want a plain value"),
    _in_claim("empty text", "It has 11.7 M parameters.", '""', "want some text"),
    _in_claim("unknown document", "table:", "source: toyvg, table:", "want a known document"),
    _added("unknown paper", "primary: {paper: refnett}", "want a known paper"),
    _added("tolerance bare", WIDER.replace(", because: x", ""), "want this key, got none"),
    _added("tolerance of nothing", WIDER.replace("0.1", "0"), "want a positive quoted amount"),
    _added("tolerance's unit", WIDER.replace("Mparam", "point"), "want Mparam or percent"),
    _added("tolerance's basis", WIDER.replace("transfer", "hope"), "want 'published_spread'"),
    _in_claim("unknown model", "l: resnet18", "l: resnet81", "did you mean 'resnet18'?"),
    _in_claim("unknown reproduction", ": parameter_count\n", ": paramter_count\n", "did you mean"),
    _in_claim("unknown param", "num_classes", "classes", "did you mean 'num_classes'?"),
    _in_claim("missing param", "model: resnet18, ", "", "want this param of parameter_count"),
    _in_claim("mistyped param", "1000", '"1000"', "want a whole number"),
    _in_claim("param out of range", "1000", "-1", "want at least 0"),
    _added("unknown convention", "convention: trainabel", "did you mean 'trainable'?"),
    _in_claim("another unit", "Mparam", "ratio", "want Mparam, the unit of parameter_count"),
    _in_claim("unknown unit", "Mparam", "Mpram", "did you mean 'Mparam'?"),
    _in_claim("unknown kind", "kind: value", "kind: vlaue", "did you mean 'value'?"),
    _in_claim("no kind", "kind: value\n      p", "p", "want kind inside expect"),
    _in_claim("unknown relation", ": value", ": bound\n      relation: above", "want 'at_least'"),
    _in_claim("id of another document", "id: toyvig", "id: refnet", "starts with 'toyvig'"),
    _in_claim("id of another reproduction", "toyvig.param", "toyvig.x", "as the id's second part"),
    _in_claim("id in capitals", "resnet18\n    s", "R18\n    s", "in lower case letters"),
    _in_claim("neither expect nor check", _EXPECT, "", "want expect, or check: none"),
    _in_claim("check none measured", _EXPECT, "    check: none\n    because: x\n", "none alone"),
    _in_claim("check none without why", _EXPECT, "    check: none\n", "want because: why"),
    _added("because beside expect", "because: x", "want because only beside check: none"),
    _added("measured consistency", "scope: consistency", "want scope consistency for printed"),
    _added("models twice", "models: [resnet18, resnet34]", "either params.model or models"),
    _in_claim(
        "one of models",
        "{model: resnet18, num_classes: 1000}",
        "{num_classes: 1000}\n    models: [resnet18]",
        "want two or more names in models",
    ),
    _in_claim(
        "protocols on a bound",
        BEFORE + "      kind: value",
        "    protocols: {x: {}}\n" + BEFORE + "      kind: bound\n      relation: at_least",
        "want protocols only on a value",
    ),
    _in_claim("padded", '"11.7"', '"11.7"\n      padded: true', "want padded only on a print"),
    _in_claim(
        "a list as a word",
        _KIND,
        "kind: equal\n      form: word\n      printed: [a]\n",
        "one string",
    ),
    _in_claim(
        "a word as a list", _KIND, "kind: equal\n      form: set\n      printed: a\n", "want a list"
    ),
    _in_claim(
        "no whole integer",
        _KIND,
        'kind: equal\n      form: integer\n      printed: "1.5"\n',
        "want a printed integer",
    ),
    _in_claim("locator without column", ', column: "P"', "", "want this key"),
    _in_claim("locator of no form", 'table: "2", row: "R", column: "P"', "page: 3", "want {table"),
    _in_claim("no locator", '{table: "2", row: "R", column: "P"}', "", "want at least one"),
    _in_claim("unquoted locator", 'table: "2"', "table: 2", "want text, got the number 2"),
    _added("merge key", "<<: {scope: claim}", "want the keys written out, got a merge"),
    _added("alias", "scope: &a claim\n    convention: *a", "got the alias *a"),
    _added("tag", "scope: !!str claim", "want plain YAML, got the tag"),
    _added("a structure as a key", "? [a]\n    : b", "want a plain key"),
    _in_claim("tab", BEFORE, "\texpect:\n", "want spaces before the text, got a tab"),
    _in_claim("deep nesting", "1000", "[" * 50 + "]" * 50, "want at most 40 levels"),
    _in_claim("an open bracket", "1000}", "1000", "want well-formed YAML"),
    Planted("two YAML documents", "want one YAML document", f"{CLAIM}---\na: b\n"),
    Planted("no UTF-8", "want UTF-8 text", CLAIM.encode() + b"# \xff\n"),
    Planted("a control character", "want printable text", CLAIM + "# \x01\n"),
    Planted("an empty file", "got an empty file", ""),
    Planted("a list for a file", "want the keys source, claims, tables, got a list", "- 1\n"),
    Planted("another ending", "want the ending .yaml", files={"claims/more.yml": CLAIM}),
    Planted("id in two files", "want each id once", files={"claims/zz.yaml": CLAIM}),
)

IN_TABLES = (
    _in_table("unknown key of a row", "model: resnet50", "modle: resnet50", "mean 'model'?"),
    _in_table("unquoted number in a row", '"25.6"', "25.6", "want a quoted decimal"),
    _in_table("nothing printed", '        printed: "25.6"\n', "", "want this key"),
    _in_table("nothing to measure", "        model: resnet50\n", "", "want model, models, subject"),
    _in_table("id of two rows", "model: resnet50", "model: resnet18", "want each id once"),
    _in_table("row twice", '"B"', '"A"', "want each key once"),
    _in_table("no rows", TABLE[TABLE.index('\n      "A"') :], " {}\n", "want at least one"),
    _in_table("unknown document of a file", "source: toyvig", "source: toyvg", "known document"),
    _in_table(
        "unknown document of a table", '{table: "2"', '{source: toyvg, table: "2"', "known document"
    ),
    _in_table("restates another print", "model: resnet50", f"restates: {ID}", "want '11.7'"),
    _in_table("restates no claim", "model: resnet50", f"restates: {ID}1", "want the id of a claim"),
    _in_table(
        "restates and more",
        '        printed: "25.6"\n        model: resnet50',
        f'        printed: "11.7"\n        coarse: true\n        restates: {ID}',
        "want only printed beside restates",
    ),
)

IN_INDEX = (
    _in_index("no index", None, "want a readable file"),
    _in_index("empty index", "", "got an empty file"),
    _in_index("another schema", INDEX.replace("a: 1", "a: 2"), "want 1, got the number 2"),
    _in_index("a broken hash", INDEX.replace("aaaa", "zzzz"), "want a SHA-256 in 64"),
    _in_index("an unquoted arXiv id", INDEX.replace('"2401.00010"', "2401.00010"), "want text"),
    _in_index("a broken arXiv id", INDEX.replace("2401.", "24."), "want a quoted arXiv id"),
    _in_index(
        "a figure without a place",
        _changed(INDEX, '"2401.00010"', '"2401.00010", figures: {a: {printed: "1", unit: ms}}'),
        "figures.a.at: want this key",
    ),
    _in_index(
        "a document that figures are named like",
        _changed(INDEX, "  toyvig:", "  papers:"),
        "want a document's name other than 'papers'",
    ),
    _in_index("a name in capitals", INDEX.replace("  refnet", "  RefNet"), "want a name in lower"),
    _in_index("a planned model that exists", f"{INDEX}planned_models: [resnet18]\n", "exists now"),
    _in_index("an unknown module", f"{INDEX}reproductions: [no_such_module_]\n", "an importable"),
    _in_index("fitted to no claim", INDEX + _FITTED.format("g4", f"{ID}1"), "want the id of a cl"),
    _in_index("a fitted model absent", INDEX + _FITTED.format("resnet18_g4", ID), "want a model"),
    _in_index("a claim on a fitted model", INDEX + _FITTED.format("resnet18", ID), "a released"),
    _in_index(
        "a note on a model nobody measures",
        f"{INDEX}models:\n  resnet81: {{stands_for: x, because: x}}\n",
        "want a model that a claim measures",
    ),
)

IN_COMPARISONS = (
    _sum("cycle", "sum: [toyvig.arithmetic.x]", "want arithmetic without cycles"),
    _sum("unknown figure", "sum: [papers.refnet.a]", "want the id of a claim or a quoted"),
    _sum("unknown operand", f"sum: [{ID}1]", "want the id of a claim or a quoted constant"),
    _sum("no operation", "coarse: true", NONE_OF),
    _sum("two operations", f"sum: [{ID}], maximum: [{ID}]", NONE_OF),
    _sum("nested operations", f"sum: [{{sum: [{ID}], maximum: [{ID}]}}]", NONE_OF),
    _sum("no operand", "sum: []", "want at least one"),
    _sum("one operand of two", f"ratio: {{of: {ID}}}", "want this key"),
    _sum("unquoted constant", f"ratio: {{of: {ID}, over: 2}}", "want text, got the number 2"),
    _sum(
        "unit of no such operation",
        f"percent_change: {{from: {ID}, to: {ID}}}",
        "want percent, the unit",
    ),
    _sum("a claim without a number", "sum: [toyvig.arithmetic.x.measured]", "want"),
    Planted(
        "arithmetic with inputs",
        "want the operation inside expect",
        CLAIM + SUM.replace("OPERATION", f"sum: [{ID}]") + f"    inputs: [{ID}]\n",
    ),
    Planted(
        "arithmetic as a claim",
        "want consistency for arithmetic",
        CLAIM + SUM.replace("OPERATION", f"sum: [{ID}]").replace("consistency", "claim"),
    ),
    _pair("one input", _ORDERING, ID, "want two inputs", "consistency"),
    _pair("mixed inputs", _ORDERING, f"{ID}, {INPUT}", "got both", "consistency"),
    _pair("input unknown", _ORDERING, f"{ID}, {ID}1", "want the id of a claim", "consistency"),
    _pair("ratio of prints", _RATIO, f"{ID}, {ID}", "want inputs with reproduction"),
    _pair("input's model", _ORDERING, f"{INPUT}, {INPUT.replace('18', '81')}", "want a model"),
    _pair(
        "input's reproduction",
        _ORDERING,
        f"{INPUT}, {INPUT.replace('tion: p', 'tion: q')}",
        "want a known reproduction",
    ),
    _pair(
        "input's convention",
        _ORDERING,
        f"{INPUT}, {INPUT.replace('params', 'convention: alll, params')}",
        "want a convention of parameter_count",
    ),
    _added("inputs of a value", f"inputs: [{INPUT}]", "want reproduction and params for value"),
)

PLANTED = (*IN_CLAIMS, *IN_TABLES, *IN_INDEX, *IN_COMPARISONS)
