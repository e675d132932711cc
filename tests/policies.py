"""What a policy decides about one request, for the tests of policy documents."""

from typing import Any

from iam.policy import Effect, Request, evaluate


def judged(
    document: dict[str, Any], action: str, resource: str, context: dict[str, str] | None = None
) -> Effect:
    """Return what a document says to a request; condition keys are written as AWS writes them."""
    keys = {key.lower(): (value,) for key, value in (context or {}).items()}
    return evaluate([document], Request(action=action, resource=resource, context=keys))
