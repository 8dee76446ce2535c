"""``verify extract``."""

import hashlib
import json
from pathlib import Path

from verify.commands import DONE, Options
from verify.errors import VerifyError
from verify.extract.guesses import name_of
from verify.extract.skeleton import skeleton, titles_of
from verify.extract.writing import as_json, text_of
from verify.files import write_atomically
from verify.ground.sources import read_file
from verify.index import Source
from verify.say import say


def command(options: Options) -> int:
    """Write a claim file of what a document prints, ready to edit."""
    path, out = Path(options.document), options.out
    if out is not None and out.exists():
        raise VerifyError(f"{out}: want a file that is not there yet, found one; name another")
    name = options.source or name_of(path.stem, "document")
    if name != name_of(name, ""):
        raise VerifyError(
            f"--source: want lower case letters, digits and _, got {name!r}; correct it"
        )
    document = read_file(path)
    found = skeleton(document, options.table, options.section)
    title = next(iter(titles_of(document)), path.stem)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = Source(title=title or path.stem, file=path.name, sha256=digest)
    text = text_of(name, source, found)
    if out is not None:
        write_atomically(out, text)
    elif not options.json:
        say(text.rstrip("\n"))
    if options.json:
        say(json.dumps(as_json(name, source, found), indent=1, ensure_ascii=False))
    elif out is not None:
        cells = sum(len(column.rows) for column in found.columns)
        say(f"{out}: {cells} cells in {len(found.columns)} columns, {len(found.numbers)} others")
    return DONE
