#!/usr/bin/env bash
# What the update would do: the engine's own words for machines, the risks of it for people.
# Ends the pipeline when a person has to apply the change, since its role could do half of it only.
set -euo pipefail
project=${STACK%/*}
folder=stacks/$project
[ -d "$folder" ] || folder=.
pulumi -C "$folder" preview --stack "${STACK#*/}" --json --show-sames >out/preview.json || true # risk says why

# Nobody is asked to approve what the release gate will not take.
if refused=$(grep --only-matching 'Stack [^"]* does not take this checkout: [^"\\]*' out/preview.json); then
    printf '%s\n' "$refused" | tee out/summary.txt
    exit 1
fi

severity=0
.venv/bin/python -m ops risk out/preview.json | tee out/summary.txt || severity=$?
case $severity in
0 | 10 | 20 | 30) ;;
*) exit "$severity" ;;
esac
if [ "$STACK" = org/main ]; then
    {
        printf '\nGuard rails, compared with the commit that the stack runs:\n'
        running=$(pulumi -C "$folder" stack output release_commit --stack "${STACK#*/}") &&
            .venv/bin/python -m ops guard-rails --against "$running" ||
            echo "What they allow or deny unlike before is not told."
    } 2>&1 | tee -a out/summary.txt
fi
link=$COMMIT_LINK$(git rev-parse HEAD)
.venv/bin/python -m ops risk out/preview.json --notice --link "$link" >out/notice.txt || [ $? -eq "$severity" ]
