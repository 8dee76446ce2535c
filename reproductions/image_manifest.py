"""What a data set held when it was first used: every image by name, digest and class.

Made once, kept in the cache, held to at every use: names, classes and sizes at once, and the digest
of an image when it is decoded. What differs is named; nothing is left out.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproductions.artifact_cache import cache_folder
from reproductions.errors import ReproductionError
from reproductions.files import write_whole
from reproductions.labeled_images import Image, Images, ImagesError, check_counts

__all__ = ["Manifest", "manifest_of"]


@dataclass(frozen=True)
class Manifest:
    """The images of a data set, in the order of their names."""

    path: Path
    digests: tuple[str, ...]
    """SHA-256 of each image."""
    sha256: str
    """Of names, digests and classes: what two measurements on the same images have in common."""

    def check(self, images: Images, number: int, content: bytes) -> None:
        """Refuse an image that is not what it was.

        Raises:
            ImagesError: it has changed; says which it is.
        """
        if hashlib.sha256(content).hexdigest() != self.digests[number]:
            name = images.all[number].name
            found = f"{name!r} changed (SHA-256 want {self.digests[number][:16]}...)"
            raise ImagesError(
                images.artifact, "its images as they were at first", found, _mend(self)
            )


def manifest_of(images: Images) -> Manifest:
    """Read the manifest of a data set, or make it: that reads every image once.

    Raises:
        ImagesError: images are missing, new, of another class or another size; at the first use:
            there are other numbers of them than there should be.
        ReproductionError: what is kept is no manifest.
    """
    key = hashlib.sha256(f"{images.artifact}\n{images.place}".encode()).hexdigest()[:16]
    path = cache_folder() / "manifests" / f"{images.artifact.replace('/', '-')}-{key}.json"
    if not path.exists():
        check_counts(images)
        return _made(images, path)
    try:
        kept = [(str(n), str(sha256), int(c), int(s)) for n, sha256, c, s in _read(path)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ReproductionError(
            f"{path}: want the manifest of {images.artifact}, found something else ({error}); "
            "remove the file, and it is made anew"
        ) from error
    manifest = _manifest(path, images.all, [sha256 for _, sha256, _, _ in kept])
    _hold(images, [Image(name, label, size) for name, _, label, size in kept], manifest)
    return manifest


def _made(images: Images, path: Path) -> Manifest:
    with ThreadPoolExecutor() as pool:
        numbers = range(len(images.all))
        digests = list(pool.map(lambda n: hashlib.sha256(images.read(n)).hexdigest(), numbers))
    rows = [
        [image.name, sha256, image.label, image.size]
        for image, sha256 in zip(images.all, digests, strict=True)
    ]
    # One image a line: a reader can compare two manifests.
    lines = ",\n".join(json.dumps(row) for row in rows)
    try:
        told = f'{{"artifact": {json.dumps(images.artifact)}, "images": [\n{lines}\n]}}\n'
        write_whole(path, told.encode())
    except OSError as error:
        raise ReproductionError(
            f"{path}: want to write the manifest of {images.artifact}, found: {error.strerror}; "
            "make room or the folder writable"
        ) from error
    return _manifest(path, images.all, digests)


def _read(path: Path) -> list[list[Any]]:
    content: dict[str, list[list[Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return content["images"]


def _manifest(path: Path, images: Sequence[Image], digests: Sequence[str]) -> Manifest:
    whole = hashlib.sha256()
    for image, sha256 in zip(images, digests, strict=False):
        whole.update(f"{image.name}\t{sha256}\t{image.label}\n".encode())
    return Manifest(path, tuple(digests), whole.hexdigest())


def _hold(images: Images, kept: Sequence[Image], manifest: Manifest) -> None:
    """Hold what is there to what was there."""
    if images.all == tuple(kept):
        return
    now, then = ({image.name: image for image in given} for given in (images.all, kept))
    missing, new = sorted(then.keys() - now.keys()), sorted(now.keys() - then.keys())
    other = sorted(name for name in now.keys() & then.keys() if now[name] != then[name])
    told = [
        f"{len(names)} {what}, such as {names[0]!r}"
        for what, names in {"missing": missing, "new": new, "changed": other}.items()
        if names
    ]
    wanted = "its images as they were at first"
    raise ImagesError(images.artifact, wanted, "; ".join(told) or "another order", _mend(manifest))


def _mend(manifest: Manifest) -> str:
    return f"put them back, or remove {manifest.path} if that is meant"
