"""Claims on layers: units and readings of keys, null models, findings, pictures."""

from itertools import count
from xml.etree import ElementTree

import pytest

from reproductions.contract import Measurement, Quantity
from verify.errors import ClaimError
from verify.judge import judge
from verify.load import load
from verify.null_model import null_verdicts, shown_too
from verify.publish.chart import Chart, Line, Point
from verify.publish.findings import page
from verify.publish.pictures import pictures
from verify.report import report_on
from verify.state import State
from verify.stored import Stored

INDEX = """\
schema: 1
sources:
  notes: {title: Notes, file: notes.txt, sha256: "%s"}
""" % ("0" * 64)
PARAMS = (
    "{model: vig_s, weights: authors, dataset: imagenet-1k-val, images: 50000, transform: analysis}"
)
NULL = "{weights: random, dataset: generated, images: 32}"
PLACE = 'statement: "{0}"\n    found_at: [{{section: "1", printed: words}}]'


def given(key, params=PARAMS):
    return f"{{reproduction: graph_statistics, params: {params}, convention: {key}}}"


def rising(*layers, statistic="embedding_similarity", null=NULL):
    inputs = "".join(f"\n      - {given(f'{statistic}_{layer:02d}')}" for layer in layers)
    return f"""
  - id: notes.graph_statistics.vig_s.rises
    {PLACE.format("It rises.")}
    inputs:{inputs}
    {f"null_model: {null}" if null else ""}
    expect: {{kind: monotone, direction: increases}}"""


def value(printed, unit, key, **more):
    extra = "".join(f"\n    {name}: {text}" for name, text in more.items())
    return f"""
  - id: notes.graph_statistics.vig_s.value
    {PLACE.format(f"It is {printed}.")}
    reproduction: graph_statistics
    params: {PARAMS}
    convention: {key}{extra}
    expect: {{kind: value, printed: "{printed}", unit: {unit}}}"""


@pytest.fixture
def project_of(tmp_path):
    numbers = count()

    def make(*claims):
        root = tmp_path / str(next(numbers))
        (root / "claims").mkdir(parents=True)
        (root / "claims.yaml").write_text(INDEX)
        (root / "claims" / "notes.yaml").write_text(f"source: notes\nclaims:{''.join(claims)}\n")
        return load(root)

    return make


def measured(spread=0.0, **numbers):
    values = {
        key: Quantity(
            value=number,
            low=number - spread,
            high=number + spread,
            level=0.01 if spread else None,
            unit="cosine",
        )
        for key, number in numbers.items()
    }
    return Stored("ok", Measurement(values=values), "", False, "event", "toy", 1.0)


def series(*numbers, first=14, statistic="embedding_similarity"):
    return {f"{statistic}_{first + at:02d}": number for at, number in enumerate(numbers)}


def stored_for(project, own=None, null=None):
    ((id_, needs),) = project.needs.items()
    found = {needs[0].key: own} if own is not None else {}
    return found | ({project.nulls[id_][0].key: null} if null is not None else {})


# -- units and readings -----------------------------------------------------------------


def test_each_key_has_its_own_unit(project_of):
    project_of(value("8.8", "patches", "spatial_distance_16"))
    project_of(value("0.486", "probability", "class_probability_16"))
    with pytest.raises(ClaimError, match="want patches, the unit of graph_statistics, got 'ratio'"):
        project_of(value("8.8", "ratio", "spatial_distance_16"))


@pytest.mark.parametrize(
    ("trained", "agreement"),
    [(0.5, "mistaken_protocol"), (0.3, "as_printed"), (None, "mistaken_protocol")],
    ids=["only_normalized_for_another", "normalized_as_trained_too", "not_measured_as_trained"],
)
def test_a_statistic_of_images_normalized_for_another_model_is_told_so(
    project_of, trained, agreement
):
    key = "embedding_similarity_16"
    project = project_of(value("0.3", "cosine", key))
    ((id_, (need,)),) = project.needs.items()
    known = {need.key: measured(**{key: 0.3})}
    if trained is not None:
        known[need.corrected().key] = measured(**{key: trained})
    judged = judge(project, known)[id_]
    assert (judged.verdict, judged.agreement) == ("pass", agreement)


def test_inputs_in_two_units_are_not_compared(project_of):
    claim = rising(14, 15).replace("embedding_similarity_15", "spatial_distance_15")
    with pytest.raises(ClaimError, match=r"want every input in cosine, got .* in patches"):
        project_of(claim)


def test_a_key_that_does_not_exist_is_refused_and_the_series_told_in_short(project_of):
    with pytest.raises(ClaimError, match="did you mean 'spatial_distance_15'"):
        project_of(value("8.8", "patches", "spatial_distance_5"))
    with pytest.raises(ClaimError, match="has spatial_distance_01 to spatial_distance_16, "):
        project_of(value("8.8", "patches", "depth"))


@pytest.mark.parametrize(
    ("default", "other", "verdict", "reason"),
    [
        (0.486, 0.3, "pass", "inside_region"),
        (0.3, 0.486, "inconclusive", "convention_ambiguous"),
        (0.3, 0.4854, "fail", "outside_region"),
        (0.3, None, "fail", "outside_region"),
    ],
    ids=["the default decides", "another reading fits", "none fits", "no other is measured"],
)
def test_a_miss_that_another_reading_fits_is_left_open(project_of, default, other, verdict, reason):
    project = project_of(value("0.486", "probability", "class_probability_16"))
    numbers = {"class_probability_16": default}
    numbers |= {} if other is None else {"class_probability_last_two": other}
    (found,) = judge(project, stored_for(project, measured(**numbers))).values()
    assert (found.verdict, found.reason) == (verdict, reason)


def test_a_miss_that_another_reading_may_fit_is_left_open(project_of):
    project = project_of(value("0.486", "probability", "class_probability_16"))
    numbers = {"class_probability_16": 0.3, "class_probability_last_two": 0.4857}
    (found,) = judge(project, stored_for(project, measured(0.001, **numbers))).values()
    assert (found.verdict, found.reason) == ("inconclusive", "straddles")
    assert "read as class_probability_last_two it may fit" in found.detail


@pytest.mark.parametrize(
    ("own", "searched", "verdict"),
    [
        ((0.1, 0.2, 0.3), (0.3, 0.2, 0.1), "pass"),
        ((0.1, 0.2, 0.2), (0.1, 0.2, 0.3), "inconclusive"),
        ((0.1, 0.3, 0.2), (0.3, 0.2, 0.1), "fail"),
        ((0.1, 0.3, 0.2), (), "fail"),
    ],
    ids=["the default decides", "another reading fits", "none fits", "no other is measured"],
)
def test_a_trend_that_another_reading_shows_is_left_open(project_of, own, searched, verdict):
    project = project_of(rising(14, 15, 16))
    numbers = series(*own) | series(*searched, statistic="embedding_similarity_searched")
    (found,) = judge(project, stored_for(project, measured(**numbers))).values()
    assert found.verdict == verdict


def test_a_trend_that_another_reading_leaves_open_is_left_open(project_of):
    """What falls as blocks return it, and cannot be told apart as it was searched."""
    project = project_of(rising(14, 15, 16))
    numbers = series(0.3, 0.2, 0.1)
    numbers |= series(0.10, 0.11, 0.12, statistic="embedding_similarity_searched")
    (found,) = judge(project, stored_for(project, measured(0.02, **numbers))).values()
    assert (found.verdict, found.reason) == ("inconclusive", "straddles")
    assert "it is undecided" in found.detail


def test_inputs_of_one_measurement_are_told_apart_by_their_keys(project_of):
    project = project_of(rising(14, 15))
    (found,) = judge(project, stored_for(project, measured(**series(0.2, 0.1)))).values()
    assert "vig_s, embedding_similarity_14 less than vig_s, embedding_similarity_15" in found.detail


# -- null models ------------------------------------------------------------------------


def test_a_null_model_is_measured_beside_the_claim(project_of):
    project = project_of(rising(14, 15))
    (claim,) = project.claims.values()
    params = {(n.params.weights, n.params.dataset) for n in project.all_needs(claim)}
    assert params == {("authors", "imagenet-1k-val"), ("random", "generated")}


@pytest.mark.parametrize(
    ("null", "spread", "told"),
    [
        ((0.1, 0.2, 0.3), 0.01, "): all 2 hold"),
        ((0.1, 0.2, 0.3), 0.2, ") by the means: "),
        ((0.1, 0.3, 0.2), 0.01, None),
        ((0.1, 0.3, 0.2), 0.2, None),
        ((0.1, 0.2, 0.2), 0.0, None),
    ],
    ids=["shown", "by its means alone", "not shown", "not by its means", "a step that stands"],
)
@pytest.mark.parametrize("own", [None, (0.3, 0.2, 0.1), (0.1, 0.2, 0.3)], ids=str)
def test_what_the_null_model_shows_is_a_finding_and_changes_no_verdict(
    project_of, own, null, spread, told
):
    project = project_of(rising(14, 15, 16))
    model = None if own is None else measured(**series(*own))
    stored = stored_for(project, model, measured(spread, **series(*null)))
    report = report_on(project, State({}, stored))
    found = [f.detail for f in report.findings if f.kind == "null_model_shows_it"]
    assert [told in detail for detail in found] == ([] if told is None else [True])
    assert all("holds of a null model (weights random" in detail for detail in found)
    assert judge(project, stored) == judge(project, stored_for(project, model))
    heading = f"(#claims-that-a-null-model-bears-out-too): {len(found)}"
    assert heading in page(project, report)
    assert report.entries[0].as_json()["null_model"]["verdict"] in {"pass", "fail", "inconclusive"}


def test_a_trend_that_it_shows_in_some_readings_says_in_which(project_of):
    claim = rising(13, 14, 15, 16).replace("kind: monotone", "kind: vague, word: up, sense: trend")
    project = project_of(claim)
    null = measured(**series(0.1, 0.3, 0.29, 0.4, first=13))
    ((_, detail),) = shown_too(project, stored_for(project, null=null))
    assert "in one reading of the words, in another not" in detail
    assert "every step: no, last against first: yes" in detail


def test_a_null_model_that_was_not_measured_shows_nothing(project_of):
    project = project_of(rising(14, 15))
    assert list(shown_too(project, {})) == []
    (found,) = null_verdicts(project, {}).values()
    assert found.verdict == "blocked"


def test_claims_without_a_null_model_have_none(project_of):
    project = project_of(rising(14, 15, null=None))
    assert null_verdicts(project, {}) == {}
    assert report_on(project, State({}, {})).entries[0].null is None


@pytest.mark.parametrize(
    ("null", "sentence"),
    [
        ("{weights: none}", "null_model.weights: want 'authors' or 'random'"),
        ("{depth: 3}", "null_model.depth: "),
        ("{model: vig_x}", "null_model.model: want a model that exists"),
    ],
)
def test_a_null_model_of_params_that_do_not_fit_is_refused_once(project_of, null, sentence):
    with pytest.raises(ClaimError) as refusal:
        project_of(rising(14, 15, 16, null=null))
    (line,) = str(refusal.value).splitlines()
    assert sentence in line


# -- pictures ---------------------------------------------------------------------------


def test_series_are_drawn_by_layer_with_the_null_model_and_the_print(project_of):
    project = project_of(
        value("8.8", "patches", "spatial_distance_16", null_model=NULL),
    )
    numbers = [series(*its, first=14, statistic="spatial_distance") for its in ((7, 8, 9), (5, 6))]
    own, null = (measured(0.1, **given) for given in numbers)
    report = report_on(project, State({}, stored_for(project, own, null)))
    made = pictures(project, report)
    assert sorted(made) == [
        "pictures/notes-spatial-distance.csv",
        "pictures/notes-spatial-distance.svg",
    ]
    rows = made["pictures/notes-spatial-distance.csv"].splitlines()
    assert '"vig_s, authors, imagenet-1k-val",16,,9,8.9,9.1,' in rows
    assert '"vig_s, random, generated",15,,6,5.9,6.1,' in rows
    assert '"as printed",16,8.8,,,,' in rows


def test_nothing_measured_is_nothing_drawn(project_of):
    project = project_of(rising(14, 15))
    assert pictures(project, report_on(project, State({}, {}))) == {}


def test_linear_axes_take_what_is_negative_and_equal_steps_are_equally_long():
    points = [Point(at, number) for at, number in ((1, -0.2), (2, 0.0), (3, 0.2))]
    chart = Chart("t", "n", "x", "y", [Line("one", points)], linear=True)
    circles = [
        element.attrib
        for element in ElementTree.fromstring(chart.svg()).iter(
            "{http://www.w3.org/2000/svg}circle"
        )
    ]
    for axis in ("cx", "cy"):
        a, b, c = (float(circle[axis]) for circle in circles)
        assert b - a == pytest.approx(c - b, abs=0.2)
    texts = [
        t.text for t in ElementTree.fromstring(chart.svg()).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert {"-0.2", "0", "0.2"} <= set(texts)


@pytest.mark.parametrize("numbers", [(0.5,), (0.5, 0.5)], ids=["one point", "equal points"])
def test_a_line_without_extent_is_drawn(numbers):
    points = [Point(at, number) for at, number in enumerate(numbers, start=1)]
    assert "<circle" in Chart("t", "n", "x", "y", [Line("one", points)], linear=True).svg()
