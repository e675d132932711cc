#!/bin/bash
# Says that the host is healthy: it has its address, the key that clients are told is the
# tunnel's, and the peers were read of late. An alarm notices when nobody says so.
# shellcheck source=common
. /opt/vpn/common

# It takes an address that nobody has, and never another host's: the one that booted last keeps
# it, or two hosts would take it from each other every minute.
has_address || take_address --no-allow-reassociation
told=$(stored "$PUBLIC_KEY")
[ "$(wg show wg0 public-key)" = "$told" ] || fail "The tunnel has another key."
[ -n "$(find "$run/read" -mmin -3)" ] || fail "The peers were not read for three minutes."
aws cloudwatch put-metric-data --namespace "$METRIC_NAMESPACE" --metric-name "$METRIC_NAME" \
    --value 1
