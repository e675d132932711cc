"""How things are named that the program leaves unnamed, as the genuine plugin does it."""

import random
import secrets
from uuid import uuid4

from sandbox.plugin.values import Values

_SUFFIX_DIGITS = 7
_PREFIXED_DIGITS = 26


def made_name(name: str, length: int, seed: bytes) -> str:
    """Return the resource's own name and seven hexadecimal digits.

    The seed, where the engine gives one, is what makes an update do what its plan showed.
    """
    bits = random.Random(seed).getrandbits if seed else secrets.randbits  # noqa: S311  a name
    suffix = f"{bits(4 * _SUFFIX_DIGITS):0{_SUFFIX_DIGITS}x}"
    return f"{name[: length - _SUFFIX_DIGITS - 1]}-{suffix}"


def given_name(args: Values, argument: str = "name") -> str:
    """Return the name that is given, or one that begins with the prefix that is given instead."""
    return args.get(argument) or f"{args[f'{argument}Prefix']}{uuid4().hex[:_PREFIXED_DIGITS]}"
