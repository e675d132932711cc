"""S3 Control at an address that is no name, where boto3 cannot reach it by itself.

boto3 puts the account's id before the host, and no option turns that off. Before the embedded AWS's
address it makes a name that nobody resolves. The id is also in a header, where AWS documents it.
"""

import re
from typing import Any

_ACCOUNT_BEFORE_ADDRESS = re.compile(r"(?<=://)\d{12}\.(?=\d+\.\d+\.\d+\.\d+[:/])")


def keep_host(client: Any) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
    """Let a client, if it is one of S3 Control, send to the very address that it was given."""
    client.meta.events.register("before-call.s3-control", _without_account)


def _without_account(params: dict[str, Any], **_event: object) -> None:
    params["url"] = _ACCOUNT_BEFORE_ADDRESS.sub("", params["url"])
