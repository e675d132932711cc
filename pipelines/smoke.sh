#!/usr/bin/env bash
# Asks what was deployed whether it works.
set -euo pipefail
.venv/bin/python -m ops smoke "$STACK" | tee out/smoke.txt
