"""A QR code in a terminal, for a telephone's camera."""

import io
import shutil
from typing import TextIO

import segno

from ops.problem import OpsError

WHITE_ON_BLACK = "\x1b[38;5;231;48;5;16m"
"""The two colours that a terminal's theme leaves alone; cameras want the code dark on light."""
PLAIN = "\x1b[0m"
OR_A_FILE = "write the configuration to a file with --output FILE"


def drawn(text: str, to: TextIO) -> str:
    """Return the lines that show a text as a QR code, with its quiet zone, to a terminal or file.

    Raises OpsError where they would not be readable.
    """
    try:
        code = segno.make_qr(text, error="l")
    except segno.DataOverflowError:
        raise OpsError(f"The configuration is too long for a QR code: {OR_A_FILE}.") from None
    picture = io.StringIO()
    code.terminal(picture, compact=True)
    lines = picture.getvalue().splitlines()
    if not _is_known(lines, to.encoding):
        raise OpsError(
            f"The terminal's encoding {to.encoding} has no characters for a QR code: set LC_ALL to "
            f"C.UTF-8, or {OR_A_FILE}."
        )
    if not to.isatty():
        return "\n".join(lines)
    columns = shutil.get_terminal_size().columns
    if columns < len(lines[0]):
        raise OpsError(
            f"The QR code needs {len(lines[0])} columns and the terminal has {columns}: make it "
            f"wider, or {OR_A_FILE}."
        )
    return "\n".join(f"{WHITE_ON_BLACK}{line}{PLAIN}" for line in lines)


def _is_known(lines: list[str], encoding: str) -> bool:
    try:
        "".join(lines).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
