"""One spelling for many, and figures compared digit for digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.ground.figures import cell_states, numbers, occurrences, states
from verify.ground.normal import label, loose, normal, readable_label

MARKUP = st.text(
    alphabet=st.sampled_from(list("aBx19.,-×†*$\\{}[]^_~%& <>|;#()²₅‘–\u2212\u00a0\u00ad\n"))
    | st.characters(),
    max_size=40,
)
WORDS = r"\times \text{ } $ ^{ \dagger [27] (Ours) 1,000 % x 3.4 &amp; <sup> </sup> \\ \% { m * †"
PIECES = st.lists(st.sampled_from([*WORDS.split(" "), " ", "&lt;sup&gt;"]), max_size=12).map(
    "".join
)


@pytest.mark.parametrize("spell", [normal, label])
@given(text=MARKUP | PIECES)
def test_spelling_twice_is_spelling_once(spell, text):
    assert spell(spell(text)) == spell(text)


@given(st.from_regex(r"[1-9]\d{0,2}(\.\d{1,3})?", fullmatch=True))
def test_a_plain_number_is_normal_already(printed):
    assert normal(printed) == label(printed) == printed


@pytest.mark.parametrize(
    ("printed", "spelled"),
    [
        ("3.4 \\times", "3.4×"),
        ("$3.4\\times$", "3.4×"),
        ("3.4x", "3.4×"),
        ("224 x 224", "224×224"),
        ("$14 \\times 14$", "14×14"),
        ("16 %", "16%"),
        ("16\\%", "16%"),
        ("$\\sim$ 134 M", "~134 M"),
        ("\u223c134", "~134"),
        ("4,938.8", "4938.8"),
        ("12,345,678", "12345678"),
        ("0,123", "0,123"),
        ("1,2345", "1,2345"),
        ("\u22120.3", "-0.3"),
        ("1\u20132", "1-2"),
        ("out\u2014of", "out-of"),
        ("10^{-3}", "10^-3"),
        ("10⁻³", "10^-3"),
        ("10<sup>-3</sup>", "10^-3"),
        ("N²", "N^2"),
        ("\\textbf{85.6}", "85.6"),
        ("**85.6**", "85.6"),
        ("*both* drawbacks", "both drawbacks"),
        ("ToyViG-B [†]", "ToyViG-B†"),
        ("ToyViG-B$^{\\dagger}$", "ToyViG-B†"),
        ("ToyViG-B^†", "ToyViG-B†"),
        ("toy’s “map”", 'toy\'s "map"'),
        ("a\u00a0 b\nc", "a b c"),
        ("a &amp; b", "a & b"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\\mathrm{iso}", "iso"),
        ("a record\u201483.5 %", "a record - 83.5%"),
        ("ResNet\u201350", "ResNet-50"),
        ("$C_{ m iso}$", "C_iso"),
    ],
)
def test_normal_spelling(printed, spelled):
    assert normal(printed) == spelled


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("RefNet50 [14]", "RefNet50"),
        ("RefNet50 [14], [15]", "RefNet50"),
        ("RefNet50 [26]\u2013[30]", "RefNet50"),
        ("RefNet50 [1, 2]", "RefNet50"),
        ("ToyViG-S (Ours)", "ToyViG-S"),
        ("ToyViG-S (ours) [3]", "ToyViG-S"),
        ("**ToyViG-S**", "ToyViG-S"),
        ("ToyViG-B [†] (Ours)", "ToyViG-B†"),
        ("Params (M)", "Params(M)"),
        ("$n_b$", "nb"),
        ("b = 8", "b=8"),
        ("AP₅₀", "AP50"),
        ("$AP^{box}_{50}$", "APbox50"),
        ("\u0422\u0443\u0440\u0435", "Type"),
        ("[27]", "[27]"),
        ("", ""),
    ],
)
def test_labels_are_reduced_to_names(printed, name):
    assert label(printed) == name


def test_a_dagger_keeps_two_labels_apart():
    assert label("ToyViG-B") != label("ToyViG-B†") != label("ToyViG-B‡")


@pytest.mark.parametrize(
    "spelling", ["AP^{box}_{50}", "AP_{50}^{box}", "AP50 box", "AP₅₀ ^{box}", "$AP_{50}^{box}$"]
)
def test_the_order_of_sub_and_superscript_does_not_matter(spelling):
    assert loose(spelling) == loose("AP box 50")
    assert loose(spelling) != loose("AP75 box")


def test_a_readable_label_keeps_what_is_printed_and_drops_references():
    assert readable_label("ToyViG-B [†] (Ours) [3]") == "ToyViG-B† (Ours)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("79.8% at 0.9 ms", ["79.8", "0.9"]),
        ("version 2.2.2 of GATv2", []),
        ("OC-2M and Top-1", []),
        ("gains of 1-2%", ["1", "2"]),
        ("by \u22120.3 to +0.8", ["-0.3", "+0.8"]),
        ("10x cheaper and 3.1meV/ better", ["10", "3.1"]),
        ("rate of 2×10^{-3}", ["2e-3"]),
        ("1.2E+3", ["1.2e3"]),
        ("4,938.8 img/s", ["4938.8"]),
        ("seen in [27], [28]", ["27", "28"]),
    ],
)
def test_numbers_in_a_text(text, found):
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("3.4×", "3.4"),
        ("7%", "7"),
        ("~134M samples", "134"),
        ("4,938.8", "4938.8"),
        ("4938.8", "4,938.8"),
        ("+0.8 points", "0.8"),
        ("\u22120.3", "-0.3"),
        ("four variants", "4"),
        ("twice as many", "2"),
        ("grows quadratically", "2"),
        ("a CNN-GNN model", "CNN-GNN"),
        ("PyTorch 2.2.2", "2.2.2"),
    ],
)
def test_a_text_states_a_figure(text, printed):
    assert states(text, printed)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("7.10", "7.1"),
        ("7.1", "7.10"),
        ("77%", "7"),
        ("3.41×", "3.4"),
        ("13.4×", "3.4"),
        ("\u22120.3", "0.3"),
        ("0.3", "-0.3"),
        ("four of 5", "4"),
        ("fourteen", "4"),
        ("CNN-GNNs", "CNN-GNN"),
    ],
)
def test_a_text_does_not_state_another_figure(text, printed):
    assert not states(text, printed)


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        ("85.6", "85.6"),
        ("**85.6**", "85.6"),
        ("$85.6$", "85.6"),
        ("85.6%", "85.6"),
        ("11.5M", "11.5"),
        ("~8.8", "8.8"),
        ("85.6 (86.0)", "85.6"),
        ("85.6±0.1", "85.6"),
        ("-", "-"),
        ("\u2013", "-"),
        ("CNN-GNN", "CNN-GNN"),
        ("The toy variant reaches 68.6% on the", "68.6"),
    ],
)
def test_a_cell_prints_a_figure(cell, printed):
    assert cell_states(cell, printed)


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        ("85.60", "85.6"),
        ("185.6", "85.6"),
        ("85.6 (86.0)", "86.0"),
        ("-", "0"),
        ("", "1"),
        ("85.6.1", "85.6"),
        ("CNN", "CNN-GNN"),
        ("The toy variant reaches 68.6% on the", "8.6"),
    ],
)
def test_a_cell_does_not_print_another_figure(cell, printed):
    assert not cell_states(cell, printed)


@pytest.mark.parametrize(
    ("text", "printed", "count"),
    [
        ("7% and 77% and 7 %", "7%", 2),
        ("see [2], [22] or 2 of 2.2", "2", 1),
        ("GATv2 and 2", "2", 1),
        ("outperforms, outperform", "outperform", 1),
        ("3.4× and 3.4 x and $3.4\\times$", "3.4x", 3),
        ("aaa", "", 0),
    ],
)
def test_occurrences_are_whole(text, printed, count):
    assert len(list(occurrences(text, printed))) == count
