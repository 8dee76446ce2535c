"""Printed numbers inside text: whether a text prints a figure, digit for digit."""

import re
from collections.abc import Iterator

from verify.ground.normal import label, normal

_DIGITS = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3}|×10\^[+-]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.])(?<![A-Za-z]-)(?:(?<![\w)\]%-])[+-])?{_DIGITS}(?!\d|\.\d)")
_ONLY_NUMBER = re.compile(rf"[+-]?{_DIGITS}")
_LEADING = re.compile(rf"(?:[~<>≤≥±×(\s]|about |approx\.? |roughly )*([+-]?{_DIGITS})(?!\d|\.\d)")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCE_WORDS = 4
_WORDS = {
    "0.5": ("half",),
    "1": ("one", "single", "linear", "linearly"),
    "2": ("two", "twice", "double", "doubles", "both", "quadratic", "quadratically"),
    "3": ("three", "thrice", "cubic"),
    "4": ("four",),
    "5": ("five",),
    "6": ("six",),
    "7": ("seven",),
    "8": ("eight",),
    "9": ("nine",),
    "10": ("ten",),
    "11": ("eleven",),
    "12": ("twelve",),
}


def numbers(text: str) -> list[str]:
    """List the numbers a text prints, as printed; parts of names and versions are none.

    Example:
        >>> numbers("7.10 of .5 in v2.1")
        ['7.10', '0.5']
    """
    return [_plain(found[0]) for found in _NUMBER.finditer(normal(text))]


def number_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the numbers stand in a normal text, from first digit (or minus) to last.

    Example:
        >>> text = "ResNet-50 gains +2.6 at -3"
        >>> [text[begin:end] for begin, end in number_spans(text)]
        ['2.6', '-3']
    """
    for found in _NUMBER.finditer(text):
        yield found.start() + found[0].startswith("+"), found.end()


def states(text: str, printed: str) -> bool:
    """Tell whether running text prints a figure or a word, whole.

    Where the text prints no number at all, the words for small ones count.

    Example:
        >>> states("at 7.10 %", "7.1"), states("four variants", "4"), states("10x", "10")
        (False, True, True)
    """
    wanted = normal(printed)
    if not _ONLY_NUMBER.fullmatch(wanted):
        return next(occurrences(text, printed), None) is not None
    found = numbers(text)
    if any(_same(wanted, number) for number in found):
        return True
    words = _WORDS.get(wanted, ())
    return not found and any(next(occurrences(text.lower(), word), None) for word in words)


def cell_states(text: str, printed: str) -> bool:
    """Tell whether a table cell prints a figure: the cell's number, or one of its sentence's."""
    wanted, cell = normal(printed), normal(text)
    if cell == wanted:
        return True
    if is_sentence(cell):
        return states(cell, wanted)
    if _ONLY_NUMBER.fullmatch(wanted):
        number = _LEADING.match(cell)
        return number is not None and _same(wanted, _plain(number[1]))
    return label(cell) == label(wanted)


def is_sentence(cell: str) -> bool:
    """Tell a claim list's cell from a figure's: it has words in it."""
    return len(_WORD.findall(cell)) >= _SENTENCE_WORDS


def occurrences(text: str, printed: str) -> Iterator[tuple[int, int]]:
    """Yield where a printed string stands whole in a text: "7%" is not in "77%", nor 2 in [2]."""
    text, wanted = normal(text), normal(printed)
    begin = text.find(wanted) if wanted else -1
    while begin >= 0:
        end = begin + len(wanted)
        if _whole(text, begin, end):
            yield begin, end
            begin = end - 1
        begin = text.find(wanted, begin + 1)


def _whole(text: str, begin: int, end: int) -> bool:
    before, first = text[max(0, begin - 2) : begin], text[begin]
    after, last = text[end : end + 2], text[end - 1]
    if first.isalnum() and before[-1:].isalnum():
        return False
    if first.isdigit() and (before[-1:] == "[" or re.fullmatch(r"\d[.,]", before)):
        return False
    if last.isalpha() and after[:1].isalnum():
        return False
    return not (last.isdigit() and re.match(r"\d|[.,]\d", after))


def _same(wanted: str, found: str) -> bool:
    wanted, signed = _plain(wanted), wanted[:1] in "+-"
    return wanted == found or (not signed and f"+{wanted}" == found)


def with_zero(number: str) -> str:
    """Write the digit before the point that some prints leave out: ".5" is 0.5."""
    return re.sub(r"^([+-]?)\.", r"\g<1>0.", number)


def _plain(number: str) -> str:
    return with_zero(number).replace("×10^", "e").replace("E", "e").replace("e+", "e")
