"""What moto holds, looked up by the names that the rules use.

Owns the reading of moto's backends for more than one module; it changes nothing. moto keeps one
backend for each account, and the global services of an account under the partition's name.
"""

import functools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from moto.iam.models import IAMBackend, ManagedPolicy, Role, iam_backends
from moto.kms.models import Key, kms_backends
from moto.organizations.models import (
    FakeAccount,
    FakeOrganizationalUnit,
    FakePolicy,
    FakeRoot,
    OrganizationsBackend,
    organizations_backends,
)
from moto.s3.models import FakeBucket, FakeKey, PublicAccessBlock, s3_backends
from moto.s3control.models import s3control_backends

from iam.policy import Document

if TYPE_CHECKING:
    from moto.ec2.models import EC2Backend

PARTITION = "aws"
_KMS_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):((?:key|alias)/.+)")
GUARD_RAIL = "SERVICE_CONTROL_POLICY"
"""The policy type of a guard rail."""


def organization_of(account: str) -> OrganizationsBackend | None:
    """Return the organization that an account manages or is a member of."""
    management, _ = organizations_backends.master_accounts.get(account, (account, PARTITION))
    if management not in organizations_backends:
        return None
    backend = organizations_backends[management][PARTITION]
    return backend if backend.org is not None else None


def member(account: str) -> FakeAccount | None:
    """Return an account's entry in its organization; the management account has one too."""
    organization = organization_of(account)
    accounts = organization.accounts if organization else []
    return next((entry for entry in accounts if entry.id == account), None)


def is_active(account: str) -> bool:
    """Whether an account takes part; one outside every organization does."""
    entry = member(account)
    return entry is None or entry.state == "ACTIVE"


def guard_rails_enabled(organization: OrganizationsBackend) -> bool:
    """Whether service control policies are switched on at the root."""
    roots = [unit for unit in organization.ou if isinstance(unit, FakeRoot)]
    return any(kind["Type"] == GUARD_RAIL for root in roots for kind in root.policy_types)


def guard_rails(
    target: FakeAccount | FakeOrganizationalUnit,
) -> list[FakePolicy]:
    """Return the service control policies attached to a root, a unit or an account."""
    return [found for found in target.attached_policies if found.type == GUARD_RAIL]


def levels(account: FakeAccount) -> Iterator[FakeAccount | FakeOrganizationalUnit]:
    """Return the account, then each unit above it up to the root."""
    organization = organization_of(account.id)
    units = {unit.id: unit for unit in organization.ou} if organization else {}
    yield account
    parent = units.get(account.parent_id)
    while parent is not None:
        yield parent
        parent = units.get(parent.parent_id or "")


def iam(account: str) -> IAMBackend:
    """Return the users, roles and policies of an account."""
    return iam_backends[account][PARTITION]


def role(account: str, name: str) -> Role | None:
    """Return a role by its name, if there is one."""
    return next((found for found in iam(account).roles.values() if found.name == name), None)


def iam_entity(account: str, kind: str, name: str) -> str | None:
    """Return the ARN of a role, user, group or instance profile by its name, if there is one."""
    backend = iam(account)
    kinds = {
        "group": backend.groups,
        "instance-profile": backend.instance_profiles,
        "role": backend.roles,
        "user": backend.users,
    }
    return next((found.arn for found in kinds[kind].values() if found.name == name), None)


def default_version(policy: ManagedPolicy) -> Document:
    """Return what a managed policy says now."""
    versions = {version.version_id: version.document for version in policy.versions}
    return document(versions[policy.default_version_id])


def bucket(name: str) -> FakeBucket | None:
    """Return the bucket with a name, of whichever account."""
    partition, account = s3_backends.bucket_accounts.get(name, (PARTITION, ""))
    return s3_backends[account][partition].buckets.get(name) if account else None


def public_access_blocks(bucket: FakeBucket) -> list[PublicAccessBlock]:
    """Return the block of a bucket and that of its account, as far as there are any."""
    of_account = s3control_backends[bucket.account_id][PARTITION].public_access_block
    return [block for block in (bucket.public_access_block, of_account) if block]


def s3_object(bucket: FakeBucket, key: str, version: str | None = None) -> FakeKey | None:
    """Return an object, or one of its versions; None also where it is deleted."""
    return s3_backends[bucket.account_id][PARTITION].get_object(bucket.name, key, version or None)


def ec2(account: str, region: str) -> "EC2Backend":
    """Return the instances, networks and addresses of an account in a region."""
    from moto.ec2.models import ec2_backends  # noqa: PLC0415  a second's work: only when needed

    return ec2_backends[account][region]


def key(account: str, region: str, name: str) -> Key | None:
    """Return the KMS key that an id, an alias or the ARN of either means, if there is one.

    An ARN may be of another account or region. AWS's own keys come to be when they are asked for.
    """
    arn = _KMS_ARN.fullmatch(name)
    if arn is not None:
        region, account, name = arn.groups()
    if region not in kms_backends[account].regions:  # pyright: ignore[reportUnknownMemberType]
        return None
    backend = kms_backends[account][region]
    if name.startswith("alias/"):
        name = backend.get_key_id_from_alias(name) or ""
    return backend.keys.get(name.removeprefix("key/"))


def key_of_any_account(region: str, identifier: str) -> Key | None:
    """Return the KMS key with an id, of whichever account."""
    found = (key(account, region, identifier) for account in list(kms_backends))
    return next((one for one in found if one is not None), None)


def key_by_arn(arn: str) -> Key | None:
    """Return the KMS key with an ARN; None for an alias and for "*"."""
    found = _KMS_ARN.fullmatch(arn)
    if found is None or not found[3].startswith("key/"):
        return None
    return key(found[2], found[1], found[3])


def document(policy: object) -> Document:
    """Return a policy that moto holds, as text or already read."""
    return _read(policy) if isinstance(policy, str | bytes) else cast("Document", policy)


@functools.lru_cache(maxsize=1024)
def _read(policy: str | bytes) -> Document:
    return json.loads(policy)
