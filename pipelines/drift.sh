#!/usr/bin/env bash
# Compares what there is with what was deployed, and changes neither.
set -euo pipefail
.venv/bin/python -m ops drift "$STACK" | tee out/drift.txt
