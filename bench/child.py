"""The process that is measured: runs one program under the mocks and prints what that took."""

import sys
from time import perf_counter

STARTED = perf_counter()

from bench.mocked import run  # noqa: E402 - the clock runs while the SDK is imported

if __name__ == "__main__":
    run(sys.stdin.read(), STARTED)
