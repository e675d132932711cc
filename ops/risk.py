"""`python -m ops risk [FILE]`: what is risky about a preview, one line each, worst first.

It reads a document and asks nobody, but git for the commit that a notice names.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from ops import risks
from ops.plan import COMMAND, Plan
from ops.problem import OpsError
from ops.risks import Risk
from ops.text import cut, plain
from stacks.settings import ROOT

NONE = "No risk."
NOTICE_LENGTH = 1000
"""Characters that an approval's text holds: an `ActionConfigurationValue` (CodePipeline API
reference, read 2026-11-25)."""
RISK_LENGTH = 250
AUTHOR_LENGTH = 60
LINK_LENGTH = 500
"""Characters that may go to one risk, the author and the link: together they always fit."""
STATUSES = """\
exit status:
  0   no risk
  1   the preview failed or cannot be read
  10  LOW: more than one account changes, or a policy is known only during the update
  20  MEDIUM: a policy or a guard rail is wider, or a lock weaker
  30  HIGH: data, accounts, keys, name servers or addresses are deleted or replaced
  40  PERSON: a pipeline may not apply this; a person has to
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = STATUSES
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help=f"what `{COMMAND}` printed; - (the default) reads it from standard input",
    )
    parser.add_argument(
        "--notice",
        action="store_true",
        help="print one line for an approval instead, with the commit that is checked out",
    )
    parser.add_argument(
        "--link",
        type=_link,
        metavar="URL",
        help="where the notice leads, say to the pipeline's run",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the risks and return the worst one's severity.

    Raises OpsError, or what `risks.found` does.
    """
    found = risks.found(Plan.read(_text(arguments.file)))
    if arguments.notice:
        lines = [notice(found, _commit(ROOT), arguments.link)]
    else:
        lines = [plain(str(risk)) for risk in found] or [NONE]
    sys.stdout.write("\n".join(lines) + "\n")
    return risks.worst(found)


def notice(found: list[Risk], commit: str, link: str | None) -> str:
    """Return one line that fits into an approval: the worst risks, the commit and the link."""
    end = f" | {commit}" + (f" | {link}" if link else "")
    words = [cut(" ".join(plain(str(it)).split()), RISK_LENGTH) for it in found] or [NONE]
    text = "; ".join(words)
    for count in range(len(words) - 1, 0, -1):
        if len(text) + len(end) <= NOTICE_LENGTH:
            break
        text = "; ".join([*words[:count], f"and {len(words) - count} more"])
    return text + end


def _text(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read()
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OpsError(f"{file} cannot be read ({reason}): give what `{COMMAND}` prints.") from None


def _link(text: str) -> str:
    if len(text) > LINK_LENGTH or plain(text) != text:
        raise argparse.ArgumentTypeError(
            f"it must be one line of at most {LINK_LENGTH} characters, so that a notice holds it"
        )
    return text


def _commit(folder: Path) -> str:
    """Return the commit that is checked out and its author, who wrote both names himself."""
    try:
        done = subprocess.run(
            ["git", "log", "-1", "--format=%h%x00%an"],  # noqa: S607 - the person's own git
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        raise OpsError(
            f"git cannot tell which commit is checked out in {folder}: run this in a clone of the "
            "repository, with git installed."
        ) from None
    commit, author = done.stdout.rstrip("\n").split("\0")
    return f"commit {commit} by {cut(plain(author), AUTHOR_LENGTH)}"
