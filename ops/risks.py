"""What is risky about a plan, and nothing else.

It loses data, accounts, keys, name servers or addresses; widens a policy or a guard rail; weakens a
lock; touches more than one account; or changes what only a person may change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import cast

from components.organization import ACCESS_ROLE
from ops import grants, locks
from ops.attachments import ATTACHMENT, GUARD_RAIL, Attachments
from ops.plan import Plan, Step, Values, number, shown
from stacks import catalogue


class Severity(IntEnum):
    """How bad a risk is; the number is the exit status of the command."""

    NONE = 0
    LOW = 10
    MEDIUM = 20
    HIGH = 30
    PERSON = 40


class Kind(IntEnum):
    """The kinds of risk, worst first."""

    BASELINE = auto()
    ACCOUNT = auto()
    DATA = auto()
    KEY = auto()
    NAME_SERVER = auto()
    ADDRESS = auto()
    GUARD_RAIL = auto()
    LOCK = auto()
    POLICY = auto()
    UNKNOWN_POLICY = auto()
    ACCOUNTS = auto()

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        if self is Kind.BASELINE:
            return Severity.PERSON
        if self <= Kind.ADDRESS:
            return Severity.HIGH
        return Severity.MEDIUM if self <= Kind.POLICY else Severity.LOW


@dataclass(frozen=True)
class Risk:
    """One risk: what is done to what, and how."""

    kind: Kind
    act: str
    subject: str
    how: str = ""

    def __str__(self) -> str:
        how = f": {self.how}" if self.how else ""
        return f"{self.kind.severity.name:<6}  {self.act}: {self.subject}{how}"


DATA = frozenset(
    {
        "aws:backup/vault:Vault",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:codecommit/repository:Repository",
        "aws:cognito/userPool:UserPool",
        "aws:docdb/cluster:Cluster",
        "aws:dynamodb/globalTable:GlobalTable",
        "aws:dynamodb/table:Table",
        "aws:dynamodb/tableItem:TableItem",
        "aws:dynamodb/tableReplica:TableReplica",
        "aws:ebs/volume:Volume",
        "aws:ecr/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:elasticsearch/domain:Domain",
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        "aws:fsx/ontapFileSystem:OntapFileSystem",
        "aws:fsx/openZfsFileSystem:OpenZfsFileSystem",
        "aws:fsx/windowsFileSystem:WindowsFileSystem",
        "aws:keyspaces/table:Table",
        "aws:kinesis/stream:Stream",
        "aws:memorydb/cluster:Cluster",
        "aws:neptune/cluster:Cluster",
        "aws:opensearch/domain:Domain",
        "aws:qldb/ledger:Ledger",
        "aws:rds/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:redshift/cluster:Cluster",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketV2:BucketV2",
        "aws:s3/directoryBucket:DirectoryBucket",
        "aws:s3tables/table:Table",
        "aws:s3tables/tableBucket:TableBucket",
        "aws:secretsmanager/secret:Secret",
        "aws:sqs/queue:Queue",
        "aws:ssm/parameter:Parameter",
        "aws:timestreamwrite/table:Table",
    }
)
ACCOUNT = "aws:organizations/account:Account"
ELASTIC_IP = "aws:ec2/eip:Eip"
RECORD = "aws:route53/record:Record"
KIND_OF: Mapping[str, Kind] = {
    **dict.fromkeys(DATA, Kind.DATA),
    ACCOUNT: Kind.ACCOUNT,
    "aws:organizations/organization:Organization": Kind.ACCOUNT,
    "aws:kms/externalKey:ExternalKey": Kind.KEY,
    "aws:kms/key:Key": Kind.KEY,
    "aws:kms/replicaKey:ReplicaKey": Kind.KEY,
    "aws:route53/keySigningKey:KeySigningKey": Kind.KEY,
    "aws:route53/delegationSet:DelegationSet": Kind.NAME_SERVER,
    "aws:route53/zone:Zone": Kind.NAME_SERVER,
    "aws:route53domains/domain:Domain": Kind.NAME_SERVER,
    "aws:route53domains/registeredDomain:RegisteredDomain": Kind.NAME_SERVER,
    "aws:apigateway/domainName:DomainName": Kind.ADDRESS,
    "aws:ec2/eipAssociation:EipAssociation": Kind.ADDRESS,
    ELASTIC_IP: Kind.ADDRESS,
}
"""What is lost with a resource of a type; see `_kind_of_record` for records."""

WORDS: Mapping[Kind, str] = {
    Kind.ACCOUNT: "an account",
    Kind.DATA: "data",
    Kind.KEY: "a key",
    Kind.NAME_SERVER: "name servers",
    Kind.ADDRESS: "an address",
}
KIND_OF_RECORD: Mapping[str, Kind] = {
    "NS": Kind.NAME_SERVER,
    "DS": Kind.NAME_SERVER,
    "A": Kind.ADDRESS,
    "AAAA": Kind.ADDRESS,
}

MOVABLE = frozenset({ACCOUNT, "aws:organizations/organizationalUnit:OrganizationalUnit"})
BASELINE = frozenset({"multi-account:account:AccountBaseline", "multi-account:account:DeployRole"})
"""Components that a pipeline's own role is made by, so that it is denied to change their IAM."""


def found(plan: Plan) -> list[Risk]:
    """Return every risk of a plan, worst first.

    Raises UnusableSettingsError where a person has to apply it, and its stack is unknown here.
    """
    attachments = Attachments(plan)
    risks = [risk for step in plan.steps for risk in of_step(plan, step, attachments)]
    risks += [*_baseline(plan), *_accounts(plan)]
    return sorted(risks, key=lambda risk: risk.kind)


def worst(risks: list[Risk]) -> Severity:
    """Return how bad the worst risk is."""
    return max((risk.kind.severity for risk in risks), default=Severity.NONE)


def of_step(plan: Plan, step: Step, attachments: Attachments) -> Iterator[Risk]:
    """Return the risks of one step."""
    if step.change in {"delete", "replace"}:
        yield from _lost(step)
    if step.change == "update":
        yield from _emptied(step)
        yield from _misled(step)
    for how in locks.weakened(step):
        yield Risk(Kind.LOCK, "weakens a lock", step.subject, how)
    if step.change:
        yield from _unguarded(step, attachments)
        yield from _widened(plan, step, attachments)


def _lost(step: Step) -> Iterator[Risk]:
    """Tell what is deleted or replaced that cannot be had again."""
    kind, subject = KIND_OF.get(step.type) or _kind_of_record(step), step.subject
    if step.type == RECORD:
        subject += f" ({step.old.get('name')})"
    if kind is None:
        return
    if step.old_state and step.old_state.retain_on_delete:
        subject += ", which stays in AWS without its stack"
    elif step.replace_reasons:
        subject += f", because of {', '.join(step.replace_reasons)}"
    yield Risk(kind, f"{step.change}s {WORDS[kind]}", subject)


def _emptied(step: Step) -> Iterator[Risk]:
    """Tell what data is lost although the resource that holds it stays."""

    def risk(how: str) -> Risk:
        return Risk(Kind.DATA, "deletes data", step.subject, how)

    days, fewer = (number(it.get("retentionInDays")) for it in (step.old, step.new))
    if fewer and (not days or fewer < days):
        yield risk(f"keeps {fewer:.0f} days instead of {f'{days:.0f}' if days else 'all'}")
    expired, expire = (locks.is_on(_at(it, "ttl", "enabled")) for it in (step.old, step.new))
    if expire and not expired:
        yield risk("items expire from now on")
    expiries = _expiries(step.old)
    for rule, after in _expiries(step.new).items():
        before = expiries.get(rule)
        if before is None or after < before:
            old = f"{before:.0f}" if before else "never"
            yield risk(f"{rule} after {after:.0f} days instead of {old}")


def _misled(step: Step) -> Iterator[Risk]:
    """Tell what leads elsewhere, or what key opens nothing, although the resource stays."""
    old, new = step.old, step.new
    kind, before, after = _kind_of_record(step), _values(old), _values(new)
    # An alias has more to it than where it leads.
    if kind and (step.differs("records") or before != after):
        how = f"{shown(before)} -> {shown(after)}"
        yield Risk(kind, f"replaces {WORDS[kind]}", step.subject, how)
    if step.differs("nameServers"):
        how = f"{shown(old.get('nameServers'))} -> {shown(new.get('nameServers'))}"
        yield Risk(Kind.NAME_SERVER, "replaces name servers", step.subject, how)
    for argument in ("instance", "networkInterface"):
        if step.type == ELASTIC_IP and old.get(argument) and step.differs(argument):
            how = f"{argument} {shown(old.get(argument))} -> {shown(new.get(argument))}"
            yield Risk(Kind.ADDRESS, "leads an address elsewhere", step.subject, how)
    disabled = new.get("isEnabled") is False and old.get("isEnabled") is not False
    if disabled and KIND_OF.get(step.type) is Kind.KEY:
        yield Risk(Kind.KEY, "disables a key", step.subject, "what it encrypted cannot be read")


def _kind_of_record(step: Step) -> Kind | None:
    """Return what is lost with a record, if the step is one's."""
    return KIND_OF_RECORD.get(str(step.old.get("type"))) if step.type == RECORD else None


def _values(record: Values) -> object:
    """Return where a record leads: its values, or the names of what it is an alias of."""
    aliases = record.get("aliases")
    if isinstance(aliases, list):
        aliases = [_at(it, "name") for it in cast("list[object]", aliases)]
    return aliases or record.get("records")


def _unguarded(step: Step, attachments: Attachments) -> Iterator[Risk]:
    """Tell where a guard rail no longer holds; its document is compared like any policy."""
    hows: list[str] = []
    if step.type == ATTACHMENT:
        hows += attachments.left(step)
    elif step.type in MOVABLE and step.change != "create" and step.differs("parentId"):
        place = f"{shown(step.old.get('parentId'))} -> {shown(step.new.get('parentId'))}"
        hows.append(f"moves, and other guard rails hold there: {place}")
    for how in hows:
        yield Risk(Kind.GUARD_RAIL, "widens a guard rail", step.subject, how)


def _widened(plan: Plan, step: Step, attachments: Attachments) -> Iterator[Risk]:
    """Tell what is allowed more or denied less than before."""
    kind, act = Kind.POLICY, "widens a policy"
    if step.type == GUARD_RAIL:
        kind, act = Kind.GUARD_RAIL, "widens a guard rail"
    for how in grants.widened(plan, step, attachments):
        yield Risk(kind, act, step.subject, how)
    for path in grants.unreadable(step):
        how = f"{path} is known only during the update"
        yield Risk(Kind.UNKNOWN_POLICY, "may widen a policy", step.subject, how)


def _baseline(plan: Plan) -> Iterator[Risk]:
    """Tell who has to apply a change of what a deploy role may not change about itself."""
    changes = (step for step in plan.changes if step.type.startswith("aws:iam/"))
    subjects = [step.subject for step in changes if BASELINE & set(step.chain)]
    if not subjects:
        return
    stack = catalogue.find(plan.stack)
    is_management = stack.project == catalogue.MANAGEMENT
    who = "the management account's administrator" if is_management else ACCESS_ROLE
    act = f"only {who} may apply this, by hand"
    yield Risk(Kind.BASELINE, act, stack.command, shown(subjects))


def _accounts(plan: Plan) -> Iterator[Risk]:
    """Tell that resources of more than one account change."""
    touched: dict[str, str] = {}
    for step in plan.changes:
        account = plan.account(step)
        provider = step.provider_urn.rpartition("::")[2]
        touched.setdefault(account or step.provider_urn, f"{account or 'unknown'} ({provider})")
    if len(touched) > 1:
        names = ", ".join(touched.values())
        yield Risk(Kind.ACCOUNTS, f"touches {len(touched)} accounts", names)


def _expiries(arguments: Values) -> dict[str, float]:
    """Return after how many days the rules of a bucket delete, by rule."""
    rules = arguments.get("rules")
    found: dict[str, float] = {}
    for rule in cast("list[object]", rules) if isinstance(rules, list) else []:
        for part, unit in (
            ("expiration", "days"),
            ("noncurrentVersionExpiration", "noncurrentDays"),
        ):
            days = number(_at(rule, part, unit))
            if days and locks.is_on(_at(rule, "status")):
                found[f"{part} of rule {_at(rule, 'id')}"] = days
    return found


def _at(value: object, *path: str) -> object:
    for name in path:
        value = cast("Values", value).get(name) if isinstance(value, dict) else None
    return value
