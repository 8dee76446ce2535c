"""``verify ledger``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from verify.commands import DONE, Options
from verify.ledger import Event, combined_head, read_ledgers
from verify.ledger_check import check
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """Check or show the ledgers."""
    results = find_root(options.project) / "results"
    if options.action == "show":
        return _show_events(read_ledgers(results), options)
    lines = check(results, options.expect_head)
    if options.json:
        found = read_ledgers(results)
        events = {machine: len(chain) for machine, chain in found.items()}
        say(json.dumps({"head": combined_head(found), "events": events}))
        return DONE
    for line in lines:
        say(line)
    return DONE


def _show_events(ledgers: Mapping[str, Sequence[Event]], options: Options) -> int:
    for machine, events in ledgers.items():
        for event in events:
            about = event.body.get("claim") or event.body.get("key", "")
            if options.type not in {None, event.type} or options.claim not in {None, about}:
                continue
            if options.json:
                say(json.dumps({"machine": machine, **event.fields}))
            else:
                say(f"{machine} {event.seq} {event.time} {event.type} {_gist(event.body)}")
    return DONE


def _gist(body: Any) -> str:
    """Name what an event is about in a few words."""
    if "claim" in body:
        return f"{body['claim']}: {body['verdict']['verdict']} ({body['verdict']['reason']})"
    if "reproduction" in body:
        return f"{body['reproduction']} {json.dumps(body['params'])}: {body['outcome']}"
    shown = {key: value for key, value in body.items() if key != "keys"}
    return json.dumps(shown)
