"""What stands in one row belongs together, whoever reads it: a person or a program."""

import json

import pytest

S = "toyvig.toy_count.toyvig_s"


def test_what_is_measured_and_how_far_off_it_is_never_contradict_each_other(site):
    claims = {claim["id"]: claim for claim in json.loads(site.text("claims.json"))["claims"]}
    found = [row for row in site.rows("claims.csv") if row["off_by_relative"]]
    assert len(found) == 9
    for row in found:
        share = float(row["measured"]) / float(row["printed"]) - 1
        assert float(row["off_by_relative"]) == pytest.approx(share, rel=1e-9, abs=1e-12)
        assert claims[row["claim"]]["off_by"]["relative"] == float(row["off_by_relative"])
    s = next(row for row in found if row["claim"] == S)
    assert (s["default_convention"], s["default_measured"]) == ("all", "22.46")
    assert (s["off_by_last_digits"], s["default_off_by_last_digits"]) == ("0", "2")
    assert claims[S]["by_default"]["convention"] == "all"
    assert claims[S]["by_default"]["measured"]["value"] == 22.46
    assert claims[S]["by_default"]["off_by"]["last_digits"] == 2
    assert [c["id"] for c in claims.values() if c["by_default"]] == [
        row["claim"] for row in site.rows("claims.csv") if row["default_convention"]
    ]
    listed = site.words("claims.html").partition(S)[2].partition("holds")[0]
    assert "22.3 Mparam 22.310 +0.04 % +0.72 % by default" in listed
    page = site.words(f"claims/{S}.html")
    assert "0 last digits, +0.04 %; counted by default 22.460, +2 last digits, +0.72 %" in page
