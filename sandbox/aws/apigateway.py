"""API Gateway (REST APIs) in the embedded AWS: what moto accepts, forgets or cannot do.

Owns the dependencies that AWS enforces (a logging role before logs, an issued certificate before a
domain name, no deletion of what is in use), the import of OpenAPI documents, changes of an API's
policy and endpoint, what a deployment keeps of both, changes of a domain name, and tags. The
resources are moto's.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from moto.apigateway.models import (
    APIGatewayBackend,
    Deployment,
    DomainName,
    RestAPI,
    Stage,
    apigateway_backends,
)
from moto.core.exceptions import JsonRESTError

from iam import policy
from sandbox.aws import acm
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rest_requests import SERVICE, Served, routes_of
from sandbox.aws.rules import Answer, Rule, Rules
from sandbox.aws.trust import trusts_service, unknown_principal

_SERVED = "served"  # the attribute that moto's deployments get
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY_METHOD = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_METHOD_SETTING_PARTS = 2
_ADDRESS_TYPES = ("ipv4", "dualstack")
"""Whether clients reach an endpoint over IPv4 alone, which is the default, or over IPv6 too."""


def install() -> None:
    """Let moto's deployments keep what an API is when they are made."""
    create = RestAPI.create_deployment

    def create_with_copy(
        self: RestAPI, name: str, description: str, stage_variables: object = None
    ) -> Deployment:
        made = create(self, name, description, stage_variables)
        vars(made)[_SERVED] = Served(policy=self.policy, routes=routes_of(self))
        return made

    RestAPI.create_deployment = create_with_copy


def served_by(api: RestAPI, stage: Stage) -> Served | None:
    """Return what a stage serves: the API as its deployment found it."""
    deployment = api.deployments.get(stage.deployment_id or "")
    return vars(deployment)[_SERVED] if deployment else None


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts or answers itself."""
    answers: dict[str, Rule] = {
        "*": _existing,
        "CreateBasePathMapping": _create_base_path_mapping,
        "CreateDomainName": _create_domain_name,
        "CreateRestApi": lambda call: _create_rest_api(call, management_account),
        "CreateStage": _create_stage,
        "DeleteDeployment": _delete_deployment,
        "DeleteDomainName": _delete_domain_name,
        "DeleteRestApi": _delete_rest_api,
        "GetDeployment": _get_deployment,
        "GetDomainName": lambda call: _with_addresses(_domain_name(call).to_json()),
        "GetRestApi": lambda call: _described(_api(call)),
        "GetTags": lambda call: {"tags": _tagged(call).tags or {}},
        "PutRestApi": _put_rest_api,
        "TagResource": _tag_resource,
        "UntagResource": _untag_resource,
        "UpdateAccount": _update_account,
        "UpdateDeployment": _update_deployment,
        "UpdateDomainName": _update_domain_name,
        "UpdateRestApi": lambda call: _update_rest_api(call, management_account),
        "UpdateStage": _update_stage,
    }
    return {("apigateway", operation): answer for operation, answer in answers.items()}


def _backend(call: Call) -> APIGatewayBackend:
    return apigateway_backends[call.account][call.region]


def _refused(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def _existing(call: Call) -> Answer:
    """Moto fails on an API, or on the mappings of a domain name, that it does not know."""
    if call.text("restApiId"):
        _api(call)
    domain = call.text("domainName")
    if domain in _backend(call).domain_names:
        _backend(call).base_path_mappings.setdefault(domain, {})
    return None


# REST APIs


def _api(call: Call) -> RestAPI:
    api = _backend(call).apis.get(call.text("restApiId"))
    if api is None:
        raise AwsError(
            "NotFoundException",
            f"Invalid API identifier specified {call.account}:{call.text('restApiId')}",
        )
    return api


def _create_rest_api(call: Call, management_account: str) -> Answer:
    _check_policy(call.text("policy"), management_account)
    _check_addresses(call.parameters.get("endpointConfiguration") or {})
    return None


def _check_addresses(endpoint: Mapping[str, Any]) -> None:
    kind = endpoint.get("ipAddressType", _ADDRESS_TYPES[0])
    if kind not in _ADDRESS_TYPES:
        raise _refused(f"Invalid value for ipAddressType {kind}: it is ipv4 or dualstack")


def is_dualstack(domain: DomainName) -> bool:
    """Whether clients reach a domain name over IPv6 too."""
    endpoint = cast("Mapping[str, Any]", domain.endpoint_configuration or {})
    return endpoint.get("ipAddressType") == _ADDRESS_TYPES[1]


def _set_addresses(endpoint: object, kind: str) -> None:
    _check_addresses({"ipAddressType": kind})
    cast("dict[str, Any]", endpoint)["ipAddressType"] = kind


def _with_addresses(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the default to an endpoint of which nothing was said, as AWS does."""
    endpoint = described.get("endpointConfiguration") or {"types": ["EDGE"]}
    complete = {"ipAddressType": _ADDRESS_TYPES[0], **endpoint}
    return {**described, "endpointConfiguration": complete}


def _described(api: RestAPI) -> Mapping[str, Any]:
    """Return an API as AWS describes it: its policy is quoted as if inside a JSON string."""
    quoted = json.dumps(api.policy)[1:-1] if api.policy else None
    return _with_addresses({**api.to_dict(), "policy": quoted})


def _check_policy(text: str, management_account: str) -> None:
    if not text:
        return
    try:
        document: policy.Document = json.loads(text)
    except ValueError:
        document = {}
    if policy.problem(document) or unknown_principal(document, management_account):
        raise _refused(
            "Invalid policy document. Please check the policy syntax and ensure that Principals "
            "are valid."
        )


def _put_rest_api(call: Call) -> Answer:
    """Import an OpenAPI document over what is there; the root resource keeps its id."""
    api = _api(call)
    try:
        document: dict[str, Any] = json.loads(call.request.get_data())
    except ValueError:
        raise _refused("Unable to parse the OpenAPI document: it is no JSON.") from None
    if call.text("mode") == "overwrite":
        api.resources = {api.default.id: api.default}
        api.default.resource_methods.clear()
    imported = {**document, "paths": _importable_paths(document)}
    try:
        _backend(call).put_rest_api(api.id, imported, fail_on_warnings=False)
    except JsonRESTError as refusal:
        raise AwsError(refusal.error_type, refusal.message, refusal.code) from refusal
    return _described(api)


def _importable_paths(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the paths with their methods alone, in the form that moto can read."""
    return {
        path: {
            ("any" if method == _ANY_METHOD else method): _importable_method(operation)
            for method, operation in item.items()
            if method in (*_METHODS, _ANY_METHOD)
        }
        for path, item in cast("Mapping[str, Mapping[str, Any]]", document["paths"]).items()
    }


def _importable_method(operation: Mapping[str, Any]) -> dict[str, Any]:
    integration = operation.get(_INTEGRATION)
    if integration is None:
        return dict(operation)
    return {**operation, _INTEGRATION: {"uri": "", "httpMethod": "POST", **integration}}


def _update_rest_api(call: Call, management_account: str) -> Answer:
    """Answered here: moto takes the text "false" for true and knows no removal of most things."""
    api = _api(call)
    for change in _changes(call):
        path, value = change["path"], change.get("value", "")
        if path == "/policy":
            _check_policy(value, management_account)
            api.policy = value or None
        elif path == "/disableExecuteApiEndpoint":
            api.disableExecuteApiEndpoint = value == "true"
        elif path.startswith("/endpointConfiguration/types"):
            api.endpoint_configuration["types"] = [value]
        elif path == "/endpointConfiguration/ipAddressType":
            _set_addresses(api.endpoint_configuration, value)
        elif path == "/minimumCompressionSize":
            api.minimum_compression_size = int(value) if value else None
        else:
            api.apply_patch_operations([{**change, "value": value}])
    return _described(api)


def _changes(call: Call) -> list[dict[str, str]]:
    return list(call.parameters.get("patchOperations") or [])


def _delete_rest_api(call: Call) -> Answer:
    api, mappings = _api(call), _backend(call).base_path_mappings
    domains = [
        domain
        for domain, of_domain in mappings.items()
        if any(mapping.rest_api_id == api.id for mapping in of_domain.values())
    ]
    if domains:
        raise _refused(
            "Please remove all base path mappings related to the API in your domain: "
            f"{', '.join(domains)}"
        )
    return None


# Deployments and stages


def _get_deployment(call: Call) -> Answer:
    if call.text("deploymentId") not in _api(call).deployments:
        raise AwsError("NotFoundException", "Invalid Deployment identifier specified")
    return None


def _delete_deployment(call: Call) -> Answer:
    _get_deployment(call)
    if any(s.deployment_id == call.text("deploymentId") for s in _api(call).stages.values()):
        raise _refused("Active stages pointing to this deployment must be moved or deleted")
    return None


def _update_deployment(call: Call) -> Answer:
    """Answered here: moto has no such operation."""
    _get_deployment(call)
    deployment = _api(call).deployments[call.text("deploymentId")]
    for change in _changes(call):
        if change["path"] == "/description":
            deployment.description = change.get("value", "")
    return deployment.to_json()


def _create_stage(call: Call) -> Answer:
    return _get_deployment(call)


def _update_stage(call: Call) -> Answer:
    """Remove method settings here, because moto ignores it; the rest is left to moto."""
    stage = _api(call).stages.get(call.text("stageName"))
    for change in _changes(call):
        if _switches_logs_on(change) and not _backend(call).account.cloudwatch_role_arn:
            raise _refused(
                "CloudWatch Logs role ARN must be set in account settings to enable logging"
            )
        if change["path"] == "/deploymentId" and change["value"] not in _api(call).deployments:
            raise _refused("Deployment id does not exist")
        method = change["path"].removeprefix("/")
        if stage and change["op"] == "remove" and method.count("/") == _METHOD_SETTING_PARTS - 1:
            stage.method_settings.pop(method, None)
    return None


def _switches_logs_on(change: Mapping[str, str]) -> bool:
    if change["op"] == "remove":
        return False
    if change["path"].startswith("/accessLogSettings/"):
        return True
    return change["path"].endswith("/logging/loglevel") and change["value"] != "OFF"


def _update_account(call: Call) -> Answer:
    for change in _changes(call):
        arn = change.get("value", "")
        if change["path"] != "/cloudwatchRoleArn" or not arn:
            continue
        if not trusts_service(call.account, arn, SERVICE):
            raise _refused(
                "The role ARN does not have required permissions configured. Please grant trust "
                "permission for API Gateway and add the required role policy."
            )
    return None


# Domain names


def _create_domain_name(call: Call) -> Answer:
    if call.text("domainName") in _backend(call).domain_names:
        raise _refused("The domain name you provided already exists.")
    _check_certificate(call, call.text("domainName"), call.text("regionalCertificateArn"))
    _check_addresses(call.parameters.get("endpointConfiguration") or {})
    return None


def _check_certificate(call: Call, domain: str, arn: str) -> None:
    certificate = acm.certificate(call.account, call.region, arn)
    if certificate is None:
        raise _refused(f"The certificate {arn} does not exist in this account and region.")
    if certificate.status != "ISSUED":
        raise _refused(
            f"Unsupported certificate status: {certificate.status}. The certificate {arn} must be "
            "ISSUED."
        )
    wildcard = f"*.{domain.partition('.')[2]}"
    if not {domain, wildcard} & set(acm.names_of(certificate)):
        raise _refused("The domain name is not covered by the provided certificate.")


def _domain_name(call: Call) -> DomainName:
    domain = _backend(call).domain_names.get(call.text("domainName"))
    if domain is None:
        raise AwsError("NotFoundException", "Invalid domain name identifier specified")
    return domain


def _update_domain_name(call: Call) -> Answer:
    """Answered here: moto has no such operation."""
    domain = _domain_name(call)
    for change in _changes(call):
        path, value = change["path"], change.get("value", "")
        if path == "/regionalCertificateArn":
            _check_certificate(call, domain.domain_name, value)
            domain.regional_certificate_arn = value
        elif path == "/endpointConfiguration/ipAddressType":
            _set_addresses(domain.endpoint_configuration, value)
        elif path == "/securityPolicy":
            domain.security_policy = value
        else:
            raise _refused(f"Invalid patch path {path}")
    return _with_addresses(domain.to_json())


def _delete_domain_name(call: Call) -> Answer:
    """Take the mappings of a domain name away with it."""
    _backend(call).base_path_mappings.pop(_domain_name(call).domain_name, None)
    return None


def _create_base_path_mapping(call: Call) -> Answer:
    domain = _domain_name(call).domain_name
    mappings = _backend(call).base_path_mappings.setdefault(domain, {})
    if (call.text("basePath") or "(none)") in mappings:
        raise AwsError("ConflictException", "Base path already exists for this domain name")
    return None


# Tags


def _tagged(call: Call) -> RestAPI | Stage | DomainName:
    """Return what carries the tags: moto knows those of stages only."""
    path = call.text("resourceArn").split("::/", 1)[-1].split("/")
    backend = _backend(call)
    found: RestAPI | Stage | DomainName | None = None
    match path:
        case ["restapis", api]:
            found = backend.apis.get(api)
        case ["restapis", api, "stages", stage] if api in backend.apis:
            found = backend.apis[api].stages.get(stage)
        case ["domainnames", domain]:
            found = backend.domain_names.get(domain)
        case _:
            pass
    if found is None:
        raise AwsError("NotFoundException", f"Invalid resource {call.text('resourceArn')}")
    return found


def _tag_resource(call: Call) -> Answer:
    tagged = _tagged(call)
    tagged.tags = {**(tagged.tags or {}), **call.parameters["tags"]}
    return {}


def _untag_resource(call: Call) -> Answer:
    tagged, gone = _tagged(call), call.parameters["tagKeys"]
    tagged.tags = {key: value for key, value in (tagged.tags or {}).items() if key not in gone}
    return {}
