#!/usr/bin/env bash
# Updates the stack from this very commit; the release gate has the last word.
set -euo pipefail
.venv/bin/python -m ops up "$STACK" --here --yes | tee out/update.txt
