"""Two models image by image: McNemar's exact test against a slow sum, and when there is none."""

import base64
import random
import zlib
from fractions import Fraction
from math import comb

import pytest

from reproductions.contract import Measurement, Quantity
from verify.kinds.by_image import by_image, compare, words_on


def measurement(bits, manifest="m", **evidence):
    packed = int("".join(map(str, bits)), 2).to_bytes((len(bits) + 7) // 8, "big")
    told = base64.b64encode(zlib.compress(packed)).decode()
    value = Quantity.exact(100 * sum(bits) / len(bits), "percent")
    return Measurement(
        values={"top1": value}, evidence={"manifest": manifest, "correct": told, **evidence}
    )


def _reference_p(one, other):
    """Add up the chances of all splits that are no more even, by fractions."""
    throws = one + other
    chances = [Fraction(comb(throws, k), 2**throws) for k in range(throws + 1)]
    uneven = abs(2 * one - throws)
    return float(sum(c for k, c in enumerate(chances) if abs(2 * k - throws) >= uneven))


@pytest.mark.parametrize("seed", range(6))
def test_counts_and_chance_are_those_of_a_slow_sum(seed):
    draw = random.Random(seed)
    first, second = ([int(draw.random() < p) for _ in range(203)] for p in (0.7, 0.6 + seed / 50))
    found = compare(by_image(measurement(first)), by_image(measurement(second)))
    pairs = list(zip(first, second, strict=True))
    assert (found.only_first, found.only_second) == (pairs.count((1, 0)), pairs.count((0, 1)))
    wanted = _reference_p(found.only_first, found.only_second)
    assert found.p == pytest.approx(wanted, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [([1, 1], [1, 1], 1.0), ([1, 0], [0, 1], 1.0), ([1], [0], 1.0), ([1] * 6, [0] * 6, 2 / 64)],
)
def test_small_cases_are_known(first, second, p):
    assert compare(by_image(measurement(first)), by_image(measurement(second))).p == p


def test_thousands_of_images_overflow_nothing():
    found = compare(by_image(measurement([1] * 40_000)), by_image(measurement([0] * 40_000)))
    assert (found.only_first, found.p) == (40_000, 0.0)


@pytest.mark.parametrize(
    "other",
    [
        measurement([1, 0], manifest="other"),
        Measurement(values={}, evidence={"manifest": "m"}),
        Measurement(values={}, evidence={"manifest": "m", "correct": "no text of this kind"}),
        Measurement(values={}),
        "a verdict",
    ],
    ids=["other images", "stopped early", "something else", "no accuracy", "not measured"],
)
def test_without_the_same_images_nothing_is_said(other):
    assert words_on(measurement([1, 0]), other) == ""
    assert words_on(measurement([1, 0])) == ""


def test_two_models_are_told_apart_in_words():
    assert words_on(measurement([1, 1, 0]), measurement([0, 1, 0])) == (
        "; image by image 1 only the first has right, 0 only the second; McNemar, exact: p = 1"
    )
