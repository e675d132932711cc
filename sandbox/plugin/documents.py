"""JSON documents (policies, OpenAPI bodies): equal when they say the same."""

import json


def canonical(text: str) -> str:
    """The document without white space and with its keys in order, or the text if it is no JSON."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return text
