"""API Gateway: REST APIs from an OpenAPI body, their deployments and stages, and custom domains."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

import json
from datetime import datetime
from typing import ClassVar, cast

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.documents import canonical
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    AutoName,
    Resource,
    block,
    boolean,
    document,
    integer,
    number,
    string,
    string_map,
    strings,
)
from sandbox.plugin.tags import tag_changes
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "apigateway"
_CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
_NO_BASE_PATH = "(none)"  # what AWS calls the mapping of a whole domain


def _replace(path: str, value: object) -> Values:
    if isinstance(value, bool):
        value = str(value).lower()
    return {"op": "replace", "path": path, "value": str(value)}


def _remove(path: str) -> Values:
    return {"op": "remove", "path": path}


def _arn(account: Account, path: str) -> str:
    return f"arn:aws:apigateway:{account.region}::/{path}"


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _retag(account: Account, arn: str, old: Values, new: Values) -> None:
    to_set, to_remove = tag_changes(old, new)
    if to_remove:
        account.call(_SERVICE, "UntagResource", resourceArn=arn, tagKeys=to_remove)
    if to_set:
        account.call(_SERVICE, "TagResource", resourceArn=arn, tags=to_set)


def _parts(resource_id: str, known: Values, *names: str) -> list[str]:
    """Return the parts of a resource's place, known already or from an import's id."""
    if all(name in known for name in names):
        return [str(known[name]) for name in names]
    parts = resource_id.split("/", len(names) - 1)
    if len(parts) != len(names):
        raise AwsError(f"this is imported by {'/'.join(names)}, not {resource_id}")
    return parts


_IP_ADDRESS_TYPE = string(computed=True, choices=("ipv4", "dualstack"))

_ENDPOINTS = block(
    {
        "ipAddressType": _IP_ADDRESS_TYPE,
        "types": string(required=True, choices=("EDGE", "REGIONAL", "PRIVATE")),
        "vpcEndpointIds": strings(carried=False),
    },
    computed=True,
)


def _endpoints(args: Values) -> Values | None:
    wanted = args.get("endpointConfiguration")
    if not wanted:
        return None
    found = {"types": [wanted["types"]], "ipAddressType": wanted.get("ipAddressType")}
    return {key: value for key, value in found.items() if value is not None}


def _live_endpoints(live: Values) -> Values | None:
    found = live.get("endpointConfiguration")
    if not found or not found.get("types"):
        return None
    kind = found.get("ipAddressType")
    return {"types": found["types"][0]} | ({"ipAddressType": kind} if kind else {})


def _endpoint_patches(old: Values | None, new: Values | None) -> list[Values]:
    before, after = old or {}, new or {}
    patches: list[Values] = []
    if after.get("types") and before.get("types") != after["types"]:
        path = f"/endpointConfiguration/types/{before.get('types', 0)}"
        patches.append(_replace(path, after["types"]))
    if after.get("ipAddressType") and before.get("ipAddressType") != after["ipAddressType"]:
        patches.append(_replace("/endpointConfiguration/ipAddressType", after["ipAddressType"]))
    return patches


class RestApi(Resource):
    """A REST API; its id is AWS's. What `body` says is told to AWS, but cannot be read back."""

    type_name = "aws:apigateway/restApi:RestApi"
    title = "API Gateway REST API"
    arguments: ClassVar = {
        "apiKeySource": string(computed=True, choices=("HEADER", "AUTHORIZER")),
        "binaryMediaTypes": strings(computed=True, unordered=True),
        "body": document(),
        "description": string(computed=True),
        "disableExecuteApiEndpoint": boolean(computed=True),
        "endpointAccessMode": string(carried=False),
        "endpointConfiguration": _ENDPOINTS,
        "failOnWarnings": boolean(),
        "minimumCompressionSize": string(computed=True),
        "name": string(),
        "parameters": string_map(),
        "policy": document(computed=True),
        "putRestApiMode": string(default="overwrite", choices=("overwrite", "merge")),
        **REGION,
        "securityPolicy": string(computed=True, carried=False),
        **TAGS,
    }
    outputs = ("arn", "createdDate", "executionArn", "rootResourceId", "tagsAll")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        size = args.get("minimumCompressionSize")
        answer = account.call(
            _SERVICE,
            "CreateRestApi",
            apiKeySource=args.get("apiKeySource"),
            binaryMediaTypes=args.get("binaryMediaTypes"),
            description=args.get("description"),
            disableExecuteApiEndpoint=args.get("disableExecuteApiEndpoint"),
            endpointConfiguration=_endpoints(args),
            minimumCompressionSize=int(size) if size else None,
            name=args["name"],
            policy=args.get("policy"),
            tags=args.get("tagsAll") or None,
        )
        return answer["id"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if args.get("body"):
            self._put_body(account, resource_id, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetRestApi", restApiId=resource_id)
        size = live.get("minimumCompressionSize")
        return {
            "apiKeySource": live.get("apiKeySource", "HEADER"),
            "arn": _arn(account, f"restapis/{resource_id}"),
            "binaryMediaTypes": listed(live, "binaryMediaTypes"),
            "createdDate": _time(live.get("createdDate")),
            "description": live.get("description", ""),
            "disableExecuteApiEndpoint": live.get("disableExecuteApiEndpoint", False),
            "endpointConfiguration": _live_endpoints(live),
            "executionArn": (f"arn:aws:execute-api:{account.region}:{account.id}:{resource_id}"),
            "minimumCompressionSize": "" if size is None else str(size),
            "name": live["name"],
            "policy": _policy(live),
            "rootResourceId": self._root(account, resource_id, live),
            "tagsAll": nested(live, "tags"),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        body_changed = canonical(new.get("body", "")) != canonical(old.get("body", ""))
        if new.get("body") and (body_changed or old.get("parameters") != new.get("parameters")):
            self._put_body(account, resource_id, new)
        else:
            self._reconcile(account, resource_id, old, new)
        _retag(account, _arn(account, f"restapis/{resource_id}"), old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteRestApi", restApiId=resource_id)

    def _put_body(self, account: Account, resource_id: str, args: Values) -> None:
        """Import the body, which takes away what it does not say, and say that again."""
        account.call(
            _SERVICE,
            "PutRestApi",
            body=args["body"].encode(),
            failOnWarnings=args.get("failOnWarnings"),
            mode=args["putRestApiMode"],
            parameters=args.get("parameters"),
            restApiId=resource_id,
        )
        live = self.read(account, resource_id, args)
        self._reconcile(account, resource_id, live or {}, args)

    @staticmethod
    def _reconcile(account: Account, resource_id: str, old: Values, new: Values) -> None:
        patches = [
            _replace(f"/{name}", new[name])
            for name in (
                *("apiKeySource", "description", "disableExecuteApiEndpoint"),
                *("minimumCompressionSize", "name"),
            )
            if new.get(name) is not None and old.get(name) != new[name]
        ]
        if "policy" in new and canonical(old.get("policy", "")) != canonical(new["policy"]):
            patches.append(_replace("/policy", new["policy"]))
        patches += _endpoint_patches(
            old.get("endpointConfiguration"), new.get("endpointConfiguration")
        )
        if "binaryMediaTypes" in new:
            before, after = (set(listed(args, "binaryMediaTypes")) for args in (old, new))
            for media_type in sorted(after - before):
                path = f"/binaryMediaTypes/{media_type.replace('/', '~1')}"
                patches.append({"op": "add", "path": path})
            patches += [
                _remove(f"/binaryMediaTypes/{media_type.replace('/', '~1')}")
                for media_type in sorted(before - after)
            ]
        if patches:
            account.call(_SERVICE, "UpdateRestApi", restApiId=resource_id, patchOperations=patches)

    @staticmethod
    def _root(account: Account, resource_id: str, live: Values) -> str:
        if live.get("rootResourceId"):
            return live["rootResourceId"]
        resources = account.call(_SERVICE, "GetResources", restApiId=resource_id, limit=500)
        return next((item["id"] for item in resources["items"] if item["path"] == "/"), "")


def _policy(live: Values) -> str | None:
    """Return the policy, whose quotation marks AWS escapes once more."""
    policy = live.get("policy")
    if not policy:
        return None
    return cast("str", json.loads(f'"{policy}"')) if policy.startswith('{\\"') else policy


class Deployment(Resource):
    """A snapshot of a REST API, taken anew when its triggers change; its id is AWS's."""

    type_name = "aws:apigateway/deployment:Deployment"
    title = "API Gateway Deployment"
    arguments: ClassVar = {
        "description": string(),
        **REGION,
        "restApi": string(required=True, replaces=True),
        "triggers": string_map(replaces=True),
        "variables": string_map(replaces=True),
    }
    outputs = ("createdDate",)

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreateDeployment",
            description=args.get("description"),
            restApiId=args["restApi"],
            variables=args.get("variables"),
        )
        return answer["id"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        rest_api, deployment_id = self._place(resource_id, known)
        live = account.call(
            _SERVICE, "GetDeployment", restApiId=rest_api, deploymentId=deployment_id
        )
        return {
            "createdDate": _time(live.get("createdDate")),
            "description": live.get("description", ""),
            "id": deployment_id,
            "restApi": rest_api,
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        account.call(
            _SERVICE,
            "UpdateDeployment",
            deploymentId=resource_id,
            patchOperations=[_replace("/description", new.get("description", ""))],
            restApiId=new["restApi"],
        )

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        rest_api, deployment_id = self._place(resource_id, state)
        account.call(_SERVICE, "DeleteDeployment", restApiId=rest_api, deploymentId=deployment_id)

    @staticmethod
    def _place(resource_id: str, known: Values) -> list[str]:
        if "restApi" in known:
            return [known["restApi"], resource_id]
        return _parts(resource_id, {}, "restApi", "deployment")


def _without_wildcard(arn: str) -> str:
    return arn.removesuffix(":*")


class Stage(Resource):
    """A stage of a REST API; its id is ags-API-STAGE."""

    type_name = "aws:apigateway/stage:Stage"
    title = "API Gateway Stage"
    arguments: ClassVar = {
        "accessLogSettings": block(
            {
                "destinationArn": string(required=True, normal=_without_wildcard),
                "format": string(required=True),
            }
        ),
        "cacheClusterEnabled": boolean(carried=False),
        "cacheClusterSize": string(carried=False),
        "canarySettings": block({}, carried=False),
        "clientCertificateId": string(carried=False),
        "deployment": string(required=True),
        "description": string(),
        "documentationVersion": string(carried=False),
        **REGION,
        "restApi": string(required=True, replaces=True),
        "stageName": string(required=True, replaces=True),
        **TAGS,
        "variables": string_map(),
        "xrayTracingEnabled": boolean(),
    }
    outputs = ("arn", "executionArn", "invokeUrl", "tagsAll", "webAclArn")

    def create(self, account: Account, args: Values) -> str:
        account.call(
            _SERVICE,
            "CreateStage",
            deploymentId=args["deployment"],
            description=args.get("description"),
            restApiId=args["restApi"],
            stageName=args["stageName"],
            tags=args.get("tagsAll") or None,
            tracingEnabled=args.get("xrayTracingEnabled"),
            variables=args.get("variables"),
        )
        return self._id(args["restApi"], args["stageName"])

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._patch(account, args, self._log_patches(args))

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        rest_api, name = _parts(resource_id, known, "restApi", "stageName")
        live = account.call(_SERVICE, "GetStage", restApiId=rest_api, stageName=name)
        logs = live.get("accessLogSettings")
        host = f"{rest_api}.execute-api.{account.region}.amazonaws.com"
        return {
            "accessLogSettings": logs
            and {"destinationArn": logs.get("destinationArn"), "format": logs.get("format")},
            "arn": _arn(account, f"restapis/{rest_api}/stages/{name}"),
            "deployment": live["deploymentId"],
            "description": live.get("description", ""),
            "executionArn": (
                f"arn:aws:execute-api:{account.region}:{account.id}:{rest_api}/{name}"
            ),
            "id": self._id(rest_api, name),
            "invokeUrl": f"https://{host}/{name}",
            "restApi": rest_api,
            "stageName": name,
            "tagsAll": nested(live, "tags"),
            "variables": live.get("variables") or None,
            "webAclArn": live.get("webAclArn", ""),
            "xrayTracingEnabled": live.get("tracingEnabled", False),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        patches: list[Values] = []
        if old.get("deployment") != new["deployment"]:
            patches.append(_replace("/deploymentId", new["deployment"]))
        if old.get("description", "") != new.get("description", ""):
            patches.append(_replace("/description", new.get("description", "")))
        traced = new.get("xrayTracingEnabled", False)
        if old.get("xrayTracingEnabled", False) != traced:
            patches.append(_replace("/tracingEnabled", traced))
        if old.get("accessLogSettings") != new.get("accessLogSettings"):
            patches += self._log_patches(new) or [_remove("/accessLogSettings")]
        before, after = (nested(args, "variables") for args in (old, new))
        patches += [
            _replace(f"/variables/{name}", value)
            for name, value in after.items()
            if before.get(name) != value
        ]
        patches += [_remove(f"/variables/{name}") for name in before if name not in after]
        self._patch(account, new, patches)
        _retag(account, old["arn"], old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(
            _SERVICE, "DeleteStage", restApiId=state["restApi"], stageName=state["stageName"]
        )

    @staticmethod
    def _id(rest_api: str, name: str) -> str:
        return f"ags-{rest_api}-{name}"

    @staticmethod
    def _log_patches(args: Values) -> list[Values]:
        logs = args.get("accessLogSettings")
        if not logs:
            return []
        return [
            _replace(
                "/accessLogSettings/destinationArn", _without_wildcard(logs["destinationArn"])
            ),
            _replace("/accessLogSettings/format", logs["format"]),
        ]

    @staticmethod
    def _patch(account: Account, args: Values, patches: list[Values]) -> None:
        if patches:
            account.call(
                _SERVICE,
                "UpdateStage",
                patchOperations=patches,
                restApiId=args["restApi"],
                stageName=args["stageName"],
            )


_METHOD_SETTINGS = {
    "cacheDataEncrypted": "caching/dataEncrypted",
    "cacheTtlInSeconds": "caching/ttlInSeconds",
    "cachingEnabled": "caching/enabled",
    "dataTraceEnabled": "logging/dataTrace",
    "loggingLevel": "logging/loglevel",
    "metricsEnabled": "metrics/enabled",
    "requireAuthorizationForCacheControl": "caching/requireAuthorizationForCacheControl",
    "throttlingBurstLimit": "throttling/burstLimit",
    "throttlingRateLimit": "throttling/rateLimit",
    "unauthorizedCacheControlHeaderStrategy": "caching/unauthorizedCacheControlHeaderStrategy",
}
"""The settings of a method, and where in a stage they stand."""

_THROTTLES = ("throttlingBurstLimit", "throttlingRateLimit")


class MethodSettings(Resource):
    """What a stage does for the methods on a path; its id is API-STAGE-PATH."""

    type_name = "aws:apigateway/methodSettings:MethodSettings"
    title = "API Gateway Method Settings"
    arguments: ClassVar = {
        "methodPath": string(required=True, replaces=True),
        **REGION,
        "restApi": string(required=True, replaces=True),
        "settings": block(
            {
                "cacheDataEncrypted": boolean(computed=True),
                "cacheTtlInSeconds": integer(computed=True),
                "cachingEnabled": boolean(computed=True),
                "dataTraceEnabled": boolean(computed=True),
                "loggingLevel": string(computed=True, choices=("OFF", "ERROR", "INFO")),
                "metricsEnabled": boolean(computed=True),
                "requireAuthorizationForCacheControl": boolean(computed=True),
                "throttlingBurstLimit": integer(default=-1),
                "throttlingRateLimit": number(default=-1),
                "unauthorizedCacheControlHeaderStrategy": string(computed=True),
            },
            required=True,
        ),
        "stageName": string(required=True, replaces=True),
    }

    def create(self, account: Account, args: Values) -> str:
        self._apply(account, args, args["settings"])
        return f"{args['restApi']}-{args['stageName']}-{args['methodPath']}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        rest_api, stage, path = _parts(resource_id, known, "restApi", "stageName", "methodPath")
        live = account.call(_SERVICE, "GetStage", restApiId=rest_api, stageName=stage)
        settings = nested(live, "methodSettings").get(path)
        if settings is None:
            return None
        return {
            "id": f"{rest_api}-{stage}-{path}",
            "methodPath": path,
            "restApi": rest_api,
            "settings": {name: settings[name] for name in _METHOD_SETTINGS if name in settings},
            "stageName": stage,
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        unlimited = {name: -1 for name in _THROTTLES if name in nested(old, "settings")}
        self._apply(account, new, {**unlimited, **new["settings"]})

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(
            _SERVICE,
            "UpdateStage",
            patchOperations=[_remove(f"/{state['methodPath']}")],
            restApiId=state["restApi"],
            stageName=state["stageName"],
        )

    @staticmethod
    def _apply(account: Account, args: Values, settings: Values) -> None:
        account.call(
            _SERVICE,
            "UpdateStage",
            patchOperations=[
                _replace(f"/{args['methodPath']}/{_METHOD_SETTINGS[name]}", value)
                for name, value in settings.items()
            ],
            restApiId=args["restApi"],
            stageName=args["stageName"],
        )


class DomainName(Resource):
    """A regional custom domain; its id is its name."""

    type_name = "aws:apigateway/domainName:DomainName"
    title = "API Gateway Domain Name"
    arguments: ClassVar = {
        "certificateArn": string(carried=False),
        "certificateBody": string(replaces=True, carried=False),
        "certificateChain": string(replaces=True, carried=False),
        "certificateName": string(carried=False),
        "certificatePrivateKey": string(replaces=True, secret=True, carried=False),
        "domainName": string(required=True, replaces=True),
        "endpointAccessMode": string(carried=False),
        "endpointConfiguration": block(
            {
                "ipAddressType": _IP_ADDRESS_TYPE,
                "types": string(required=True, choices=("REGIONAL",)),
            },
            computed=True,
        ),
        "mutualTlsAuthentication": block({}, carried=False),
        "ownershipVerificationCertificateArn": string(computed=True, carried=False),
        "policy": document(computed=True, carried=False),
        **REGION,
        "regionalCertificateArn": string(),
        "regionalCertificateName": string(carried=False),
        "routingMode": string(computed=True, carried=False),
        "securityPolicy": string(computed=True),
        **TAGS,
    }
    outputs = (
        "arn",
        "certificateUploadDate",
        "cloudfrontDomainName",
        "cloudfrontZoneId",
        "domainNameId",
        "regionalDomainName",
        "regionalZoneId",
        "tagsAll",
    )

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreateDomainName",
            domainName=args["domainName"],
            endpointConfiguration=_endpoints(args),
            regionalCertificateArn=args.get("regionalCertificateArn"),
            securityPolicy=args.get("securityPolicy"),
            tags=args.get("tagsAll") or None,
        )
        return answer["domainName"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetDomainName", domainName=resource_id)
        return {
            "arn": _arn(account, f"domainnames/{resource_id}"),
            "certificateUploadDate": _time(live.get("certificateUploadDate")),
            "cloudfrontDomainName": live.get("distributionDomainName", ""),
            "cloudfrontZoneId": _CLOUDFRONT_ZONE,
            "domainName": live["domainName"],
            "domainNameId": live.get("domainNameId", ""),
            "endpointConfiguration": _live_endpoints(live),
            "regionalCertificateArn": live.get("regionalCertificateArn", ""),
            "regionalDomainName": live.get("regionalDomainName", ""),
            "regionalZoneId": live.get("regionalHostedZoneId", ""),
            "securityPolicy": live.get("securityPolicy", ""),
            "tagsAll": nested(live, "tags"),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        patches = [
            _replace(f"/{name}", new[name])
            for name in ("regionalCertificateArn", "securityPolicy")
            if new.get(name) is not None and old.get(name) != new[name]
        ]
        patches += _endpoint_patches(
            old.get("endpointConfiguration"), new.get("endpointConfiguration")
        )
        if patches:
            account.call(
                _SERVICE, "UpdateDomainName", domainName=resource_id, patchOperations=patches
            )
        _retag(account, _arn(account, f"domainnames/{resource_id}"), old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteDomainName", domainName=resource_id)


class BasePathMapping(Resource):
    """A stage below a path of a custom domain; its id is DOMAIN/PATH."""

    type_name = "aws:apigateway/basePathMapping:BasePathMapping"
    title = "API Gateway Base Path Mapping"
    arguments: ClassVar = {
        "basePath": string(),
        "domainName": string(required=True, replaces=True),
        "domainNameId": string(replaces=True, carried=False),
        **REGION,
        "restApi": string(required=True),
        "stageName": string(),
    }

    def create(self, account: Account, args: Values) -> str:
        base_path = args.get("basePath", "")
        account.call(
            _SERVICE,
            "CreateBasePathMapping",
            basePath=base_path or _NO_BASE_PATH,
            domainName=args["domainName"],
            restApiId=args["restApi"],
            stage=args.get("stageName"),
        )
        return f"{args['domainName']}/{base_path}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        domain, base_path = self._place(resource_id, known)
        live = account.call(
            _SERVICE, "GetBasePathMapping", domainName=domain, basePath=base_path or _NO_BASE_PATH
        )
        return {
            "basePath": base_path,
            "domainName": domain,
            "restApi": live["restApiId"],
            "stageName": live.get("stage", ""),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        paths = {"basePath": "/basePath", "restApi": "/restapiId", "stageName": "/stage"}
        domain, base_path = self._place(resource_id, old)
        account.call(
            _SERVICE,
            "UpdateBasePathMapping",
            basePath=base_path or _NO_BASE_PATH,
            domainName=domain,
            patchOperations=[
                _replace(path, new.get(name, ""))
                for name, path in paths.items()
                if old.get(name, "") != new.get(name, "")
            ],
        )

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        domain, base_path = self._place(resource_id, state)
        account.call(
            _SERVICE,
            "DeleteBasePathMapping",
            domainName=domain,
            basePath=base_path or _NO_BASE_PATH,
        )

    @staticmethod
    def _place(resource_id: str, known: Values) -> tuple[str, str]:
        if "domainName" in known:
            return known["domainName"], known.get("basePath", "")
        domain, _, base_path = resource_id.partition("/")
        return domain, base_path


class RegionalSettings(Resource):
    """The account's settings for API Gateway in a region: the role that writes its logs."""

    type_name = "aws:apigateway/account:Account"
    title = "API Gateway Account"
    arguments: ClassVar = {"cloudwatchRoleArn": string(), **REGION}
    outputs = ("apiKeyVersion", "features", "throttleSettings")

    def create(self, account: Account, args: Values) -> str:
        self._set_role(account, args.get("cloudwatchRoleArn", ""))
        return "api-gateway-account"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetAccount")
        throttle = live.get("throttleSettings")
        limits = throttle and [
            {"burstLimit": throttle["burstLimit"], "rateLimit": throttle["rateLimit"]}
        ]
        return {
            "apiKeyVersion": live.get("apiKeyVersion", ""),
            "cloudwatchRoleArn": live.get("cloudwatchRoleArn", ""),
            "features": listed(live, "features"),
            "throttleSettings": limits or [],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._set_role(account, new.get("cloudwatchRoleArn", ""))

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        self._set_role(account, "")

    @staticmethod
    def _set_role(account: Account, arn: str) -> None:
        patches = [_replace("/cloudwatchRoleArn", arn)]
        account.call(_SERVICE, "UpdateAccount", patchOperations=patches)


RESOURCES = (
    RestApi(),
    Deployment(),
    Stage(),
    MethodSettings(),
    DomainName(),
    BasePathMapping(),
    RegionalSettings(),
)
