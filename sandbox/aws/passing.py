"""The roles that a call hands to a service, each of which its caller must be allowed to pass.

Owns which arguments of which calls are such roles, for the services that this project's programs
give roles to. A role that a service gets otherwise is not judged.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from moto.core.exceptions import ServiceException

from sandbox.aws import state
from sandbox.aws.call import Call


class _Passing(NamedTuple):
    service: str
    roles: Callable[[Call], Iterator[str]]


def roles_of(call: Call) -> list[str]:
    """Return the ARNs of the roles that a call passes."""
    passing = _PASSINGS.get((call.service, call.operation))
    return [role for role in passing.roles(call) if role] if passing else []


def service_of(call: Call) -> str:
    """Return the service that a call passes its roles to, as iam:PassedToService has it."""
    return f"{_PASSINGS[call.service, call.operation].service}.amazonaws.com"


def _argument(name: str) -> Callable[[Call], Iterator[str]]:
    def find(call: Call) -> Iterator[str]:
        yield call.text(name)

    return find


def _of_pipeline(call: Call) -> Iterator[str]:
    declared: dict[str, str] = call.parameters.get("pipeline") or {}
    yield declared.get("roleArn", "")


def _role_by_name(call: Call) -> Iterator[str]:
    role = state.role(call.account, call.text("RoleName"))
    yield role.arn if role else ""


def _api_gateway(call: Call) -> Iterator[str]:
    changes: list[dict[str, str]] = call.parameters.get("patchOperations") or []
    yield from (
        change.get("value", "") for change in changes if change["path"] == "/cloudwatchRoleArn"
    )


def _targets(call: Call) -> Iterator[str]:
    targets: list[dict[str, str]] = call.parameters.get("Targets") or []
    yield from (target.get("RoleArn", "") for target in targets)


def _instance(call: Call) -> Iterator[str]:
    """Find the role in the profile of the instances to be launched, or of their template."""
    given = call.parameters
    profile = given.get("IamInstanceProfile") or _of_template(call, given.get("LaunchTemplate"))
    for found in state.iam(call.account).get_instance_profiles():
        if found.name == profile.get("Name") or found.arn == profile.get("Arn"):
            yield from (role.arn for role in found.roles)


def _of_template(call: Call, asked: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the profile in a launch template; none where there is no such template."""
    if not asked:
        return {}
    backend = state.ec2(call.account, call.region)
    name, identifier = asked.get("LaunchTemplateName"), asked.get("LaunchTemplateId", "")
    try:
        template = (
            backend.get_launch_template_by_name(name)
            if name
            else backend.get_launch_template(identifier)
        )
        version = template.get_version(asked.get("Version") or "$Default")
    except ServiceException:
        return {}
    return version.data.get("IamInstanceProfile") or {}


_PASSINGS: Mapping[tuple[str, str], _Passing] = {
    ("apigateway", "UpdateAccount"): _Passing("apigateway", _api_gateway),
    ("autoscaling", "CreateAutoScalingGroup"): _Passing("ec2", _instance),
    ("autoscaling", "UpdateAutoScalingGroup"): _Passing("ec2", _instance),
    ("codebuild", "CreateProject"): _Passing("codebuild", _argument("serviceRole")),
    ("codebuild", "UpdateProject"): _Passing("codebuild", _argument("serviceRole")),
    ("codepipeline", "CreatePipeline"): _Passing("codepipeline", _of_pipeline),
    ("codepipeline", "UpdatePipeline"): _Passing("codepipeline", _of_pipeline),
    ("ec2", "RunInstances"): _Passing("ec2", _instance),
    ("events", "PutTargets"): _Passing("events", _targets),
    ("iam", "AddRoleToInstanceProfile"): _Passing("ec2", _role_by_name),
    ("lambda", "CreateFunction"): _Passing("lambda", _argument("Role")),
    ("lambda", "UpdateFunctionConfiguration"): _Passing("lambda", _argument("Role")),
}
