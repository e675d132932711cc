"""`python -m ops who-can`: who may assume which role, across all accounts.

It is computed from the policies in the stacks' states, which are those that the programs
registered; it asks AWS nothing. Roles that no program makes, those of people say, are not judged,
but for the one that AWS makes in each member account.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel

from components.organization import ACCESS_ROLE
from iam.assumption import Assumption, Role, administrators, assumptions
from iam.policy import EVERYTHING, Document, as_list, mapping
from iam.principals import account_arn
from ops import deployed
from ops.problem import OpsError
from ops.text import table
from stacks import catalogue
from stacks.outputs import OrgOutputs
from stacks.settings import ROOT, AccountId

PROVIDER = "pulumi:providers:aws"
ROLE = "aws:iam/role:Role"
NO_ROLES: Mapping[str, Document] = {
    f"arn:aws:iam::aws:policy/service-role/{name}": {"Statement": []}
    for name in ("AmazonAPIGatewayPushToCloudWatchLogs",)
}
"""Policies of AWS's own that let nobody assume a role; any other is taken to allow everything."""


class Organization(BaseModel):
    """The outputs of `stacks/org` that are read here."""

    management_account_id: AccountId
    accounts: dict[str, AccountId]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")


def run(arguments: argparse.Namespace) -> None:
    """Print the list, and on standard error which stacks are not deployed.

    Raises OpsError.
    """
    organization = deployed.outputs(OrgOutputs, Organization)
    resources: list[Mapping[str, Any]] = []
    for stack in catalogue.stacks(ROOT):
        found = deployed.resources(stack)
        if not found:
            sys.stderr.write(f"{stack} is not deployed, so its roles are not listed.\n")
        resources += found
    known = who_can(resources, organization.management_account_id, organization.accounts)
    names = {it: name for name, it in organization.accounts.items()}
    names[organization.management_account_id] = catalogue.MANAGEMENT
    entries = sorted((_entry(it, names) for it in known), key=lambda it: tuple(it.values()))
    if arguments.json:
        sys.stdout.write(json.dumps(entries, indent=2) + "\n")
        return
    rows = [tuple(it.values()) for it in entries]
    lines = table(("account", "role", "who may assume it", "condition"), rows)
    sys.stdout.write("\n".join(lines) + "\n")


def who_can(
    resources: Iterable[Mapping[str, Any]], management_account: str, accounts: Mapping[str, str]
) -> list[Assumption]:
    """Return who may assume which role, from resources as they are in states, of all stacks.

    `accounts` are the ids of the member accounts by name. Raises OpsError.
    """
    access = [
        Role(
            arn=f"arn:aws:iam::{account}:role/{ACCESS_ROLE}",
            policies=[EVERYTHING],
            trust={
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"AWS": account_arn(management_account)},
                },
            },
        )
        for account in accounts.values()
    ]
    return assumptions([*access, *roles_in(resources)], [administrators(management_account)])


def roles_in(resources: Iterable[Mapping[str, Any]]) -> list[Role]:
    """Return the roles among resources as they are in states, with their policies.

    Raises OpsError.
    """
    live = [it for it in resources if not it.get("delete")]
    providers = {it["urn"]: it for it in live if it["type"] == PROVIDER}
    managed: dict[tuple[str, str], Document] = {}
    given: dict[tuple[str, str], list[Document | str]] = {}
    for it in live:
        if it["type"] == "aws:iam/policy:Policy":
            managed[_account(it, providers), _name(it)] = _document(it, "policy")
        elif it["type"].startswith("aws:iam/"):
            for role, policy in _given(it):
                given.setdefault((_account(it, providers), role), []).append(policy)
    roles: list[Role] = []
    for it in live:
        if it["type"] == ROLE:
            account, name = _account(it, providers), _name(it)
            bounds = [_resolved(own, account, managed) for own in _texts(it, "permissionsBoundary")]
            roles.append(
                Role(
                    arn=f"arn:aws:iam::{account}:role{it['inputs'].get('path', '/')}{name}",
                    trust=_document(it, "assumeRolePolicy"),
                    policies=[
                        _resolved(policy, account, managed)
                        for policy in given.get((account, name), ())
                    ],
                    boundary=bounds[0] if bounds else None,
                )
            )
    return roles


def _given(resource: Mapping[str, Any]) -> Iterator[tuple[str, Document | str]]:
    """Return each policy that a resource gives to a role, after the role's name.

    Arguments count by their names, so that a further type needs nothing here.
    """
    if resource["type"] == ROLE:
        roles = [_name(resource)]
    else:
        roles = _texts(resource, "role", "roles", "roleName")
    for role in roles:
        for policy in _texts(resource, "managedPolicyArns", "policyArn", "policyArns"):
            yield role, policy
        if "policy" in resource["inputs"]:
            yield role, _document(resource, "policy")
        for inline in as_list(resource["inputs"].get("inlinePolicies") or []):
            # An empty one says that the role has no others.
            if mapping(inline).keys() - {"__defaults"}:
                yield role, _parsed(resource, "inlinePolicies", mapping(inline).get("policy"))


def _account(resource: Mapping[str, Any], providers: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the account of a resource: the one that its provider may work in."""
    provider = resource["provider"].rpartition("::")[0]
    try:
        (account,) = json.loads(providers[provider]["inputs"]["allowedAccountIds"])
    except (KeyError, TypeError, ValueError):
        raise OpsError(
            f"Nobody can say in which account {resource['urn']} is, since its provider {provider} "
            "does not have the id of one account in allowedAccountIds: have the program give it "
            "that, and update the stack."
        ) from None
    return account


def _name(resource: Mapping[str, Any]) -> str:
    # The engine makes up a name that the program does not give, and records it as an input; AWS
    # makes it up where the program gives its start.
    made: Mapping[str, Any] = resource.get("outputs") or {}
    own = resource["urn"].rpartition("::")[2]
    return "".join(_texts(resource, "name")) or made.get("name") or own


def _texts(resource: Mapping[str, Any], *keys: str) -> list[str]:
    """Return what some arguments hold, each of which may be left out, a text or a list of texts."""
    found: list[str] = []
    for key in keys:
        for value in as_list(resource["inputs"].get(key) or []):
            if not isinstance(value, str):
                raise _unreadable(resource, key)
            found.append(value)
    return found


def _document(resource: Mapping[str, Any], key: str) -> Document:
    return _parsed(resource, key, resource["inputs"].get(key))


def _parsed(resource: Mapping[str, Any], key: str, value: object) -> Document:
    try:
        document: object = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _unreadable(resource, key)
    return cast("Document", document)


def _unreadable(resource: Mapping[str, Any], key: str) -> OpsError:
    return OpsError(
        f"{key} of {resource['urn']} cannot be read in its state (it is secret, or of another form "
        "than IAM takes), so nobody can say who may assume what: have the program give it in plain "
        "text, and update the stack."
    )


def _resolved(
    policy: Document | str, account: str, managed: Mapping[tuple[str, str], Document]
) -> Document:
    """Return a policy's document; one that is not known may allow everything."""
    if not isinstance(policy, str):
        return policy
    own = managed.get((account, policy.rpartition("/")[2]))
    return own or NO_ROLES.get(policy, EVERYTHING)


def _entry(found: Assumption, names: Mapping[str, str]) -> dict[str, str]:
    account, role = _split(found.role)
    return {
        "account": names.get(account, account),
        "role": role,
        "principal": _shown(found.principal, names),
        "condition": found.condition,
    }


def _shown(principal: str, names: Mapping[str, str]) -> str:
    if not principal.startswith("arn:"):
        return principal
    account, identity = _split(principal)
    known = names.get(account, account)
    return f"{known}: {'administrators' if identity == 'root' else identity}"


def _split(arn: str) -> tuple[str, str]:
    """Return the account and the name of a role, with its path, or of another identity."""
    _, _, _, _, account, name = arn.split(":", 5)
    return account, name.removeprefix("role/")
