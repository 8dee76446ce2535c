"""A verdict as schema.org's ClaimReview, for search engines and archives."""

from typing import Any

from verify.claim import Claim
from verify.project import Project
from verify.publish.site.origin import Origin
from verify.publish.site.text import visible
from verify.report import Entry
from verify.wording import SCOPES, WORDS

_RATINGS = {"pass": 5, "fail": 1}
"""On the usual scale from 1, false, to 5, true. What is open gets words and no number, and so
does what was asked of prints alone: that they do not fit together refutes none of them."""
_STALE = "; stale: what it was measured with has changed since"


def claim_review(
    project: Project, entry: Entry, origin: Origin, date: str | None
) -> dict[str, Any]:
    """Give the JSON-LD of a claim's page.

    Args:
        project: The claims, checked.
        entry: The claim, judged.
        origin: Where the site comes from.
        date: When the verdict was recorded; None if it never was.
    """
    claim, verdict = entry.claim, entry.verdict
    words = WORDS[verdict.verdict]
    if claim.scope != "claim":  # what a search engine shows of it is this one line
        words = f"{words} ({SCOPES[claim.scope]})"
    rating: dict[str, Any] = {"@type": "Rating", "alternateName": words}
    if verdict.verdict in _RATINGS and claim.scope != "consistency":
        number = _RATINGS[verdict.verdict]
        rating |= {"ratingValue": number, "bestRating": 5, "worstRating": 1}
    rating["ratingExplanation"] = visible(verdict.detail) + (_STALE if verdict.stale else "")
    review = {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "url": f"{claim.id}.html",
        "identifier": claim.id,
        "claimReviewed": visible(claim.statement),
        "author": {"@type": "Organization", "name": f"vig-verify {origin.tool}"},
        "itemReviewed": {"@type": "Claim", "appearance": _work(project, claim)},
        "reviewAspect": SCOPES[claim.scope],
        "reviewRating": rating,
        "isBasedOn": {
            "@type": "Dataset",
            "name": "Ledger of measurements",
            "identifier": f"sha256:{origin.head or 'none'}",
        },
    }
    return review if date is None else {**review, "datePublished": date[:10]}


def _work(project: Project, claim: Claim) -> dict[str, Any]:
    source = project.index.sources[claim.source]
    work = {
        "@type": "CreativeWork",
        "name": visible(source.title),
        "identifier": f"sha256:{source.sha256}",
    }
    paper = project.index.papers.get(claim.source)
    if paper is not None and paper.arxiv is not None:
        work["url"] = f"https://arxiv.org/abs/{paper.arxiv}"
    return work
