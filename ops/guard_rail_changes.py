"""What becomes allowed or denied when guard rails change, for whom, in plain words."""

import functools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.service_control import document
from iam.policy import Statement, texts
from iam.service_control import Judgement
from ops import policies
from ops.dangers import (
    ANYBODY,
    EVERY_ACTION,
    LINKED,
    Danger,
    Principal,
    asked,
    named,
    principals,
    spared,
)
from ops.judge import Judge
from ops.registered import Registered
from ops.text import joined, wrapped

SAME = "No difference."
SPARED = 3
"""Actions that are named of a long list of what a statement leaves alone."""


@dataclass(frozen=True)
class Change:
    """Who may do something now, or may not any longer, and the statement that denied or denies it.

    Where weakened protection comes first, `is_stronger` sorts.
    """

    is_stronger: bool
    principals: tuple[Principal, ...]
    reason: Judgement


def differences(before: Registered, after: Registered) -> list[str]:
    """Return what becomes allowed, then what becomes denied, in accounts that both have.

    Asked is what the tables of both ask and what any statement of both names, of the table's
    principals and of every role that a statement of both spares. What a statement says otherwise
    and no request shows is told in the words of its document.
    """
    common = [it for it in after.accounts if it in before.accounts]
    gone, new = (
        [it for it in one.accounts if it not in other.accounts]
        for one, other in ((before, after), (after, before))
    )
    known = {*before.accounts, *after.accounts}
    units = [it for it in dict.fromkeys([*before.units(), *after.units()]) if it not in known]
    old, now = (it.standing_in(units, common) for it in (before, after))
    places = [*common, *(it for it in now.accounts if it in old.accounts and it not in known)]
    lines = [
        *_lines(_Comparison(old, now), common, places),
        *([f"Not compared, since they are new: {joined(new)}."] if new else []),
        *([f"Not compared, since settings have them no longer: {joined(gone)}."] if gone else []),
    ]
    return wrapped("\n".join(lines)).splitlines() or [SAME]


class _Comparison:
    """The guard rails of two commits, account by account."""

    def __init__(self, before: Registered, after: Registered) -> None:
        self.before, self.after = before, after
        terms = (before.terms, after.terms)
        every = [*before.statements(), *after.statements()]
        self.rows = [danger for it in terms for danger in asked(it)]
        dangers = [*self.rows, *(danger for it in terms for danger in named(every, it))]
        found = [*principals(after.terms), *spared(every, after.terms)]
        self.principals = list(dict.fromkeys(found))
        self.earlier, self.later = (
            Judge(it, list(dict.fromkeys(dangers)), self.principals) for it in (before, after)
        )
        self._otherwise = functools.cache(self._differing)

    def alike(self, accounts: Iterable[str]) -> list[list[str]]:
        """Return accounts above which something changed, those together that have it alike."""
        found: dict[object, list[str]] = {}
        for account in accounts:
            places = (self.earlier.place(account), self.later.place(account))
            if self._changed(account):
                found.setdefault(places, []).append(account)
        return list(found.values())

    def changes(self, account: str) -> Iterator[tuple[Change, Danger]]:
        """Return who may do what, or may not, unlike before.

        Only requests are judged of which a changed target says something else than before.
        """
        before, after = self.earlier.place(account), self.later.place(account)
        otherwise = {
            number
            for target in self._changed(account)
            for number in self._otherwise(
                target if target in before else "", target if target in after else ""
            )
        }
        found: dict[tuple[Danger, bool, Judgement], list[Principal]] = {}
        for number in sorted(otherwise):
            danger, principal, _ = self.later.requests[number]
            then, now = (it.decision(account, number).deciding for it in (self.earlier, self.later))
            reason = now or then
            if reason and not (now and then):
                found.setdefault((danger, bool(now), reason), []).append(principal)
        for (danger, is_stronger, reason), by in found.items():
            yield Change(is_stronger, tuple(by), reason), danger

    def statement(self, change: Change) -> Statement:
        """Return the statement that denies, or denied."""
        return (self.after if change.is_stronger else self.before).statement(change.reason)

    def unshown(
        self, account: str, changes: Iterable[Change]
    ) -> Iterator[tuple[bool, str, list[str]]]:
        """Return what statements say otherwise that no change shows: stronger or not, and how."""
        seen = [(it.is_stronger, self.statement(it)) for it in changes]
        for is_stronger, having, lacking in (
            (False, self.before, self.after),
            (True, self.after, self.before),
        ):
            rest = lacking.above(account)
            for statement in having.above(account):
                if statement in rest or (is_stronger, statement) in seen:
                    continue
                if policies.widenings(document([statement]), document(rest)):
                    sid = str(statement.get("Sid"))
                    twin = [it for it in rest if it.get("Sid") == sid] or rest
                    gaps = policies.widenings(document([statement]), document(twin))
                    how = ["denies what was not denied before"] if is_stronger else gaps
                    yield is_stronger, sid, how

    def _differing(self, before: str, after: str) -> list[int]:
        """Return which requests a target, or none, has judged otherwise than one does now."""
        effects = zip(self.earlier.effects(before), self.later.effects(after), strict=True)
        return [number for number, (then, now) in enumerate(effects) if then is not now]

    def _changed(self, account: str) -> list[str]:
        """Return the targets above an account that have other documents than before."""
        old, new = self.before.policies, self.after.policies
        then, now = self.earlier.place(account), self.later.place(account)
        return [
            it
            for it in dict.fromkeys([*then, *now])
            if (it in then and old[it]) != (it in now and new[it])
        ]


def _lines(comparison: _Comparison, common: Sequence[str], places: Sequence[str]) -> list[str]:
    where: dict[tuple[Change, Danger], list[str]] = {}
    unshown: dict[tuple[bool, str, str], list[str]] = {}
    for accounts in comparison.alike(places):
        found = list(comparison.changes(accounts[0]))
        for it in found:
            where.setdefault(it, []).extend(accounts)
        shown = dict.fromkeys(it for it, _ in found)
        for is_stronger, sid, gaps in comparison.unshown(accounts[0], shown):
            for gap in gaps:
                unshown.setdefault((is_stronger, sid, gap), []).extend(accounts)
    paragraphs: dict[tuple[bool, str], dict[Change, list[Danger]]] = {}
    for (change, danger), accounts in where.items():
        whom = _whom(change.principals, comparison.principals)
        key = (change.is_stronger, f"in {_among(common, accounts)} to {whom}")
        paragraphs.setdefault(key, {}).setdefault(change, []).append(danger)
    told: list[tuple[bool, list[str]]] = []
    for (is_stronger, whose), its in paragraphs.items():
        word, tense = ("Denied", "denies") if is_stronger else ("Allowed", "denied")
        lines = [f"{word} now {whose}:"]
        for change, dangers in its.items():
            what = _what(comparison.statement(change), dangers, comparison.rows)
            lines.append(f"  what {_named(change.reason)} {tense}{what}")
        told.append((is_stronger, lines))
    for (is_stronger, sid, gap), accounts in unshown.items():
        place = _among(common, accounts)
        told.append((is_stronger, [f"{'More' if is_stronger else 'Less'} in {place}: {sid} {gap}"]))
    return [line for _, lines in sorted(told, key=lambda it: it[0]) for line in lines]


def _what(statement: Statement, dangers: Sequence[Danger], rows: Collection[Danger]) -> str:
    """Return on what a statement denies what, in a few words."""
    resources = texts(statement.get("Resource", "*"))
    on = "" if "*" in resources else f" on {joined([policies.short(it) for it in resources])}"
    if "NotResource" in statement:
        on = f" on all but {joined([policies.short(it) for it in texts(statement['NotResource'])])}"
    general = [it for it in dangers if it.action == EVERY_ACTION]
    if not general:
        return f"{on}: {_some(dangers, rows)}"
    left_out = texts(statement.get("NotAction", []))
    more = [f"{len(left_out) - SPARED} more"] if len(left_out) > SPARED else []
    but = f" but {joined([*left_out[:SPARED], *more])}" if left_out else ""
    details = joined(list(dict.fromkeys(it.detail for it in general if it.detail)))
    return f"{on}: everything{but}" + (f" ({details})" if details else "")


def _some(dangers: Iterable[Danger], rows: Collection[Danger]) -> str:
    """Return requests in a few words, those of statements only where no row has their action."""
    by_action: dict[str, list[Danger]] = {}
    for danger in dangers:
        by_action.setdefault(danger.action, []).append(danger)
    words = [
        str(danger)
        for its in by_action.values()
        for danger in [it for it in its if it in rows] or [it for it in its if not it.detail] or its
    ]
    return joined(list(dict.fromkeys(words)))


def _whom(chosen: Sequence[Principal], every: Iterable[Principal]) -> str:
    """Name principals, or where anybody is one of them those who are not."""
    if not any(it.name == ANYBODY for it in chosen):
        return joined([it.name for it in chosen])
    left_out = [it.name for it in every if it not in chosen and it.name != LINKED]
    return f"everybody but {joined(left_out)}" if left_out else "everybody"


def _named(reason: Judgement) -> str:
    return f"{reason.statement} of {reason.policy} on {reason.level}"


def _among(every: Sequence[str], some: Iterable[str]) -> str:
    """Name some of all accounts, or those left out where that is shorter; and what is none."""
    chosen = list(dict.fromkeys(some))
    words, left_out = ([it for it in every if (it in chosen) is want] for want in (True, False))
    if 2 * len(left_out) < len(words):
        words = [f"every account but {joined(left_out)}" if left_out else "every account"]
    return joined([*words, *(it for it in chosen if it not in every)])
