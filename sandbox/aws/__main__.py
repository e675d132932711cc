"""`python -m sandbox.aws --port PORT --account MANAGEMENT_ACCOUNT`: serves the embedded AWS.

Prints one line, `listening on PORT`, once it accepts requests, and ends with status 0 on SIGTERM.
"""

import argparse
import logging
import re
import signal
import sys
import warnings

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from sandbox.aws.gateway import Gateway

_HOST = "127.0.0.1"


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an account id of 12 digits")
    return text


def main() -> None:
    """Serves until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws")
    parser.add_argument("--port", type=int, required=True, help="0 means any free port")
    parser.add_argument("--account", type=_account, required=True, help="the management account")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="moto")
    try:
        server = make_server(
            _HOST,
            options.port,
            Gateway(options.account),
            threaded=True,
            request_handler=MotoRequestHandler,
        )
    except (OSError, SystemExit):
        sys.exit(f"Port {options.port} of {_HOST} is in use; choose another one.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on {server.server_port}", flush=True)  # noqa: T201  the contract
    server.serve_forever()


main()
