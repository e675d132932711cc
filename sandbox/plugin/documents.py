"""JSON documents (policies, OpenAPI bodies): equal when they say the same."""

import json


def canonical(text: str) -> str:
    """Return the document without white space and with its keys in order.

    What is no JSON is returned as it is.
    """
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return text
