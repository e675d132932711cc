"""The form of a rule: what a module of one service adds to moto for one operation.

A rule gets an authorised call. It raises an `AwsError` to refuse the call, returns the result to
answer the call itself, or returns None to leave the call to moto. What takes long or calls AWS in
turn it returns as a function, which makes the result while other requests are answered.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sandbox.aws.call import Call

Later: TypeAlias = Callable[[], Mapping[str, Any]]
Answer: TypeAlias = Mapping[str, Any] | Later | None
Rule: TypeAlias = Callable[[Call], Answer]
Rules: TypeAlias = Mapping[tuple[str, str], Rule]
