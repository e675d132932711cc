"""The glob patterns of CodePipeline and CodeBuild, which are those of a path in Java.

`*` stays within a folder, `**` crosses folders, `?` is one character, `[abc]`, `[a-z]` and `[!a]`
one of a set, `{a,b}` either, and a backslash takes the meaning from the character after it.
"""

import re
from collections.abc import Iterable
from functools import cache

_TOKEN = re.compile(r"\\(.)|(\*\*|\*|\?|\{|\}|,)|\[(!?)([^\]]+)\]|(.)", re.DOTALL)
_MEANINGS = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is the whole of a text."""
    return _expression(pattern).fullmatch(text) is not None


def admits(includes: Iterable[str], excludes: Iterable[str], text: str) -> bool:
    """Whether a filter lets a text through: it does all but the excluded where it includes none."""
    included = tuple(includes)
    if any(matches(pattern, text) for pattern in excludes):
        return False
    return not included or any(matches(pattern, text) for pattern in included)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    in_group = False
    for escaped, special, negated, characters, plain in _TOKEN.findall(pattern):
        if special == ",":
            parts.append("|" if in_group else ",")
        elif special:
            in_group = special == "{" or (in_group and special != "}")
            parts.append(_MEANINGS[special])
        elif characters:
            parts.append(f"(?!/)[{'^' if negated else ''}{_set(characters)}]")
        else:
            parts.append(re.escape(escaped or plain))
    return re.compile("".join(parts), re.DOTALL)


def _set(characters: str) -> str:
    """Return the inside of a set, in which only ranges have a meaning."""
    return re.sub(r"([\\\[\]^&~|])", r"\\\1", characters)
