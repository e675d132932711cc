"""`python -m ops guard-rails`: who may do what is dangerous, in every account.

It is computed from the policies that the program registers; it asks AWS nothing. Service control
policies only: what a principal's own policies allow it is another question. Policies that people
attached by hand are not seen here.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping

from components.guard_rails import LIBRARY
from components.statements import problems
from iam.service_control import Judgement
from ops.dangers import principals
from ops.guard_rail_changes import differences
from ops.judge import Judge, Verdicts, about, cells
from ops.problem import OpsError, sentence
from ops.registered import SETTINGS, Registered, registered_by
from ops.text import joined, table, wrapped
from stacks.settings import meant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "List who may do what is dangerous, in every account, and which guard rail denies it. An "
        "admin is any role with all rights; linked is a service-linked role, which no guard rail "
        "binds; assumed root is a session that the management account takes of a root user."
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON, for a program")
    how.add_argument(
        "--why",
        nargs=2,
        metavar=("ACCOUNT", "ACTION"),
        help="explain the decisions on an action in an account, level by level",
    )
    how.add_argument(
        "--against",
        metavar="REF",
        help="show only what becomes allowed or denied, compared with another commit: a branch, "
        "a tag, HEAD",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the table, one decision or the difference.

    Raises OpsError, or UnusableSettingsError.
    """
    registered = Registered.here()
    if arguments.why:
        lines = why(registered, *arguments.why)
    elif arguments.against is not None:
        lines = differences(registered_by(arguments.against), registered)
    elif arguments.json:
        lines = [json.dumps(list(entries(registered)), indent=2)]
    else:
        lines = shown(registered)
    sys.stdout.write("\n".join(lines) + "\n")


def entries(registered: Registered) -> Iterator[dict[str, object]]:
    """Return an object for each cell of the table."""
    for account, verdicts in cells(registered):
        for (danger, principal), against in verdicts.items():
            yield {
                "account": account,
                "principal": principal.name,
                "action": danger.action,
                "resource": danger.resource,
                "detail": danger.detail,
                "allowed": against is None,
                "target": against and against.level,
                "policy": against and against.policy,
                "statement": against and against.statement,
            }


def shown(registered: Registered) -> list[str]:
    """Return the lines of the table, once for all accounts that have the same.

    The number in a cell leads to what decides, below the tables.
    """
    alike: dict[tuple[Judgement | None, ...], list[str]] = {}
    by_account = dict(cells(registered))
    for account, verdicts in by_account.items():
        alike.setdefault(tuple(verdicts.values()), []).append(account)
    deciding = [it for its in alike for it in its if it]
    numbers = {it: number for number, it in enumerate(dict.fromkeys(deciding), start=1)}
    lines: list[str] = []
    for accounts in alike.values():
        lines += [*wrapped(f"In {joined(accounts)}:").splitlines(), ""]
        lines += [*_rows(by_account[accounts[0]], numbers), ""]
    legend = [(str(number), *_cells(it)) for it, number in numbers.items()]
    return [*lines, *table(("no", "statement", "of policy", "on"), legend)]


def _rows(verdicts: Verdicts, numbers: Mapping[Judgement, int]) -> list[str]:
    by = list(dict.fromkeys(principal for _, principal in verdicts))
    rows = [
        (
            danger.action,
            danger.detail,
            *(
                f"no {numbers[against]}" if against else "yes"
                for against in (verdicts[danger, principal] for principal in by)
            ),
        )
        for danger in dict.fromkeys(danger for danger, _ in verdicts)
    ]
    return table(("may do", "", *(it.title for it in by)), rows)


def why(registered: Registered, account: str, action: str) -> list[str]:
    """Return sentences on each request of an action in an account, level by level.

    An action that no row is about is asked of everything, and of what statements about it name.

    Raises OpsError.
    """
    whole = registered.with_every_unit()
    if account not in whole.accounts:
        what = f"There is no account {account} in {SETTINGS}{meant(account, whole.accounts)}"
        raise OpsError(sentence(LookupError(what)))
    wrong = problems({"Sid": "Why", "Effect": "Deny", "Action": action, "Resource": "*"})
    if wrong or "*" in action or "?" in action:
        what = wrong[0] if wrong else f"{action} is more than one action; name one"
        raise OpsError(sentence(LookupError(what)))
    by = principals(registered.terms)
    judge = Judge(whole, about(action, registered, by), by)
    terms = registered.terms
    reasons = {it["Sid"]: rail.reason for rail in LIBRARY.values() for it in rail.statements(terms)}
    lines: list[str] = []
    for number, (danger, principal, _) in enumerate(judge.requests):
        title = f"{danger} on {danger.resource} in {account}:"
        if title not in lines:
            lines.append(title)
        decision = judge.decision(account, number)
        lines.append(f"  {principal.name}: {'yes' if decision.allowed else 'no'}")
        lines += [f"    {it}" for it in decision.explanation()]
        deciding = decision.deciding
        if deciding and deciding.statement in reasons:
            lines.append(f"    The reason: {reasons[deciding.statement]}.")
    return wrapped("\n".join(lines)).splitlines()


def _cells(decided: Judgement) -> tuple[str, str, str]:
    return decided.statement or "", decided.policy or "", decided.level
