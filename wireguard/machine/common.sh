# What the host's programs share: the settings, and what the instance knows of itself.
set -euo pipefail
umask 077
# shellcheck source=settings
. /opt/vpn/settings
export AWS_DEFAULT_REGION="$REGION"
run=/run/vpn # memory: the private key is never on the disk
configuration=$run/wg0.conf

metadata() {
    local token
    token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        http://169.254.169.254/latest/api/token)
    curl -sf -m 5 -H "X-aws-ec2-metadata-token: $token" \
        "http://169.254.169.254/latest/meta-data/$1"
}

has_address() {
    [ "$(metadata public-ipv4)" = "$PUBLIC_IP" ]
}

take_address() {
    aws ec2 associate-address --allocation-id "$ALLOCATION_ID" \
        --instance-id "$(metadata instance-id)" "$1" >/dev/null
}

stored() {
    aws ssm get-parameter --name "$1" --with-decryption --query Parameter.Value --output text
}

fail() {
    echo "$1" >&2
    exit 1
}
