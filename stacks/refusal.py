"""How a program ends when something is wrong that its operator can mend."""

from typing import NoReturn

import pulumi

BAIL = 32
"""The exit status at which the engine adds nothing to what the program has logged."""


def refuse(message: str) -> NoReturn:
    """Show the message as the update's error and end the program, without a traceback.

    Raises SystemExit. Never with status 0: the engine would take that for a program without
    resources, and delete everything.
    """
    pulumi.log.error(printable(message))
    raise SystemExit(BAIL)


def printable(message: str) -> str:
    """Return the message without what is not UTF-8, like the bytes of an odd file name."""
    return message.encode(errors="replace").decode()
