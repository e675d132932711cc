"""One decision by service control policies, as a truth table makes them by the thousand.

The levels are the root, two units and an account, each with FullAWSAccess and two packed policies
of eight statements of the kinds that guard rails are made of.
"""

from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console

from bench.tables import table, verdict
from iam.policy import EVERYTHING, Context, Request
from iam.service_control import Level, decide

RUNS = 2_000
LIMIT = 50.0
MICROSECONDS = 1e6
MANAGEMENT, MEMBER = "111111111111", "222222222222"
NAMES = ("Root", "Workloads", "Prod", "prod")
CONTEXT: Context = {
    "aws:principalarn": (f"arn:aws:iam::{MEMBER}:role/administrator",),
    "aws:principalaccount": (MEMBER,),
    "aws:requestedregion": ("eu-central-1",),
}
ASKED = {
    "dynamodb:DeleteTable": f"arn:aws:dynamodb:eu-central-1:{MEMBER}:table/items",
    "ec2:RunInstances": f"arn:aws:ec2:eu-central-1:{MEMBER}:instance/*",
    "iam:DeleteRole": f"arn:aws:iam::{MEMBER}:role/other",
    "lambda:InvokeFunction": f"arn:aws:lambda:eu-central-1:{MEMBER}:function:pay",
    "s3:DeleteBucket": "arn:aws:s3:::prod-data-eu",
    "s3:GetObject": "arn:aws:s3:::prod-site/index.html",
}
EXEMPT = {"ArnNotLike": {"aws:PrincipalArn": [f"arn:aws:iam::*:role/{n}" for n in ("a", "b", "c")]}}


def measure(console: Console) -> None:
    """Decide on each of the requests in turns, with actions asked before and with new ones."""
    requests = [_request(action, ASKED[action]) for action in ASKED]
    asked, first, made = list[float](), list[float](), list[float]()
    with console.status("decisions"):
        levels = _levels()
        for run in range(RUNS):
            for request in requests:
                asked.append(_seconds(levels, request))
                first.append(_seconds(levels, _request(f"{request.action}{run}", request.resource)))
        for _ in range(RUNS // 100):
            start = perf_counter()
            decide(_levels(), requests[0], MANAGEMENT)
            made.append(perf_counter() - start)

    shown = table(
        f"(g) one decision over {len(NAMES)} levels, median of {RUNS * len(ASKED)}",
        *("action", "µs", "limit", ""),
    )
    shown.add_row("asked before", *verdict(median(asked) * MICROSECONDS, LIMIT))
    shown.add_row("asked for the first time", *verdict(median(first) * MICROSECONDS, LIMIT))
    shown.add_row("policies compiled as well", f"{median(made) * MICROSECONDS:.2f}")
    console.print(shown)


def _request(action: str, resource: str) -> Request:
    return Request(action=action, resource=resource, context=CONTEXT)


def _seconds(levels: list[Level], request: Request) -> float:
    start = perf_counter()
    _ = decide(levels, request, MANAGEMENT).allowed
    return perf_counter() - start


def _levels() -> list[Level]:
    return [
        Level(name, {"FullAWSAccess": EVERYTHING, "1": _policy(), "2": _policy()}) for name in NAMES
    ]


def _policy() -> dict[str, Any]:
    root = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}}
    worldwide = [
        "acm:*",
        "cloudfront:*",
        "iam:*",
        "organizations:*",
        "route53:*",
        "s3:Get*",
        "sts:*",
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _deny("organizations:LeaveOrganization"),
            _deny("dynamodb:DeleteTable*", "es:DeleteDomain", "rds:DeleteDB*", "qldb:DeleteLedger"),
            _deny("*", Condition={**root, "Null": {"aws:AssumedRoot": "true"}}),
            _deny("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateUser"),
            _deny("iam:*Role*", Resource=["arn:aws:iam::*:role/deploy*"], Condition=EXEMPT),
            _deny("s3:DeleteBucket", "s3:DeleteObject*", Resource="arn:aws:s3:::*-safe-*"),
            _deny("ec2:DisableEbsEncryptionByDefault", "s3:PutAccount*", Condition=EXEMPT),
            {
                "Effect": "Deny",
                "NotAction": worldwide,
                "Resource": "*",
                "Condition": {**elsewhere, **EXEMPT},
            },
        ],
    }


def _deny(*actions: str, **elements: object) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*", **elements}
