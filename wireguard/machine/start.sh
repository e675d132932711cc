#!/bin/bash
# Brings the VPN up, at every boot. Whatever fails ends it, and systemd tries again.
# shellcheck source=common
. /opt/vpn/common

# First of all, so that every later connection comes from the address that stays.
has_address || take_address --allow-reassociation
for _ in {1..60}; do
    has_address && break
    sleep 1
done
has_address || fail "The Elastic IP $PUBLIC_IP did not arrive within a minute."

# The repository of the image's own day may not have wireguard-tools yet: Amazon added it late.
type wg wg-quick nft &>/dev/null || dnf -y install --releasever=latest wireguard-tools nftables

mkdir -p "$run"
key=$run/key
if ! stored "$PRIVATE_KEY" >"$key" 2>"$run/reason"; then
    # Only AWS's word that there is no key allows a new one: every client knows the old one.
    grep -q '(ParameterNotFound)' "$run/reason" || fail "$(<"$run/reason")"
    # Without the line's end, which would become part of the value; from a file, since everybody
    # sees a command line.
    wg genkey | tr -d '\n' >"$run/new-key"
    aws ssm put-parameter --name "$PRIVATE_KEY" --type SecureString --key-id "$KEY_ARN" \
        --no-overwrite --value "file://$run/new-key" >/dev/null 2>"$run/reason" ||
        grep -q '(ParameterAlreadyExists)' "$run/reason" || fail "$(<"$run/reason")"
    rm "$run/new-key"
    # What counts is what is stored: another host may have been faster.
    stored "$PRIVATE_KEY" >"$key"
fi
public_key=$(wg pubkey <"$key") || fail "$PRIVATE_KEY holds no key."
if [ "$(stored "$PUBLIC_KEY" || true)" != "$public_key" ]; then
    aws ssm put-parameter --name "$PUBLIC_KEY" --type String --overwrite --value "$public_key" \
        >/dev/null
fi

# A host that forwards ignores router advertisements unless this is 2, and loses its way out.
read -r _ _ _ _ uplink _ < <(ip -4 route show default)
sysctl -qw "net.ipv6.conf.$uplink.accept_ra=2" net.ipv6.conf.all.forwarding=1 \
    net.ipv4.ip_forward=1
# Before the tunnel is there: what comes out of it is filtered from the first packet on.
nft --define "ipv4=$NETWORK_IPV4" --define "ipv6=$NETWORK_IPV6" -f /opt/vpn/rules.nft

if ip link show wg0 &>/dev/null; then
    ip link delete wg0
fi
rm -f "$run/peers"
cat >"$configuration" <<END
[Interface]
PrivateKey = $(<"$key")
ListenPort = $PORT
Address = $HOST_ADDRESSES
MTU = $MTU
Table = off
END
rm "$key"
wg-quick up "$configuration"
/opt/vpn/peers || echo "The timer tries again." >&2
