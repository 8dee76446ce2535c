"""``verify fetch``."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reproductions.artifact_cache import Cache, cache_folder
from reproductions.artifacts import use_catalogue
from verify.arrivals import Arrivals, fetched_words, planned_words, show_artifacts
from verify.commands import DONE, Options
from verify.errors import VerifyError
from verify.fetch import Row, cache_in, chosen, fetch_each, rows
from verify.load import load
from verify.project import Project
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """List weights and data sets, or fetch some."""
    project = _project(options)
    cache = cache_in(options.cache)
    if options.given is not None and len(chosen(options.names)) != 1:
        raise VerifyError(
            f"--from: want the name of one artifact, got {len(chosen(options.names))}; name it"
        )
    if not options.names:
        return _list(rows(project, cache), cache, as_json=options.json)
    names = chosen(options.names)
    if options.dry_run:
        return _plan(project, cache, names, options)
    return _fetch(cache, names, options)


def _project(options: Options) -> Project | None:
    """Load the project that is meant; outside of any the tool's own catalogue is there."""
    try:
        root = find_root(options.project)
    except VerifyError:
        if options.project is not None:
            raise
        use_catalogue(None)
        return None
    return load(root)


def _list(found: list[Row], cache: Cache, *, as_json: bool) -> int:
    if as_json:
        listed = [asdict(row) for row in found]
        say(json.dumps({"cache": str(cache.root), "artifacts": listed}, indent=1))
    else:
        show_artifacts(found)
        say(f"cache: {cache.root}")
    return DONE


def _plan(project: Project | None, cache: Cache, names: list[str], options: Options) -> int:
    found = rows(project, cache, names)
    if options.json:
        listed = [asdict(row) for row in found]
        say(json.dumps({"cache": str(cache.root), "would_fetch": listed}, indent=1))
        return DONE
    for row in found:
        say(planned_words(row, options.given))
    return DONE


def _fetch(cache: Cache, names: list[str], options: Options) -> int:
    # Here, so that a listing loads no HTTP client.
    from reproductions.fetching import fetch  # noqa: PLC0415

    with Arrivals() as arrivals:

        def one(name: str) -> dict[str, Any]:
            got = fetch(name, cache, arrivals, given=options.given)
            arrivals.ended()
            told = got.record.model_dump(include={"name", "sha256", "trust", "url"}) | {
                "path": str(got.path),
                "new": got.new,
                "pinned": got.pinned,
            }
            if not options.json:
                say(fetched_words(got.record, got.path, new=got.new, pinned=got.pinned))
            return told

        fetched, failed = fetch_each(names, one)
    if options.json:
        refused = [{"name": name, "reason": reason} for name, reason in failed]
        say(json.dumps({"cache": str(cache.root), "fetched": fetched, "failed": refused}, indent=1))
    elif options.cache is not None and fetched:
        _say_where(cache.root)
    if failed:
        sys.stdout.flush()
        raise VerifyError("\n".join(reason for _, reason in failed))
    return DONE


def _say_where(root: Path) -> None:
    """Tell how measurements find a cache that is not the usual one."""
    if root != cache_folder():
        say(f"measurements look there with XDG_CACHE_HOME={root.parent}")
