"""Documents cut into sections, sentences and captions; passages found in them; files recognised."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.claim import Passage, Sentence
from verify.errors import VerifyError
from verify.ground.document import parse
from verify.ground.locate import locate
from verify.ground.places import NotThereError, digest_of, place_of, runs_of
from verify.ground.sources import read_file, read_sources
from verify.index import Source

ROMAN = """ToyViG: Three Nodes

A. Author

Abstract-We cut latency by up to 5×. It works.

Index Terms—toys

I. INTRODUCTION

ToyViG is 3.4× larger, see Sec. II and [3].

- It has four parts.
- It is 7 % slower and up to 2×
higher in resolution (4× more nodes).

II. METHOD

A. Blocks

The rate is 2×10^{-3}. We fine-

TABLE I: Sizes (M means million)

Model\tSize
Toy\t1.5

tune for 12 epochs of 1,024 images.

B. NODES

For κ=6 we use $14 \\times 14$ nodes. It is 3.4x larger, again 3.4 $\\times$.

Fig. 2: Nodes of three kinds.

REFERENCES

- [1] A. Author, "A toy," 2018.
"""
MARKED = """---
title: Toys
summary: fewer (5 vs 7) links
  per token
---

# Toys at Scale

## Key Results
- 77.7% at 0.9 ms
- 83.4% at 2.7 ms

### Details
It takes 5 steps.

## 2 Method
Two steps.

### 3 Results
Three steps of 5.
"""
PLAIN = """

A Toy Report

Abstract

It has 14 papers.

1 Introduction

Nothing.

2 Results
Text that follows at once has 4 toys.

3. Limits

1. First of 9.
2. Second of 9.

References

None.
"""
PAGE = """new

Daily Papers

Toys: See Large

{}

  • 5 authors

Blocks at the Edge

{}
""".format("Toys reach 80% here. " * 12, "Blocks reach 90% here. " * 12)


def passage(text, section, printed, occurrence=1):
    locator = Passage(section=section, printed=printed, occurrence=occurrence)
    return place_of(locator, parse("toy", text))


@pytest.mark.parametrize(
    ("text", "section", "printed", "line"),
    [
        (ROMAN, "Abstract", "5×", 5),
        (ROMAN, "I", "3.4×", 11),
        (ROMAN, "Sec. I", "3.4x", 11),
        (ROMAN, "Introduction", "3.4×", 11),
        (ROMAN, "I. INTRODUCTION", "7%", 14),
        (ROMAN, "I", "4×", 15),
        (ROMAN, "II.A", "2×10^-3", 21),
        (ROMAN, "II-A", "12 epochs", 28),
        (ROMAN, "2.1", "1024", 28),
        (ROMAN, "II", "κ=6", 32),
        (ROMAN, "II.B", "14×14", 32),
        (ROMAN, "nodes", "6", 32),
        (ROMAN, "front matter", "Three", 1),
        (ROMAN, "References", "2018", 38),
        (ROMAN, "Fig. 2", "three", 34),
        (ROMAN, "Table I", "million", 23),
        (MARKED, "front matter", "5 vs 7", 3),
        (MARKED, "Key Results", "0.9 ms", 10),
        (MARKED, "key results", "5", 14),
        (MARKED, "Details", "5", 14),
        (MARKED, "3", "5", 20),
        (PLAIN, "Abstract", "14", 7),
        (PLAIN, "2", "4", 14),
        (PLAIN, "Limits", "9", 18),
        (PAGE, "Toys: See Large", "80%", 7),
        (PAGE, "Blocks at the Edge", "90%", 13),
    ],
)
def test_passages_are_found_in_their_sections(text, section, printed, line):
    assert passage(text, section, printed).line == line


def test_occurrences_are_counted_through_the_section():
    assert passage(ROMAN, "II.B", "3.4×", 2).rest == "."
    with pytest.raises(NotThereError, match="stands 2 of 3 times"):
        passage(ROMAN, "II.B", "3.4×", 3)


def test_a_section_leaves_out_tables_and_later_sections():
    with pytest.raises(NotThereError, match="nowhere"):
        passage(ROMAN, "II.A", "1.5")
    with pytest.raises(NotThereError, match="nowhere in section 2"):
        passage(MARKED, "2", "5")


def test_reference_marks_are_no_occurrences():
    with pytest.raises(NotThereError, match="nowhere"):
        passage(ROMAN, "I", "3")


def test_a_bullet_is_taken_off_the_beginning_alone():
    text = "# T\n\n- fewer (5 vs 7) links\n1. one, 2. two - three\n"
    assert sentences(text, "T") == ["fewer (5 vs 7) links", "one, 2. two - three"]


def test_what_stands_there_instead_and_elsewhere_is_told():
    with pytest.raises(NotThereError, match=r"it stands in 'B\. NODES', line 32") as refusal:
        passage(ROMAN, "I", "κ=6")
    with pytest.raises(NotThereError, match="nowhere") as changed:
        passage(ROMAN, "I", "3.5×")
    assert refusal.value.misquoted
    assert changed.value.found == "3.4×"


@pytest.mark.parametrize(
    ("text", "section", "sentence"),
    [
        (ROMAN, "IX", "no section 'IX'; it has"),
        (ROMAN, "Introductoin", "no section 'Introductoin'; it has"),
        (ROMAN, "Fig. 9", "0 captions 'Fig. 9'"),
        (ROMAN + "\nFig. 2: Again.\n", "Fig. 2", "2 captions"),
        ("# A\n\n## Notes\n\nx\n\n## Notes\n\ny\n", "Notes", "2 sections 'Notes', lines 3 and 7"),
    ],
)
def test_no_section_or_several_are_no_place(text, section, sentence):
    with pytest.raises(NotThereError, match=sentence) as refusal:
        passage(text, section, "1")
    assert not refusal.value.misquoted


def sentences(text, section):
    return [s for run in runs_of(parse("toy", text), section) for _, s in run.sentences]


def test_sentences_end_where_they_end():
    text = (
        "# T\n\n## S\n\nSee Sec. II (e.g. this one). Is it? Fig. 4b by K. He shows 2.5 of 3. "
        "4 toys vs. five.\n- an item\n"
    )
    assert sentences(text, "S") == [
        "See Sec. II (e.g. this one).",
        "Is it?",
        "Fig. 4b by K. He shows 2.5 of 3.",
        "4 toys vs. five.",
        "an item",
    ]


def test_a_wrapped_line_may_begin_like_a_caption_or_an_item():
    text = (
        "# T\n\nSizes stand in\nTable III. Note the figure in\nFig. 4. It grows to\n4. The end.\n"
    )
    wanted = ["Sizes stand in Table III.", "Note the figure in Fig. 4."]
    wanted += ["It grows to 4.", "The end."]
    assert sentences(text, "T") == wanted


def test_a_list_may_follow_its_paragraph_at_once():
    text = "# T\n\nThere are:\n1. one\n2. two\n"
    assert sentences(text, "T") == ["There are:", "one", "two"]


def test_a_sentence_runs_on_over_a_table():
    assert "We fine-tune for 12 epochs of 1024 images." in sentences(ROMAN, "II.A")


@pytest.mark.parametrize("spelled", ["We fine-tune for 12 epochs of 1,024 images.", None])
def test_a_sentence_is_found_by_its_digest(spelled):
    digest = digest_of(spelled or "Another one.")
    locator = Sentence(section="II", sentence_sha256=digest)
    if spelled:
        assert place_of(locator, parse("toy", ROMAN)).line in {21, 28}
        return
    with pytest.raises(NotThereError, match="none of the 4 sentences of section II has"):
        place_of(locator, parse("toy", ROMAN))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(end, mark):
    assert passage(mark + MARKED.replace("\n", end), "Details", "5").line == 14


@pytest.mark.parametrize(
    "text", ["", "\n\n", "one line", "---\n", "|\n", "\t\n\t\n", "# \n", "* \n"]
)
def test_a_document_of_nearly_nothing_is_parsed(text):
    with pytest.raises(NotThereError):
        passage(text, "I", "5")


LINES = st.sampled_from(
    [*ROMAN.split("\n"), *MARKED.split("\n"), "A | B", "|--|--|", "a\tb", "\t1", "Toy 1.5", "- 7"]
)


@given(st.lists(LINES | st.text(max_size=20), max_size=25).map("\n".join))
def test_any_lines_are_parsed_and_located_in(text):
    document = parse("toy", text)
    lines = text.count("\n") + text.count("\r") + 1
    for printed in ("7", "1.5", "Toy", "-"):
        for place in locate(document, printed):
            assert 1 <= place.line <= lines


# Files.

TITLE = "ToyViG: Three Nodes"


def source(data, file="toy.txt"):
    return Source(title=TITLE, file=file, sha256=hashlib.sha256(data).hexdigest())


def test_a_document_is_known_by_its_digest_whatever_its_name(tmp_path):
    (tmp_path / "renamed.md").write_bytes(ROMAN.encode())
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    reading = read_sources(tmp_path, {"toy": source(ROMAN.encode())})["toy"]
    assert reading.document is not None
    assert reading.warning is None


def test_an_altered_document_is_used_with_both_digests_named(tmp_path):
    altered = ROMAN.replace("3.4", "3.5").encode()
    (tmp_path / "toy.txt").write_bytes(altered)
    wanted = source(ROMAN.encode())
    reading = read_sources(tmp_path, {"toy": wanted})["toy"]
    assert reading.document is not None
    assert wanted.sha256 in str(reading.warning)
    assert hashlib.sha256(altered).hexdigest() in str(reading.warning)


def test_a_truncated_document_is_seen_by_its_digest(tmp_path):
    (tmp_path / "toy.txt").write_bytes(ROMAN.encode()[:200])
    reading = read_sources(tmp_path, {"toy": source(ROMAN.encode())})["toy"]
    assert "used, being so titled" in str(reading.warning)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "found no such file; put toy.txt there"),
        ({"toy.txt": b"Something else"}, "without that title; put the right one there"),
        ({"a.txt": b"ToyViG: three nodes, 1", "b.txt": b"TOYVIG: Three Nodes"}, "a.txt and b.txt"),
        ({"toy.txt": ROMAN.encode("utf-16")}, "want UTF-8 text, got byte 0xff at offset 0"),
        ({"toy.txt": ROMAN.encode("latin-1", "replace")}, "want UTF-8 text, got byte 0xd7"),
        ({"toy.txt": TITLE.encode() + b"\0"}, "want UTF-8 text, got a NUL character"),
    ],
    ids=["missing", "other", "two", "utf16", "latin1", "nul"],
)
def test_what_is_not_the_document_is_told(tmp_path, files, sentence):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    reading = read_sources(tmp_path, {"toy": source(ROMAN.encode())})["toy"]
    assert reading.document is None
    assert sentence in str(reading.warning)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(VerifyError, match="want a folder with the documents, found nothing"):
        read_sources(tmp_path / "nowhere", {})
    (tmp_path / "file").write_text("x")
    with pytest.raises(VerifyError, match="found a file"):
        read_sources(tmp_path / "file", {})


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(VerifyError, match="want a readable document, got No such file"):
        read_file(tmp_path / "nothing.txt")
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    with pytest.raises(VerifyError, match="want UTF-8 text"):
        read_file(tmp_path / "bad.txt")
