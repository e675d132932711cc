"""How a command shows things: tables, and text that it does not trust."""

from collections.abc import Sequence
from textwrap import fill

WIDTH = 100
GAP = "  "


def plain(text: str) -> str:
    """Return text without what a terminal obeys, or what turns the order of the letters around."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def cut(text: str, width: int = WIDTH) -> str:
    """Return text that fits a width."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wrapped(text: str) -> str:
    """Return text in lines that fit; a word, such as one of a command, is never broken."""
    return "\n".join(
        fill(
            line,
            WIDTH,
            subsequent_indent=line[: len(line) - len(line.lstrip())],
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )


def joined(words: Sequence[str]) -> str:
    """Return words as a sentence lists them."""
    *most, last = [*words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; what does not fit the width is cut at the end of its line."""
    every = [titles, *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(titles))]
    return [
        cut(GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for row in every
    ]
