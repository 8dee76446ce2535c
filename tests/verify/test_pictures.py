"""Charts: what they show, where, and that foreign text stays text."""

from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from reproductions.contract import Measurement, Quantity
from verify.load import load
from verify.publish.chart import _COLORS, _MARKS, HEIGHT, WIDTH, Chart, Line, Point
from verify.publish.pictures import pictures
from verify.report import report_on
from verify.state import State
from verify.stored import Stored

SVG = "{http://www.w3.org/2000/svg}"
CHART = Chart(
    title="Speed",
    note="toy",
    x_label="batch",
    y_label="images per second",
    lines=[
        Line("one", [Point(1, 10.0), Point(8, 100.0, (90.0, 80.0, 95.0))]),
        Line("two", [Point(1, 20.0), Point(8, None, (30.0, 25.0, 35.0))]),
    ],
)


def drawn(chart):
    root = ElementTree.fromstring(chart.svg())
    return root, [element.attrib for element in root.iter(f"{SVG}circle")]


def test_axes_are_logarithmic():
    points = [Point(1, 1.0), Point(10, 10.0), Point(100, 100.0)]
    _, circles = drawn(Chart("t", "n", "x", "y", [Line("one", points)]))
    xs, ys = ([float(circle[axis]) for circle in circles] for axis in ("cx", "cy"))
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert xs == sorted(xs)
    assert ys == sorted(ys, reverse=True)


def test_printed_figures_are_circles_and_measured_ones_squares_with_their_interval():
    root, circles = drawn(CHART)
    squares = [p for p in root.iter(f"{SVG}path") if p.attrib.get("class") == "square"]
    assert (len(circles), len(squares)) == (3, 2)


def test_everything_lies_on_the_paper_and_names_do_not_meet():
    many = [Line(f"model {n}", [Point(1, 100.0 + n), Point(8, 100.0 + n)]) for n in range(20)]
    root, _ = drawn(Chart("t", "n", "x", "y", many))
    texts = [t for t in root.iter(f"{SVG}text") if str(t.text).startswith("model")]
    places = sorted(float(text.attrib["y"]) for text in texts)
    assert all(b - a >= 14 for a, b in pairwise(places))
    assert places[0] > 0
    assert places[-1] < HEIGHT
    assert all(0 < float(text.attrib["x"]) < WIDTH for text in texts)


def test_a_reader_who_sees_nothing_is_told_the_figures():
    root, _ = drawn(CHART)
    assert root.find(f"{SVG}title").text == "Speed"
    assert "one: 1: 10, 8: 100; two: 1: 20, 8: 30" in root.find(f"{SVG}desc").text


def test_lines_may_share_a_color_and_be_joined():
    points = [Point(1, None, (1.0, 1.0, 1.0)), Point(2, None, (2.0, 2.0, 2.0))]
    lines = [Line("one", points, 3), Line("other", points, 3)]
    text = Chart("t", "n", "x", "y", lines, joined=True).svg()
    assert {color for color in _COLORS if color in text.partition("</style>")[2]} == {_COLORS[3]}
    assert text.count('fill="none"') == 2
    assert 'fill="none"' not in Chart("t", "n", "x", "y", lines).svg()


def luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("paper", ["#ffffff", "#1b1b1b"])
@pytest.mark.parametrize("color", _COLORS)
def test_every_color_is_told_from_light_and_from_dark_paper(color, paper):
    low, high = sorted([luminance(color), luminance(paper)])
    assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2.2, 1.4.11


def test_foreign_text_stays_text():
    name = "<script>alert(1)</script>&"
    text = Chart(name, name, name, name, [Line(name, [Point(1, 1.0), Point(2, 2.0)])]).svg()
    assert "<script" not in text
    ElementTree.fromstring(text)


def test_the_table_beside_it_has_every_figure():
    assert CHART.csv().splitlines() == [
        "name,x,printed,measured,low,high,stale",
        '"one",1,10,,,,',
        '"one",8,100,90,80,95,',
        '"two",1,20,,,,',
        '"two",8,,30,25,35,',
    ]


def test_the_table_beside_it_has_every_digit_of_the_ledger():
    line = Line("one", [Point(8, 4938.8, (1234567.891, 0.1 + 0.2, 2e9))])
    chart = replace(CHART, lines=[line])
    assert chart.csv().splitlines()[1] == (
        '"one",8,4938.8,1234567.891,0.30000000000000004,2000000000,'
    )


INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
""" % ("0" * 64)
TABLE = """
  - table: {{table: "6", column: "b = {batch}"}}
    title: Speed
    statement: "{{row}} handles {{printed}} images a second."
    reproduction: throughput
    params: {{batch: {batch}, precision: default, device: rtx-6000-ada}}
    qualifier: b{batch}
    over: {{"New": "Old"}}
    expect: {{kind: value, unit: images/s}}
    rows:
      "Old": {{printed: "{old}", model: pvig_ti}}
      "New": {{printed: "{new}", model: vig_ti}}
"""
ACCURACIES = """
  - table: {table: "4", column: Top-1}
    title: Accuracy
    statement: "{row} has a top-1 accuracy of {printed} %."
    reproduction: top1_accuracy
    params:
      weights: released
      dataset: imagenet-1k-val
      transform: trained
      precision: tf32_off
      batch: 64
      device: any
    expect: {kind: value, unit: percent}
    rows:
      "Old": {printed: "78.2", model: pvig_ti}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    tables = TABLE.format(batch=1, old="10.0", new="20.0")
    tables += TABLE.format(batch=8, old="40.0", new="120.0") + ACCURACIES
    (tmp_path / "claims" / "toyvig.yaml").write_text(f"source: toyvig\ntables:{tables}")
    return load(tmp_path)


def test_printed_speeds_and_their_ratios_are_drawn_by_batch(project):
    made = pictures(project, report_on(project, State({}, {})))
    assert sorted(made) == [
        "pictures/toyvig-speedup.csv",
        "pictures/toyvig-speedup.svg",
        "pictures/toyvig-throughput.csv",
        "pictures/toyvig-throughput.svg",
    ]
    assert '"vig_ti",8,120,,,' in made["pictures/toyvig-throughput.csv"]
    assert '"vig_ti / pvig_ti",8,3,,,' in made["pictures/toyvig-speedup.csv"]
    for name in ("throughput", "speedup"):
        assert ">Printed for rtx-6000-ada; circles" in made[f"pictures/toyvig-{name}.svg"]


def test_the_note_names_the_cards_of_what_is_drawn_and_no_other(project):
    path = project.root / "claims" / "toyvig.yaml"
    path.write_text(path.read_text() + ACCURACY)
    other = load(project.root)
    made = pictures(other, report_on(other, State({}, {})))
    assert "Printed for rtx-6000-ada; circles" in made["pictures/toyvig-throughput.svg"]


ACCURACY = """
claims:
  - id: toyvig.top1_accuracy.vig_s
    statement: ViG-S is right about 80.4 % of the images.
    found_at: [{section: "4", printed: "80.4"}]
    reproduction: top1_accuracy
    params: {model: vig_s, weights: released, dataset: imagenet-1k-val, transform: trained,
      precision: tf32_off, batch: 64, device: any}
    expect: {kind: value, printed: "80.4", unit: percent}
"""


def test_what_was_measured_stands_beside_what_is_printed(project):
    (need,) = project.needs["toyvig.throughput.vig_ti.b8"]
    measured = Measurement(
        values={"throughput": Quantity(value=99, low=98, high=100, level=0.05, unit="images/s")},
        facts={"outcome": "runs", "device": "h200", "kernel": "none"},
    )
    stored = {need.key: Stored("ok", measured, "", False, "e", "h200", 1.0)}
    made = pictures(project, report_on(project, State({}, stored)))
    assert '"vig_ti",8,120,99,98,100' in made["pictures/toyvig-throughput.csv"]
    assert "as measured on h200, 95 %" in made["pictures/toyvig-throughput.svg"]
    assert "stale" not in made["pictures/toyvig-throughput.svg"]
    assert_stale(project, State({}, stored), "toyvig-throughput", '"vig_ti",8,120,99,98,100,stale')


def assert_stale(project, state, name, line):
    """Make every measurement stale and see that the picture and its rows say so."""
    stored = {key: replace(one, stale=True) for key, one in state.stored.items()}
    made = pictures(project, report_on(project, replace(state, stored=stored)))
    assert line in made[f"pictures/{name}.csv"].splitlines()
    svg = made[f"pictures/{name}.svg"]
    root = ElementTree.fromstring(svg)
    marks = [path for path in root.iter(f"{SVG}path") if path.get("class") in _MARKS]
    assert {path.get("fill") for path in marks} == {"none"}
    assert "hollow: stale" in " ".join(text.text for text in root.iter(f"{SVG}text"))
    assert "(stale)" in root.find(f"{SVG}desc").text


def test_a_document_without_speeds_has_no_pictures(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    (tmp_path / "claims" / "toyvig.yaml").write_text("source: toyvig\nclaims: []\n")
    assert pictures(load(tmp_path), report_on(load(tmp_path), State({}, {}))) == {}


TRAINING = """
  - id: toyvig.training_memory.vig_ti.{name}
    statement: It takes less memory.
    found_at: [{{section: "1", printed: less}}]
    scope: mechanism
    inputs:
      - {{reproduction: training_memory, params: {params}, convention: allocated}}
      - {{reproduction: training_memory, params: {params}, convention: allocated_plain}}
    expect: {{kind: ordering, relation: less_than}}
"""
STEPS = {
    "layers": "{model: vig_ti, batch: 4, device: cpu, checkpoints: layers}",
    "micro": "{model: vig_ti, batch: 4, device: cpu, micro_batches: 2}",
    "partitions": "{model: clustervig_ti, batch: 4, device: cpu, partitions: 1}",
}


def stored_step(allocated, operations):
    values = {
        "allocated": (allocated, "GiB"),
        "allocated_plain": (2.0, "GiB"),
        "operations": (operations, "GMAC"),
        "operations_plain": (30.0, "GMAC"),
        "images_per_second": (5.0, "images/s"),
        "images_per_second_plain": (6.0, "images/s"),
    }
    measured = Measurement(
        values={key: Quantity.exact(value, unit) for key, (value, unit) in values.items()},
        facts={"device": "cpu-x86-64"},
    )
    return Stored("ok", measured, "", False, "e", "cpu", 1.0)


def claims_of(tmp_path, text):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    (tmp_path / "claims" / "toyvig.yaml").write_text(f"source: toyvig\nclaims:{text}")
    return load(tmp_path)


@pytest.fixture
def steps(tmp_path):
    texts = [TRAINING.format(name=name, params=params) for name, params in STEPS.items()]
    project = claims_of(tmp_path, "".join(texts).replace("vig_ti.part", "clustervig_ti.part"))
    found = {"layers": (1.0, 40.0), "micro": (1.5, 30.0), "partitions": (1.0, 1.0)}
    stored = {
        need.key: stored_step(*found[id_.rpartition(".")[2]])
        for id_, (need, *_) in project.needs.items()
    }
    return project, State({}, stored)


def test_training_modes_are_drawn_by_memory_beside_the_plain_step(steps):
    made = pictures(steps[0], report_on(*steps))
    assert sorted(made) == [
        f"pictures/toyvig-training-{name}-cpu-x86-64.{kind}"
        for name in ("arithmetic", "speed")
        for kind in ("csv", "svg")
    ]
    assert made["pictures/toyvig-training-arithmetic-cpu-x86-64.csv"].splitlines()[1:] == [
        '"vig_ti",2,,30,30,30,',
        '"vig_ti",1.5,,30,30,30,',
        '"vig_ti",1,,40,40,40,',
    ]
    assert_stale(*steps, "toyvig-training-speed-cpu-x86-64", '"vig_ti",1,,5,5,5,stale')
    assert (
        "cpu-x86-64, 4 images of 224 x 224" in made["pictures/toyvig-training-speed-cpu-x86-64.svg"]
    )


def test_every_training_mode_has_a_mark_of_its_own_and_the_axis_round_numbers(steps):
    text = pictures(steps[0], report_on(*steps))[
        "pictures/toyvig-training-arithmetic-cpu-x86-64.svg"
    ]
    root = ElementTree.fromstring(text)
    marks = [path.attrib.get("class") for path in root.iter(f"{SVG}path")]
    assert [marks.count(mark) for mark in ("square", "triangle", "diamond")] == [1, 1, 1]
    numbers = {element.text for element in root.iter(f"{SVG}text")}
    assert {"1", "2"} <= numbers
    assert "1.5" not in numbers


def test_without_a_measured_step_nothing_is_drawn(steps):
    assert pictures(steps[0], report_on(steps[0], State({}, {}))) == {}


FORM = """
  - id: toyvig.throughput.vig_ti.{form}
    statement: It is fast.
    found_at: [{{section: "1", printed: "9"}}]
    reproduction: throughput
    params: {{model: vig_ti, batch: 8, precision: default, device: cuda, implementation: {form}}}
    expect: {{kind: bound, relation: more_than, printed: "9", unit: images/s}}
"""


def stored_speed(speed):
    values = {
        "throughput": Quantity(
            value=speed, low=speed - 1, high=speed + 1, level=0.05, unit="images/s"
        )
    }
    measured = Measurement(values=values, facts={"outcome": "runs", "device": "h200"})
    return Stored("ok", measured, "", False, "e", "h200", 1.0)


def test_forms_of_a_model_stand_side_by_side_where_both_were_measured(tmp_path):
    texts = [FORM.format(form=form) for form in ("published", "fast")]
    project = claims_of(tmp_path, "".join(texts))
    (one,), (other,) = project.needs.values()
    stored = {one.key: stored_speed(100.0), other.key: stored_speed(200.0)}
    made = pictures(project, report_on(project, State({}, stored)))
    assert made["pictures/toyvig-implementations.csv"].splitlines()[1:] == [
        '"vig_ti, published",8,,100,99,101,',
        '"vig_ti, fast",8,,200,199,201,',
    ]
    assert "measured on h200" in made["pictures/toyvig-implementations.svg"]
    line = '"vig_ti, fast",8,,200,199,201,stale'
    assert_stale(project, State({}, stored), "toyvig-implementations", line)
    del stored[other.key]
    assert pictures(project, report_on(project, State({}, stored))) == {}
