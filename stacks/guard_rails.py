"""The service control policies that the organization's settings ask for.

Both the program that registers them and whoever looks at them take them from here.
"""

from components.service_control import ServiceControlPolicy, UnusableGuardRailsError, policies
from stacks.refusal import refuse
from stacks.settings import OrgSettings


def policies_of(settings: OrgSettings) -> dict[str, list[ServiceControlPolicy]]:
    """Return the policies of each target: the root, the path of an OU or the name of an account.

    Raises UnusableGuardRailsError.
    """
    return policies(settings.guard_rails, settings.terms, settings.limits)


def admitted(settings: OrgSettings) -> dict[str, list[ServiceControlPolicy]]:
    """Return the policies of each target; refuse the update with all that is wrong with them."""
    try:
        return policies_of(settings)
    except UnusableGuardRailsError as error:
        lines = str(error).splitlines()
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        refuse("\n".join([f"The guard rails have {count}; nothing was changed:", *lines]))
