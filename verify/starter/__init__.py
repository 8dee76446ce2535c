"""What ``verify init`` starts a project with: a document, its claims and a module that measures."""

import hashlib
from pathlib import Path

_HERE = Path(__file__).parent
_FILES = {
    "documents/primes.md": "primes.md.txt",
    "claims/primes_note.yaml": "primes_note.yaml.txt",
    "prime_count.py": "prime_count.py.txt",
    "README.md": "README.md.txt",
    "claims.yaml": "claims.yaml.txt",
}
"""By path in the project; ``claims.yaml`` makes it one, and is the last."""


def files() -> dict[str, str]:
    """Give the text of every file by its path in the project, in the order to write them."""
    texts = {path: (_HERE / name).read_text(encoding="utf-8") for path, name in _FILES.items()}
    digest = hashlib.sha256(texts["documents/primes.md"].encode()).hexdigest()
    return {path: text.replace("SHA256", digest) for path, text in texts.items()}
