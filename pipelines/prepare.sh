#!/usr/bin/env bash
# Makes a clone ready for a step: every branch and tag, the engine, the locked packages.
set -euo pipefail
mkdir -p out
git fetch --quiet --force --tags --prune origin '+refs/heads/*:refs/remotes/origin/*'
if ! command -v pulumi >/dev/null; then
    # The version that the tests run with; its archive and no script, which could change.
    version=$(sed -n 's,^\tgithub.com/pulumi/pulumi/pkg/v3 v,,p' sandbox/golang/cli/go.mod)
    version=${version%% *}
    case $(uname -m) in
    aarch64) machine=arm64 ;;
    *) machine=x64 ;;
    esac
    mkdir -p ~/.pulumi/bin
    curl --fail --silent --show-error --location \
        "https://github.com/pulumi/pulumi/releases/download/v$version/pulumi-v$version-linux-$machine.tar.gz" |
        tar --extract --gzip --strip-components 1 --directory ~/.pulumi/bin
fi
[ -e .venv ] || make venv
# From before the state moved to a key of KMS; the engine would ask for a passphrase.
sed --in-place '/^encryptionsalt:/d' Pulumi.*.yaml stacks/*/Pulumi.*.yaml
git rev-parse HEAD >out/commit.txt
