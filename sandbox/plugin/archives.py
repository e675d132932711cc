"""Archives of the program's files: their hash, and the ZIP file that is sent to AWS.

The engine has put a hash on each; two archives are the same when their hashes are. Archives fetched
from an address are not carried, because nothing in the sandbox is remote.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from sandbox.plugin.values import ARCHIVE, ASSET, SIGNATURE, Values

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP file can hold
_MODE = 0o755 << 16  # Lambda's user is not the owner and must be able to read (and run) the files


class ArchiveError(Exception):
    """Why an archive cannot be packed, as one sentence."""


def is_archive(value: object) -> bool:
    """Whether the engine marked the value as an archive."""
    return isinstance(value, dict) and cast("Values", value).get(SIGNATURE) == ARCHIVE


def content_hash(archive: Values) -> object:
    """Return the engine's hash of the archive's content."""
    return archive.get("hash")


def zipped(archive: Values) -> bytes:
    """Return the archive as a ZIP file that is the same to the byte for the same content."""
    path = archive.get("path")
    if path and Path(path).suffix in {".zip", ".jar"}:
        return Path(path).read_bytes()
    files = dict(sorted(_files(archive)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, content)
    return buffer.getvalue()


def _files(archive: Values) -> Iterator[tuple[str, bytes]]:
    if "assets" in archive:
        for name, item in cast("dict[str, Values]", archive["assets"]).items():
            if item.get(SIGNATURE) == ASSET:
                yield name, _content(item)
            else:
                yield from ((f"{name}/{inner}", data) for inner, data in _files(item))
    elif "path" in archive:
        root = Path(archive["path"])
        for file in root.rglob("*"):
            if file.is_file():
                yield file.relative_to(root).as_posix(), file.read_bytes()
    else:
        raise ArchiveError("archives fetched from an address are not carried; use a local path")


def _content(asset: Values) -> bytes:
    if "path" in asset:
        return Path(asset["path"]).read_bytes()
    if "text" in asset:
        return str(asset["text"]).encode()
    raise ArchiveError("assets fetched from an address are not carried; use a local path")
