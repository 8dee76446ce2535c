"""``verify doctor``."""

import json

from verify.commands import DONE, Options
from verify.console import show_diagnosis
from verify.doctor import diagnose
from verify.load import load
from verify.root import find_root
from verify.say import say
from verify.state import state_of


def command(options: Options) -> int:
    """Say what this machine can settle now and what would unblock the rest."""
    project = load(find_root(options.project))
    diagnosis = diagnose(project, state_of(project))
    if options.json:
        say(json.dumps(diagnosis.as_json(), indent=1))
    else:
        show_diagnosis(diagnosis)
    return DONE
