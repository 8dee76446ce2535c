"""``verify init``."""

import json
from pathlib import Path

from verify.commands import DONE, Options
from verify.errors import VerifyError
from verify.files import remove, write_atomically
from verify.say import say
from verify.starter import files


def command(options: Options) -> int:
    """Start a project in a folder: a document, its claims and a module that measures."""
    folder: Path = options.folder
    if folder.exists() and not folder.is_dir():
        raise VerifyError(f"{folder}: want a folder for the project, got a file; name another")
    place = folder.resolve()
    for own in (place, *place.parents):
        if own.name in {"claims", "results"} and (own.parent / "claims.yaml").exists():
            raise VerifyError(
                f"{folder}: want a folder of its own, found it in {own.name}/ of another project, "
                "which reads all that lies there; name another"
            )
    wanted = files()
    taken = [name for name in ("claims.yaml", *wanted) if (folder / name).exists()]
    if taken:
        what = "a project" if taken[0] == "claims.yaml" else taken[0]
        raise VerifyError(f"{folder}: want a folder without {what}, found one; name another")
    _write(folder, wanted)
    if options.json:
        say(json.dumps({"project": str(folder), "files": list(wanted)}))
        return DONE
    for name in wanted:
        say(f"wrote {folder / name}")
    say(f"next: cd {folder}, then verify lint, verify ground --sources documents, verify all")
    return DONE


def _write(folder: Path, wanted: dict[str, str]) -> None:
    """Write every file, or none."""
    written: list[Path] = []
    try:
        for name, text in wanted.items():
            write_atomically(folder / name, text)
            written.append(folder / name)
    except VerifyError:
        for path in written:
            remove(path)
        raise
