"""acm"""
from sandbox.aws.rules import Rules
RULES: Rules = {}
def install() -> None: ...
