"""``verify selftest``."""

import json

from verify.commands import DONE, FOUND, Options
from verify.load import load
from verify.root import find_root
from verify.say import say
from verify.selftest.run import selftest


def command(options: Options) -> int:
    """Hold the judge, the loader and the ledger against what they must say."""
    tested = selftest(load(find_root(options.project)))
    if options.json:
        say(json.dumps(tested.as_json(), indent=1, ensure_ascii=False))
    else:
        for line in tested.lines():
            say(line)
    return DONE if tested.sound else FOUND
