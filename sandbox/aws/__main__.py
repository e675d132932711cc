"""`python -m sandbox.aws --port PORT --account MANAGEMENT_ACCOUNT`: serves the embedded AWS.

Prints one line, `listening on PORT`, once it accepts requests, and ends with status 0 on SIGTERM.
"""

import argparse
import logging
import os
import re
import signal
import socket
import sys
import warnings
from types import FrameType

from werkzeug.serving import make_server

from sandbox.aws.edge import FrontDoor
from sandbox.aws.gateway import Gateway

_HOST = "127.0.0.1"


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no account id: it has 12 digits")
    return text


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Serve until a signal says to end."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws")
    parser.add_argument("--port", type=int, required=True, help="0 means any free port")
    parser.add_argument("--account", type=_account, required=True, help="the management account")
    options = parser.parse_args()
    try:
        listener = socket.create_server((_HOST, options.port))
    except OSError as error:
        sys.exit(
            f"The embedded AWS cannot use port {options.port}: {os.strerror(error.errno or 0)}."
        )
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
    warnings.filterwarnings("ignore", module="moto")  # errors that a service's model leaves out
    port: int = listener.getsockname()[1]
    server = make_server(
        _HOST,
        port,
        Gateway(options.account),
        threaded=True,
        request_handler=FrontDoor,
        fd=listener.fileno(),
    )
    print(f"listening on {port}", flush=True)  # noqa: T201  whoever started it waits for this line
    server.serve_forever()


if __name__ == "__main__":
    main()
