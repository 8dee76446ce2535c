"""Foreign text cannot act on a page, in a script or in a spreadsheet."""

import csv
import json

import pytest

from verify.publish.site.text import csv_text, foreign, in_script, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("ViG-S†, größer", "ViG-S†, größer", id="ordinary"),
        pytest.param("tab\tand\nline", "tab\tand\nline", id="spaces"),
        pytest.param("73\u202e37", "73[U+202E]37", id="right to left override"),
        pytest.param("\u2066a\u2069", "[U+2066]a[U+2069]", id="isolates"),
        pytest.param("a\x00b\x1b[0m", "a[U+0000]b[U+001B][0m", id="controls"),
        pytest.param("a\ud800b", "a[U+D800]b", id="half a character"),
        pytest.param("\ufffe\ufffd", "[U+FFFE]\ufffd", id="no character"),
    ],
)
def test_what_cannot_be_seen_is_named(text, shown):
    assert visible(text) == shown
    assert visible(text).encode()


def test_text_is_escaped_on_a_page():
    assert foreign('<b a="1">&') == "&lt;b a=&#34;1&#34;&gt;&amp;"


def test_writing_from_right_to_left_is_kept_to_itself():
    assert foreign("מודל <i>") == "<bdi>מודל &lt;i&gt;</bdi>"
    assert foreign("größer") == "größer"


@pytest.mark.parametrize("text", ["</script><script>a()</script>", "<!--", "a&b\u2028c"])
def test_json_in_a_script_cannot_end_it_and_reads_back(text):
    written = str(in_script({"a": text}))
    assert not {"<", ">", "&", "\u2028"} & set(written)
    assert json.loads(written) == {"a": text}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-cmd", "'-cmd"),
        ("-", "-"),
        ("-2.5", "-2.5"),
        ("+5%", "+5%"),
        (None, ""),
        (0.1, "0.1"),
        (3, "3"),
        ('a "b", c', 'a "b", c'),
    ],
)
def test_a_cell_of_csv_is_no_formula_and_reads_back(value, cell):
    ((found, last),) = csv.reader([csv_text([[value, "x"]]).rstrip("\n")])
    assert (found, last) == (cell, "x")
