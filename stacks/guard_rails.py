"""The service control policies that the organization's settings ask for.

Both the program that registers them and whoever looks at them take them from here.
"""

from collections.abc import Iterator

from components.organization import targets_above
from components.service_control import ServiceControlPolicy, UnusableGuardRailsError, policies
from stacks import catalogue
from stacks.refusal import refuse
from stacks.settings import OrgSettings, UnusableSettingsError, config_of

REGIONS = "allowedRegions"
"""The guard rail that denies other regions, and the setting that it takes them from."""


def policies_of(settings: OrgSettings) -> dict[str, list[ServiceControlPolicy]]:
    """Return the policies of each target: the root, the path of an OU or the name of an account.

    Raises UnusableGuardRailsError.
    """
    return policies(settings.guard_rails, settings.terms, settings.limits)


def check_regions(settings: OrgSettings) -> None:
    """Check that no stack of this repository works in a region that a guard rail denies it.

    Raises UnusableSettingsError, a sentence on each line.
    """
    mistakes = "\n".join(_stacks_denied(settings))
    if mistakes:
        raise UnusableSettingsError(mistakes)


def admitted(settings: OrgSettings) -> dict[str, list[ServiceControlPolicy]]:
    """Return the policies of each target; refuse the update with all that is wrong with them."""
    try:
        check_regions(settings)
        return policies_of(settings)
    except UnusableSettingsError as error:
        refuse(str(error))
    except UnusableGuardRailsError as error:
        lines = str(error).splitlines()
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        refuse("\n".join([f"The guard rails have {count}; nothing was changed:", *lines]))


def _stacks_denied(settings: OrgSettings) -> Iterator[str]:
    targets = settings.guard_rails.get(REGIONS, [])
    allowed = settings.terms.allowed_regions
    for stack in catalogue.stacks() if targets else []:
        config = config_of(catalogue.ROOT / stack.settings)
        region = config.get(f"{stack.project}:region", settings.region)  # a lack is said there
        account = settings.accounts.get(stack.account)
        above = targets_above(stack.account, account.ou) if account else []
        if region not in allowed and not set(targets).isdisjoint(above):
            yield (
                f"Stack {stack} works in {region}, which guard rail {REGIONS} denies its account "
                f"{stack.account}; add {region} to org:{REGIONS}, beside {', '.join(allowed)}"
            )
