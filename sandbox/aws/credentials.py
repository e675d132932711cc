"""Who may call the embedded AWS, and as whom.

Owns the operator's fixed access key and the temporary credentials that AssumeRole hands out. Which
roles may be assumed is decided in `sts`; what a caller may do is decided in `authorization`. The
secret of a key is not checked: a laptop's loopback port guards nothing worth a signature.
"""

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ACCESS_KEY_ID = "AKIASANDBOXMANAGEMEN"
SECRET_ACCESS_KEY = "sandbox"  # noqa: S105  the sandbox's fixed key opens nothing outside it

_KEY_ALPHABET = string.ascii_uppercase + "234567"


def _unique_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16))


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A caller: the operator (an IAM user of the management account), a session, a root user.

    `arn` is what GetCallerIdentity answers; `identity_arn` is the user or role behind it, which is
    what policies name and what `aws:PrincipalArn` holds. A root user whose session the management
    account took is an assumed one.
    """

    account: str
    arn: str
    identity_arn: str
    unique_id: str
    role_name: str | None = None
    session_policy: str | None = None
    is_assumed_root: bool = False

    @property
    def is_root(self) -> bool:
        """Whether it is the root user of its account."""
        return self.identity_arn.endswith(":root")


ANONYMOUS = Principal(account="", arn="anonymous", identity_arn="anonymous", unique_id="anonymous")
"""The caller behind a key that AWS does not know."""


@dataclass(frozen=True, kw_only=True)
class SessionCredentials:
    """What AssumeRole hands out, and for whom it is valid until when."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: datetime
    principal: Principal

    @property
    def keys(self) -> dict[str, str]:
        """What its holder signs requests with, as STS names it."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "SessionToken": self.session_token,
        }


@dataclass
class Credentials:
    """Every access key that the embedded AWS accepts."""

    management_account: str
    _sessions: dict[str, SessionCredentials] = field(default_factory=dict[str, SessionCredentials])

    def operator(self) -> Principal:
        """Return the person at the keyboard: an administrator of the management account."""
        arn = f"arn:aws:iam::{self.management_account}:user/operator"
        return Principal(
            account=self.management_account,
            arn=arn,
            identity_arn=arn,
            unique_id="AIDASANDBOXOPERATOR0",
        )

    def issue(self, principal: Principal, lifetime: timedelta) -> SessionCredentials:
        """Make temporary credentials for the session of a role or a root user."""
        session = SessionCredentials(
            access_key_id=_unique_id("ASIA"),
            secret_access_key=secrets.token_urlsafe(30),
            session_token=secrets.token_urlsafe(120),
            expires=datetime.now(UTC) + lifetime,
            principal=principal,
        )
        self._sessions[session.access_key_id] = session
        return session

    def authenticate(self, access_key_id: str, session_token: str | None) -> Principal | None:
        """Return the caller behind a key, or None where AWS would not know the key or its token."""
        if access_key_id == ACCESS_KEY_ID:
            return self.operator()
        session = self._sessions.get(access_key_id)
        if session is None or session.session_token != session_token:
            return None
        return session.principal if datetime.now(UTC) < session.expires else None
