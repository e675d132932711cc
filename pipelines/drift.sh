#!/usr/bin/env bash
# Compares what there is with what was deployed, changes neither, and tells people what differs.
# Neither drift nor a stack that cannot be compared ends the run: the others are looked at, too.
set -euo pipefail
status=0
.venv/bin/python -m ops drift "$STACK" | tee out/drift.txt || status=$?
if [ "$status" -ne 0 ]; then
    aws sns publish --topic-arn "$NOTIFICATIONS_TOPIC" --subject "Drift in $STACK" \
        --message "$(cat out/drift.txt)" >out/message.json # without words it fails, as it should
fi
