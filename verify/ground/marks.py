"""Numbers that no claim is about: they count parts of the document, days and addresses.

Only what its own form tells is taken for one. A bare year, the number in a data set's name or a
page's counter has no such form; ``ignored`` in ``claims.yaml`` names those, each with a reason.
"""

import re
from collections.abc import Iterator

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_PART = r"(?:sections?|secs?|figures?|figs?|tables?|tabs?|algorithms?|algs?|appendix|refs?)"
_NUMBER = r"\(?[A-Z]?\.?\d+(?:[.\-]\d+)*[a-z]?\)?"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "citation",
        re.compile(
            r"\[\d+(?:\s*[,-]\s*\d+)*\]|\bet al\.?,? \(?(?:19|20)\d\d[a-z]?\b", re.IGNORECASE
        ),
    ),
    (
        "address",
        re.compile(
            r"https?://[^\s>)\]]+|www\.[^\s>)\]]+|\S+@\S+\.\w+|\bdoi:?\s*10\.\d+/\S+"
            r"|\barxiv(?:[\s_]*id)?:?\s*'?\d{4}\.\d{4,5}(?:v\d+)?",
            re.IGNORECASE,
        ),
    ),
    (
        "date",
        re.compile(
            rf"\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? (?:19|20)\d\d)?(?![\d.%])"
            rf"|\b\d{{1,2}} {_MONTH}(?: (?:19|20)\d\d)?\b|\b{_MONTH},? (?:19|20)\d\d\b"
            r"|\b(?:19|20)\d\d-[01]\d-[0-3]\d\b",
            re.IGNORECASE,
        ),
    ),
    (
        "reference",
        re.compile(
            rf"\b(?:{_PART}\.?\s+{_NUMBER}(?:\s*[,-]\s*{_NUMBER})*"
            rf"|(?:eqs?|equations?)\.?\s*{_NUMBER}(?:(?:\s*[,-]\s*|,? and ){_NUMBER})*)",
            re.IGNORECASE,
        ),
    ),
)
_ITEM = re.compile(r"(?<!\S)\((\d{1,2})\)(?=\s)|(?<![\S])(\d{1,2})[:)](?=\s)")
RULES = (*(name for name, _ in _FORMS), "enumeration", "caption")
"""Of the rules, the names."""


def marks(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches of a normal text whose numbers count nothing that is claimed.

    Example:
        >>> text = "As [27] and Eq. 2 and 3 say on May 1, 2020: (1) it is 4 wide, (2) it has 7."
        >>> [(text[begin:end], rule) for begin, end, rule in marks(text)]  # doctest: +ELLIPSIS
        [('[27]', 'citation'), ('May 1, 2020', 'date'), ('Eq. 2 and 3', 'reference'), ('(1)', ...
    """
    for name, form in _FORMS:
        for found in form.finditer(text):
            yield *found.span(), name
    yield from _enumeration(text)


def _enumeration(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield "(1) ... (2) ...", or the line numbers of a listing: in steps of one, two at least."""
    run: list[tuple[int, int, int]] = []
    for found in [*_ITEM.finditer(text), None]:
        number = int(found[1] or found[2]) if found is not None else -1
        if found is not None and run and number == run[-1][0] + 1:
            run.append((number, *found.span()))
            continue
        if len(run) > 1:
            yield from ((begin, end, "enumeration") for _, begin, end in run)
        run = [(number, *found.span())] if found is not None else []
