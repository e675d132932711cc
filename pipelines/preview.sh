#!/usr/bin/env bash
# What the update would do: the engine's own words for machines, the risks of it for people.
# Ends the pipeline when a person has to apply the change, since its role could do half of it only.
set -euo pipefail
project=${STACK%/*}
folder=stacks/$project
[ -d "$folder" ] || folder=.
pulumi -C "$folder" preview --stack "${STACK#*/}" --json >out/preview.json || true # risk says why
.venv/bin/python -m ops risk out/preview.json --notice --link "$COMMIT_LINK$(git rev-parse HEAD)" >out/notice.txt
.venv/bin/python -m ops risk out/preview.json --pipeline | tee out/summary.txt
