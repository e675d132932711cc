#!/usr/bin/env bash
# Compares what there is with what was deployed, changes neither, and tells people what differs.
# Drift does not end the run: the other stacks are looked at, too.
set -euo pipefail
status=0
.venv/bin/python -m ops drift "$STACK" | tee out/drift.txt || status=$?
if [ "$status" -eq 10 ]; then
    status=0
    aws sns publish --topic-arn "$NOTIFICATIONS_TOPIC" --subject "Drift in $STACK" \
        --message "$(cat out/drift.txt)" >out/message.json
fi
exit "$status"
