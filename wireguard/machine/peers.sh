#!/bin/bash
# Makes the peers of the tunnel those of the parameters. A failed read changes nothing.
# shellcheck source=common
. /opt/vpn/common

exec 9>"$run/lock"
flock 9
aws ssm get-parameters-by-path --path "$PEERS_PATH" --query 'Parameters[].[Name,Value]' \
    --output text |
    python3 -I /opt/vpn/peer_sections.py "$NETWORK_IPV4" "$NETWORK_IPV6" >"$run/peers.new"
touch "$run/read"
if ! cmp -s "$run/peers.new" "$run/peers"; then
    wg-quick strip "$configuration" | cat - "$run/peers.new" >"$run/next.conf"
    # Unlike setconf it leaves alone whoever stays.
    wg syncconf wg0 "$run/next.conf"
    mv "$run/peers.new" "$run/peers"
    echo "Peers: $(grep -c PublicKey "$run/peers" || true)."
fi
