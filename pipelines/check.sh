#!/usr/bin/env bash
# Format, lint, types and the tests that need no engine.
set -euo pipefail
make check 2>&1 | tee out/check.txt
