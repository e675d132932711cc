"""The instance metadata service of every running instance, at a path of its own.

Owns what an instance learns about itself and the credentials of its role. Each instance finds its
service at `/_instance/ACCOUNT/REGION/INSTANCE_ID/latest/...`, and the standard variable
`AWS_EC2_METADATA_SERVICE_ENDPOINT` can point there. Version 1, without a token, answers where the
instance's options allow it. The hop limit is not kept: a request has no hops here.
"""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from moto.core.request import Request as HttpRequest
from moto.iam.models import Role
from werkzeug.wrappers import Response

from sandbox.aws import state
from sandbox.aws.credentials import Credentials, SessionCredentials
from sandbox.aws.sts import role_session
from sandbox.aws.trust import trusts_service

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from moto.ec2.models.instances import Instance

PREFIX = "/_instance/"
_PATH = re.compile(rf"{PREFIX}(\d{{12}})/([a-z0-9-]+)/(i-[0-9a-f]+)/latest/(.*)")
_SERVICE = "ec2.amazonaws.com"
_LONGEST_TOKEN = 21600  # seconds (EC2 user guide, "Use the Instance Metadata Service")
_SESSION = timedelta(hours=6)
_RENEWAL = timedelta(minutes=5)
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 400, 401, 403, 404


class InstanceMetadata:
    """Every instance's metadata service."""

    def __init__(self, credentials: Credentials) -> None:
        """Hand out sessions of roles among the given credentials."""
        self._credentials = credentials
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._sessions: dict[tuple[str, str], SessionCredentials] = {}

    def answer(self, environ: "WSGIEnvironment") -> Response:
        """Answer one request to a path that begins with the prefix."""
        request = HttpRequest(environ)
        found = _PATH.fullmatch(request.path)
        instance = _instance(found[1], found[2], found[3]) if found else None
        if found is None or instance is None:
            return Response(status=_NOT_FOUND)
        if instance.metadata_options.http_endpoint != "enabled":
            return Response(status=_FORBIDDEN)
        path = found[4].strip("/")
        if path == "api/token":
            return self._token(request, instance)
        if not self._is_let_in(request, instance):
            return Response(status=_UNAUTHORIZED)
        return _text(self._entries(instance), path)

    def _token(self, request: HttpRequest, instance: "Instance") -> Response:
        header = "X-aws-ec2-metadata-token-ttl-seconds"
        seconds = request.headers.get(header, "")
        if request.method != "PUT" or not seconds.isdecimal():
            return Response(status=_BAD_REQUEST)
        if not 1 <= int(seconds) <= _LONGEST_TOKEN:
            return Response(status=_BAD_REQUEST)
        token = secrets.token_urlsafe(40)
        self._tokens[token] = (instance.id, datetime.now(UTC) + timedelta(seconds=int(seconds)))
        return Response(token, headers={header: seconds})

    def _is_let_in(self, request: HttpRequest, instance: "Instance") -> bool:
        token = request.headers.get("X-aws-ec2-metadata-token")
        if token is None:
            return instance.metadata_options.http_tokens != "required"
        owner, end = self._tokens.get(token, ("", datetime.now(UTC)))
        return owner == instance.id and datetime.now(UTC) < end

    def _entries(self, instance: "Instance") -> Mapping[str, str]:
        """Return what stands at each path."""
        interface = instance.nics[0]
        vpc = instance.ec2_backend.get_vpc(interface.vpc_id)
        network = f"meta-data/network/interfaces/macs/{interface.mac_address}"
        ipv6: list[str] = vars(interface)["ipv6_addresses"]
        entries: dict[str, str | None] = {
            "dynamic/instance-identity/document": _identity(instance),
            "meta-data/ami-id": instance.image_id,
            "meta-data/hostname": instance.private_dns_name,
            "meta-data/instance-id": instance.id,
            "meta-data/instance-type": instance.instance_type,
            "meta-data/ipv6": next(iter(ipv6), None),
            "meta-data/local-ipv4": instance.private_ip,
            "meta-data/mac": interface.mac_address,
            "meta-data/placement/availability-zone": instance.availability_zone,
            "meta-data/placement/region": instance.ec2_backend.region_name,
            "meta-data/public-ipv4": instance.public_ip,
            f"{network}/ipv6s": "\n".join(ipv6),
            f"{network}/vpc-ipv4-cidr-block": vpc.cidr_block,
            "user-data": instance.user_data.decode() if instance.user_data else None,
            **self._role(instance),
        }
        return {path: value for path, value in entries.items() if value}

    def _role(self, instance: "Instance") -> Mapping[str, str]:
        """Return what stands there only for an instance whose profile has a role."""
        given = cast("Mapping[str, str] | None", instance.iam_instance_profile) or {}
        arn = given.get("Arn", "")
        profiles = state.iam(instance.owner_id).instance_profiles.values()
        role = next((role for found in profiles if found.arn == arn for role in found.roles), None)
        if role is None:
            return {}
        session = self._security_credentials(role, instance.id)
        return {
            "meta-data/iam/info": json.dumps({"Code": "Success", "InstanceProfileArn": arn}),
            f"meta-data/iam/security-credentials/{role.name}": json.dumps(session),
        }

    def _security_credentials(self, role: Role, instance: str) -> Mapping[str, str]:
        now = datetime.now(UTC)
        if not trusts_service(role.account_id, role.arn, _SERVICE):
            return {
                "Code": "AssumeRoleUnauthorizedAccess",
                "Message": f"EC2 cannot assume the role {role.name}.",
                "LastUpdated": _moment(now),
            }
        session = self._sessions.get((instance, role.id))
        if session is None or session.expires - now < _RENEWAL:
            session = self._credentials.issue(role_session(role, instance), _SESSION)
            self._sessions[instance, role.id] = session
        return {
            "Code": "Success",
            "LastUpdated": _moment(session.expires - _SESSION),
            "Type": "AWS-HMAC",
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "Expiration": _moment(session.expires),
        }


def _instance(account: str, region: str, name: str) -> "Instance | None":
    found = state.ec2(account, region).get_instance_by_id(name)
    return found if found is not None and found.is_running() else None


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _identity(instance: "Instance") -> str:
    """Return the instance identity document."""
    return json.dumps(
        {
            "accountId": instance.owner_id,
            "architecture": instance.architecture,
            "availabilityZone": instance.availability_zone,
            "imageId": instance.image_id,
            "instanceId": instance.id,
            "instanceType": instance.instance_type,
            "pendingTime": _moment(instance.launch_time),
            "privateIp": instance.private_ip,
            "region": instance.ec2_backend.region_name,
            "version": "2017-09-30",
        }
    )


def _text(entries: Mapping[str, str], path: str) -> Response:
    """Answer an entry, or the names of those one level below a path."""
    if path in entries:
        return Response(entries[path], mimetype="text/plain")
    below = [name.removeprefix(f"{path}/") for name in entries if name.startswith(f"{path}/")]
    if not below:
        return Response(status=_NOT_FOUND)
    names = {name.partition("/")[0] + ("/" if "/" in name else "") for name in below}
    return Response("\n".join(sorted(names)), mimetype="text/plain")
