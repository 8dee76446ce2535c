"""Decoys of claims over several numbers: clearly held, one place clearly not, left open."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from verify.expect import BestOf, Growth, Monotone, Range, UpTo, Vague
from verify.selftest.lab import LEVEL, Lab
from verify.selftest.oracle import Expected, parsed, region
from verify.selftest.places import Across, Gone, Missing, Number, is_measured, put, units_of

HOLDS = Expected("pass", "all_parts", "as_printed")
FAILS = Expected("fail", "some_part_fails")
STRADDLES = Expected("inconclusive", "straddles")
ALL_GONE = Expected("inconclusive", "out_of_memory")
NOT_MEASURED = Expected("blocked", "not_measured")
MISSING = Expected("inconclusive", "members_missing")
ERROR_RATE = 0.05
"""What several comparisons of one claim share."""
LARGE, SMALL, WIDE = Fraction(20), Fraction(10), Across(Fraction(1), Fraction(99))


def best_of(lab: Lab) -> None:
    """Put down the decoys of one against each of a list, or of a list of pairs."""
    expect = lab.origin.expect
    if not isinstance(expect, BestOf):
        return
    better, worse = (LARGE, SMALL) if expect.better == "higher" else (SMALL, LARGE)
    beyond = better + (better - worse)
    pairs = len(expect.all_pairs())
    firsts = 1 if expect.subject is not None else pairs

    def given(others: Sequence[Number], first: Number = better) -> list[Number]:
        if firsts == 1:
            return [first, *others]
        return [number for other in others for number in (first, other)]

    def but(number: int, other: Number) -> list[Number]:
        return given([other if n == number else worse for n in range(pairs)])

    put(lab, "every pair holds", given([worse] * pairs), HOLDS)
    put(lab, "no pair holds", given([beyond] * pairs), FAILS)
    put(lab, "every side ran out of memory", given([Gone()] * pairs), ALL_GONE)
    for number in range(pairs):
        put(lab, f"pair {number} turned round", but(number, beyond), FAILS)
        beside = HOLDS if pairs > 1 else ALL_GONE
        put(lab, f"pair {number} ran out of memory", but(number, Gone()), beside)
        if not is_measured(lab.origin):
            put(lab, f"pair {number} prints the same", but(number, better), STRADDLES)
            continue
        put(lab, f"pair {number} is equal", but(number, better), FAILS)
        put(lab, f"pair {number} is missing", but(number, Missing()), NOT_MEASURED)
        failing: list[Number] = [beyond] * pairs
        failing[number] = Missing()
        put(
            lab,
            f"only pair {number} is missing",
            given(failing),
            FAILS if pairs > 1 else NOT_MEASURED,
        )
    _at_level(lab, given([worse] * pairs), pairs)


def monotone(lab: Lab) -> None:
    """Put down the decoys of a series that goes one way."""
    expect = lab.origin.expect
    if not isinstance(expect, Monotone):
        return
    count = len(lab.origin.inputs)
    series: list[Number] = [Fraction(10 * (n + 1)) for n in range(count)]
    if expect.direction == "decreases":
        series.reverse()
    put(lab, "every step holds", series, HOLDS)
    put(lab, "backwards", series[::-1], FAILS)
    put(lab, "nothing ran", [Gone()] * count, ALL_GONE)
    for number in range(count - 1):
        turned, same, gone, missing = (list(series) for _ in range(4))
        turned[number], turned[number + 1] = turned[number + 1], turned[number]
        same[number + 1] = same[number]
        gone[number], missing[number] = Gone(), Missing()
        put(lab, f"step {number} turned round", turned, FAILS)
        put(lab, f"step {number} is level", same, FAILS if is_measured(lab.origin) else STRADDLES)
        # A place in the middle takes two steps away, one at the start takes one.
        left = count - 1 - (2 if number else 1)
        put(lab, f"place {number} ran out of memory", gone, HOLDS if left else ALL_GONE)
        if is_measured(lab.origin):
            put(lab, f"place {number} is missing", missing, NOT_MEASURED)
    _at_level(lab, series, count - 1)


def _at_level(lab: Lab, held: Sequence[Number], comparisons: int) -> None:
    """Measure every number with an interval: several comparisons share the error rate."""
    if not is_measured(lab.origin):
        return
    near = [
        Across(n - Fraction(1, 10), n + Fraction(1, 10)) if isinstance(n, Fraction) else n
        for n in held
    ]
    level = HOLDS if comparisons * LEVEL <= ERROR_RATE else Expected("inconclusive", "level")
    put(lab, "intervals at the level of one comparison", near, level)
    put(lab, "intervals that overlap", [WIDE] * len(held), STRADDLES)
    put(
        lab,
        "one is missing of overlapping ones",
        [Missing(), *[WIDE] * (len(held) - 1)],
        NOT_MEASURED,
    )


# -- how far a set reaches -------------------------------------------------------------------


def _over_one(ratios: Sequence[Number], *, paired: bool) -> list[Number]:
    """Write each number as a ratio to one, where the claim compares pairs."""
    if not paired:
        return list(ratios)
    return [number for ratio in ratios for number in (ratio, Fraction(1))]


def _with_one_nowhere(complete: Expected, *, each: bool, first: bool) -> Expected:
    """Say what comes of a maximum when one more baseline, perhaps the first, has no member."""
    if complete.verdict == "pass":
        return MISSING if each else complete
    if not each:
        return MISSING
    # Every baseline is asked: what fails fails, what is left open is told of the first.
    return MISSING if complete.verdict != "fail" and first else complete


def up_to(lab: Lab) -> None:
    """Put down the decoys of a printed maximum, its index set complete or not."""
    expect = lab.origin.expect
    if not isinstance(expect, UpTo):
        return
    top = parsed(expect.printed)[0]
    low, high = region(expect, lab.origin.tolerance)
    far = low / 2
    paired = bool(expect.operands())
    sets = [len(pairs) for pairs in expect.baselines.values()]
    count = sum(sets) or len(expect.pairs) or len(lab.origin.inputs)
    each = expect.over == "each"
    nowhere = 0 in sets
    named = {name: pairs for name, pairs in expect.baselines.items() if pairs}
    complete = expect.model_copy(update={"baselines": named})
    starts = [sum(sets[:n]) for n in range(len(sets)) if sets[n]] if each else [0]

    def given(greatest: Number, other: Number = far) -> list[Number]:
        ratios: list[Number] = [other] * count
        for start in starts:
            ratios[start] = greatest
        return _over_one(ratios, paired=paired)

    reason = "all_parts" if each else "inside_region"
    reached = Expected("pass", reason, "as_printed")
    below = FAILS if each else Expected("fail", "outside_region")
    across = Across(low - (high - low) / 8, low + (high - low) / 8)
    for name, numbers, outcome in (
        ("the greatest is as printed", given(top), reached),
        ("the greatest is above", given(3 * high), Expected("pass", reason, "exceeded")),
        ("all far below", given(far), below),
        ("the greatest is across the lower end", given(across), STRADDLES),
        ("nothing ran", given(Gone(), Gone()), ALL_GONE),
    ):
        put(lab, f"{name}, complete", numbers, outcome, complete)
        if nowhere:
            held = _with_one_nowhere(outcome, each=each, first=not sets[0])
            put(lab, f"{name}, a baseline nowhere", numbers, held)
    if not each and count > 1:
        for number in range(count):
            ratios: list[Number] = [far] * count
            ratios[number] = top
            name = f"number {number} is the greatest"
            put(lab, name, _over_one(ratios, paired=paired), reached, complete)
        ratios = [top, Gone(), *[far] * (count - 2)]
        name = "another ran out of memory"
        put(lab, name, _over_one(ratios, paired=paired), reached, complete)
    if is_measured(lab.origin) and not each and count > 1:
        for name, greatest, outcome in (("as printed", top, reached), ("far below", far, MISSING)):
            ratios = [greatest, Missing(), *[far] * (count - 2)]
            numbers = _over_one(ratios, paired=paired)
            put(lab, f"{name}, one is missing", numbers, outcome, complete)


def in_range(lab: Lab) -> None:
    """Put down the decoys of two printed ends."""
    expect = lab.origin.expect
    if not isinstance(expect, Range):
        return
    ends = [region(end, lab.origin.tolerance) for end in expect.ends]
    least, most = (parsed(end.printed)[0] for end in expect.ends)
    count = len(expect.pairs) or len(lab.origin.inputs)
    reach = ends[1][1] - ends[0][0]
    middle = (least + most) / 2
    across = Across(ends[1][1] - reach / 1000, ends[1][1] + reach / 1000)
    attained = expect.of == "attained"
    missed = FAILS if attained else HOLDS
    cases: list[tuple[str, list[Number], Expected]] = [
        ("both ends", [least, *[middle] * (count - 2), most], HOLDS),
        ("all at the lower end", [least] * count, missed),
        ("all at the upper end", [most] * count, missed),
        ("all in the middle", [middle] * count, missed),
        ("one far above", [least, *[most] * (count - 2), most + reach], FAILS),
        ("one far below", [least - reach, *[most] * (count - 1)], FAILS),
        ("one across the upper end", [least, *[most] * (count - 2), across], STRADDLES),
    ]
    for name, numbers, outcome in cases:
        if count > 1:
            put(lab, name, _over_one(numbers, paired=bool(expect.pairs)), outcome)


def growth(lab: Lab) -> None:
    """Put down the decoys of a printed exponent."""
    expect = lab.origin.expect
    if not isinstance(expect, Growth):
        return
    exponent = parsed(expect.printed)[0]
    low, high = region(expect, lab.origin.tolerance)

    def rising(power: Fraction) -> list[Number]:
        xs = [float(parsed(point.x)[0]) for point in expect.points]
        return [Fraction((x / xs[0]) ** float(power)).limit_denominator(10**12) for x in xs]

    held = Expected("pass", "inside_region", "as_printed")
    missed = Expected("fail", "outside_region")
    put(lab, "as printed", rising(exponent), held)
    put(lab, "steeper", rising(exponent + 2 * (high - low)), missed)
    put(lab, "flatter", rising(exponent - 2 * (high - low)), missed)
    if is_measured(lab.origin):
        rest = rising(exponent)[1:]
        put(lab, "the first missing", [Missing(), *rest], NOT_MEASURED)
        put(lab, "the first zero", [Fraction(0), *rest], Expected("error", "measurement_error"))


# -- words without a number ------------------------------------------------------------------

YES = Expected("pass", "holds", "as_printed")
NO = Expected("fail", "does_not_hold")
DEPENDS = Expected("inconclusive", "vague")
APART = {"within 10 %": Fraction("19.8"), "beyond 50 %": Fraction(5), "between": Fraction(14)}
"""What stands against 20; the readings ask for 10, 25 and 50 %."""
BOUNDED = {"percent", "AP", "mIoU"}


def vague(lab: Lab) -> None:
    """Put down the decoys of a vague word, by what it asks."""
    expect = lab.origin.expect
    if not isinstance(expect, Vague):
        return
    if expect.sense == "trend":
        _trend(lab, expect)
    else:
        _apart(lab, expect)


def _apart(lab: Lab, expect: Vague) -> None:
    units = units_of(lab)[::2]
    sets = [len(pairs) for pairs in expect.pairs.values()] or [1]
    count = sum(sets)

    def pair(number: int, how: str, *, wrong_side: bool = False) -> list[Number]:
        """Put the better first; where figures end at 100 %, the distance is on the error."""
        sides = [LARGE, APART[how]]
        bounded = units[number] in BOUNDED
        if bounded:
            sides = [100 - side for side in sides[::-1]]
        if (expect.better == "lower") != wrong_side:
            sides.reverse()
        return list(sides)

    def given(
        how: str, but: int | None = None, other: str = "", *, wrong: bool = False
    ) -> list[Number]:
        pairs = [pair(n, other if n == but else how, wrong_side=wrong) for n in range(count)]
        return [number for one in pairs for number in one]

    near, distant = ("within 10 %", "beyond 50 %")
    yes, no = (near, distant) if expect.sense == "comparable" else (distant, near)
    put(lab, f"all {yes}", given(yes), YES)
    put(lab, f"all {no}", given(no), NO)
    put(lab, "all between", given("between"), DEPENDS)
    turned = NO if expect.better is not None else YES
    put(lab, f"all {yes}, turned round", given(yes, wrong=True), turned)
    put(lab, "nothing ran", [Gone()] * (2 * count), ALL_GONE)
    alone = NO if len(sets) == 1 else DEPENDS
    for number in range(count):
        put(lab, f"pair {number} {no}", given(yes, number, no), alone)
        put(lab, f"pair {number} between", given(yes, number, "between"), DEPENDS)
        gone = given(yes)
        gone[2 * number + 1] = Gone()
        put(lab, f"pair {number} ran out of memory", gone, YES if count > 1 else ALL_GONE)
        if is_measured(lab.origin):
            gone[2 * number + 1] = Missing()
            put(lab, f"pair {number} is missing", gone, NOT_MEASURED)


def _trend(lab: Lab, expect: Vague) -> None:
    lengths = [len(series) for series in expect.series.values()] or [len(lab.origin.inputs)]

    def given(of: Callable[[list[Number]], list[Number]]) -> list[Number]:
        every: list[Number] = []
        for length in lengths:
            rising: list[Number] = [Fraction(10 * (n + 1)) for n in range(length)]
            changed = of(rising)
            every += changed if expect.direction == "increases" else _mirrored(changed, length)
        return every

    put(lab, "every step holds", given(lambda series: series), YES)
    put(lab, "backwards", given(lambda series: series[::-1]), NO)
    put(lab, "nothing ran", [Gone()] * sum(lengths), ALL_GONE)
    if min(lengths) > 2:  # noqa: PLR2004 - with two, one step is all there is
        last = given(lambda series: [*series[:-2], series[-1], series[-2]])
        put(lab, "the last step turned round", last, DEPENDS)
        put(lab, "the last step is level", given(lambda s: [*s[:-1], s[-2]]), DEPENDS)
    if is_measured(lab.origin):
        put(lab, "one missing", [Missing(), *given(lambda s: s)[1:]], NOT_MEASURED)


def _mirrored(series: Sequence[Number], length: int) -> list[Number]:
    return [10 * (length + 1) - n if isinstance(n, Fraction) else n for n in series]
