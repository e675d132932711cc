"""The form of a rule: what a module of one service adds to moto for one operation.

A rule gets an authorised call. It raises an `AwsError` to refuse the call, returns the result to
answer the call itself, or returns None to leave the call to moto.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sandbox.aws.call import Call

Answer: TypeAlias = Mapping[str, Any] | None
Rule: TypeAlias = Callable[[Call], Answer]
Rules: TypeAlias = Mapping[tuple[str, str], Rule]
