"""The paths of the embedded AWS for what AWS has no API for, apart from instances' metadata."""

FINISHED_CONNECTIONS = "/_console/connections/"
"""Before a connection's ARN: the click in the console that finishes its handshake."""

USED_CONNECTIONS = "/_service/use-connection"
"""Where a service that uses a connection for somebody sends GetConnection.

The permission to use one, `codeconnections:UseConnection`, has no operation of its own.
"""

SERVICE_SESSIONS = "/_service/session"
"""Where a service asks for the session of a role that trusts it."""

ROOT_SESSIONS = "/_console/root/"
"""Before an account's id: a person signs in as its root user in the console."""

AUTHORITY = "/_edge/authority.pem"
"""Where a client finds the certificate that it has to trust to reach public names by HTTPS."""
