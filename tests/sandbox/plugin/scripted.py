"""An AWS that answers as it is told, for what the embedded one does not do."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.values import Values
from tests.sandbox.plugin.world import REGION


class ScriptedAws:
    """Gives each operation its answers in turn, the last one for ever, and keeps the calls."""

    def __init__(self, answers: Mapping[str, Sequence[Values | AwsError]]) -> None:
        self.answers = {operation: list(told) for operation, told in answers.items()}
        self.calls: list[tuple[str, Values]] = []

    def call(self, _service: str, _region: str, operation: str, parameters: Values) -> Values:
        given = {name: value for name, value in parameters.items() if value is not None}
        self.calls.append((operation, given))
        told = self.answers.get(operation, [{}])
        answer = told.pop(0) if len(told) > 1 else told[0]
        if isinstance(answer, AwsError):
            raise answer
        return answer

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _parameters in self.calls]


def scripted(**answers: Sequence[Values | AwsError]) -> tuple[Account, ScriptedAws]:
    """An account, and the AWS behind it."""
    aws: Any = ScriptedAws(answers)
    return Account(session=aws, id="222222222222", region=REGION, timeout=5), aws


def refusal(code: str, message: str = "") -> AwsError:
    return AwsError(f"{code}: {message}", code)
