"""One spelling for what documents spell in many ways: what is compared is always normal.

Extracts of one paper differ in typography (dashes, quotes, LaTeX, super- and subscripts), never
in digits. ``normal`` keeps every digit and letter; ``label`` also drops what is no part of a name.
"""

import html
import re
import unicodedata
from functools import lru_cache

_PLAIN = re.compile(r"[A-Za-z.(),\-]+( [A-Za-z.(),\-]+)*|\d+(\.\d+)?", re.ASCII)
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2018\u2019\u02bc\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u2033", '"'),
        **dict.fromkeys("\u223c\u2248\u02dc", "~"),
        **dict.fromkeys("\u2715\u2716\u2a2f", "×"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", None),
        "\u2217": "*",
        "\u2223": "|",
        "\uff05": "%",
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "0123456789+-()")
SYMBOLS = {
    "times": "×",
    "sim": "~",
    "approx": "~",
    "pm": "±",
    "dagger": "†",
    "dag": "†",
    "ddagger": "‡",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "kappa": "κ",
    "sigma": "σ",
    "delta": "δ",
    "epsilon": "ϵ",
    "alpha": "α",
    "mu": "μ",
    "ldots": "...",
    "dots": "...",
    "quad": " ",
    "uparrow": "↑",
    "downarrow": "↓",
    "left": "",
    "right": "",
}
"""LaTeX commands that print something, and what."""
_FORMATS = (
    r"\\(?:text(?:bf|it|rm|tt|sf|sc|up|sl|md|normal)?|math(?:rm|bf|it|cal|bb|sf|tt)|operatorname"
    r"|boldsymbol|bm|pmb|emph|underline|uline|rm|bf|it|tt)(?![A-Za-z])\s*"
    r"|\\(?:textcolor|colorbox|color)\s*(?:\[[^\]]*\])?\{[^{}]*\}"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"<br\s*/?>|\\\\|\\[,;:! ]", " "),
        (r"</?(?:b|i|em|strong|span)>", ""),
        (r"<sup>(.*?)</sup>", r"^{\1}"),
        (r"<sub>(.*?)</sub>", r"_{\1}"),
        (r"\\([%*_#|&~{}$])", r"\1"),
        (_FORMATS, ""),
        (r"\\textsuperscript(?![A-Za-z])", "^"),
        (r"\\textsubscript(?![A-Za-z])", "_"),
        (r"\{\s+m\s+(?=\w)", "{"),  # \rm that lost its first letter as a carriage return
        (r"[${}`]", ""),
        (r"\[([†‡])\]|\^([†‡])", r"\1\2"),
        (r"(?<=\S)\s+(?=[†‡])", ""),
        (r"\*+(?=\S)|(?<=\S)\*+", ""),
        (r"(?<=\d)\s*[xX×]\s*(?=\d)|(?<=\d)\s*[xX](?!\w)|\s+×", "×"),
        (r"(?<=\d)\s+%", "%"),
        (r"~\s+(?=\d)", "~"),
        (r"\s+", " "),
    )
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_DASH = re.compile(r"(?<=[^\W\d_])\u2014(?=[\d.~<>$])")
"""A dash between a word and a number, which make no name ("ResNet-50") together."""
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₍₎]+")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_REFERENCE = re.compile(r"\[\d+(?:\s*[,\-]\s*\d+)*\](?:\s*[,\-]\s*(?=\[))?")
_OURS = re.compile(r"\((?:ours?|this work|proposed)\)", re.IGNORECASE)
_BLANKS = re.compile(r"[\s^_]+")
# Letters of another alphabet that extracts put where the page shows a Latin one.
_LOOKALIKES = str.maketrans("АВЕКМНОРСТХаеорсухіѕ", "ABEKMHOPCTXaeopcyxis")


@lru_cache(maxsize=65536)
def normal(text: str) -> str:
    r"""Spell a text the one way; twice is the same as once.

    Example:
        >>> normal(r"about $3.4 \times$ at 7 % of 4,938.8")
        'about 3.4× at 7% of 4938.8'
    """
    if _PLAIN.fullmatch(text):
        return text
    while (once := _once(text)) != text:
        text = once
    return text


def _once(text: str) -> str:
    text = _DASH.sub(" - ", unicodedata.normalize("NFC", html.unescape(text)))
    text = text.translate(_TYPOGRAPHY)
    text = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    text = _LOWERED.sub(lambda found: "_" + found[0].translate(_SUBSCRIPTS), text)
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    text = _COMMAND.sub(lambda found: SYMBOLS.get(found[1], found[1]), text)
    return _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text).strip()


@lru_cache(maxsize=65536)
def label(text: str) -> str:
    r"""Reduce a row's or column's label to its name: no reference marks, "(Ours)", blanks.

    A dagger stays: it tells two rows apart. Super- and subscripts lose their marks.

    Example:
        >>> label(r"CViG-B $^{\dagger}$ (Ours) [27]"), label("AP ₅₀ ^{box}")
        ('CViG-B†', 'AP50box')
    """
    spelled = reduced = normal(text)
    while True:
        once = _OURS.sub("", _REFERENCE.sub("", normal(reduced.translate(_LOOKALIKES))))
        once = _BLANKS.sub("", once)
        if once == reduced:
            return reduced or spelled
        reduced = once


def readable_label(text: str) -> str:
    """Write a label so that a person can copy it: marks of references gone, the rest as printed.

    Example:
        >>> readable_label("ResNet50 [14]"), readable_label("AP ₅₀ ^{box}")
        ('ResNet50', 'AP_50^box')
    """
    name = _REFERENCE.sub("", normal(text.translate(_LOOKALIKES)))
    return re.sub(r"\s+(?=[_^])", "", name).strip()


def loose(text: str) -> str:
    """Reduce a label further: the order of subscript and superscript does not matter.

    Example:
        >>> loose("AP^{box}_{50}") == loose("AP50 box") == loose("AP_{50}^{box}")
        True
    """
    name = label(text)
    return re.sub(r"\d", "", name) + "|" + re.sub(r"\D", "", name)


@lru_cache(maxsize=65536)
def key(text: str) -> str:
    """Reduce a title to its letters and digits, in lower case."""
    return re.sub(r"[\W_]", "", normal(text).translate(_LOOKALIKES)).casefold()
