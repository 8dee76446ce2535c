"""``verify`` without a command."""

from verify.commands import DONE, Options
from verify.environment import tool_version
from verify.errors import VerifyError
from verify.say import say


def command(options: Options) -> int:
    """Answer ``verify`` without a command: its version, or where to look."""
    if options.version:
        say(f"verify {tool_version()}")
        return DONE
    raise VerifyError("want a command such as `verify all`, got none; `verify --help` has all")
