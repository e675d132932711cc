#!/usr/bin/env bash
# Makes a clone ready for a step: every branch and tag, the engine, the locked packages.
set -euo pipefail
mkdir -p out
git fetch --quiet --force --tags --prune origin '+refs/heads/*:refs/remotes/origin/*'
if ! command -v pulumi >/dev/null; then
    # The version that the tests run with.
    version=$(sed -n 's,^\tgithub.com/pulumi/pulumi/pkg/v3 v,,p' sandbox/golang/cli/go.mod)
    curl --fail --silent --show-error --location https://get.pulumi.com | sh -s -- --version "${version%% *}"
fi
[ -e .venv ] || make venv
# From before the state moved to a key of KMS; the engine would ask for a passphrase.
sed --in-place '/^encryptionsalt:/d' Pulumi.*.yaml stacks/*/Pulumi.*.yaml
git rev-parse HEAD >out/commit.txt
