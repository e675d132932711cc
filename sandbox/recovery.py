"""What an update that was killed left in a state, put right so that the next one simply goes on.

A killed engine leaves the steps it had begun as pending operations. A thing whose creation is
pending may exist or not, so it is looked for in the embedded AWS by what identifies it there. If
it exists, the state adopts it under its own name; if not, the operation is forgotten and the next
update creates the thing. Other pending operations are about resources that the state knows; a
refresh settles those, and reads what was adopted.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sandbox import access
from sandbox.problem import SandboxError

State = dict[str, Any]

ABSENT = re.compile("NotFound|NoSuch|NotInUse|NotExist")
"""Error codes by which AWS says that a thing is not there."""

REPEATABLE = {
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:apigateway/account:Account",
    "aws:apigateway/methodSettings:MethodSettings",
    "aws:ebs/encryptionByDefault:EncryptionByDefault",
    "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription",
    "pulumi:providers:aws",
}
"""Types whose creation sets or waits for something: done twice it is the same as done once."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The look for one thing: as whom, by which inputs, and which ids the state knows already."""

    client: Callable[[str], Any]
    inputs: Mapping[str, Any]
    known: frozenset[str]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - an input is of any type
        return self.inputs[name]

    def pages(self, service: str, operation: str, field: str, **arguments: Any) -> Iterable[Any]:  # noqa: ANN401 - boto3 makes its operations at run time
        """Return everything that an operation lists."""
        for page in self.client(service).get_paginator(operation).paginate(**arguments):
            yield from page[field]

    def new(self, ids: Iterable[str]) -> str | None:
        """Return the first id that no resource in the state has."""
        return next((found for found in ids if found not in self.known), None)


def settle(state: State, url: str) -> list[str]:
    """Settle the pending operations of an exported state in place; return what was done."""
    deployment = state["deployment"]
    resources: list[State] = deployment.setdefault("resources", [])
    pending: list[State] = deployment.pop("pending_operations", None) or []
    return [_settled(it["type"], it["resource"], resources, url) for it in pending]


def _settled(operation: str, resource: State, resources: list[State], url: str) -> str:
    name = resource["urn"].split("::")[-1]
    if operation != "creating":
        return f"{name} refreshed"
    found = _existing(resource, resources, url)
    if found is None:
        return f"{name} not created"
    _retire(resource["urn"], resources)
    resources.append(resource | {"id": found, "outputs": {}})
    return f"{name} adopted"


def _retire(urn: str, resources: list[State]) -> None:
    """Leave what the adopted resource replaces as the engine would have after creating it."""
    for old in [it for it in resources if it["urn"] == urn]:
        if old.get("pendingReplacement"):
            resources.remove(old)
        else:
            old["delete"] = True


def _existing(resource: State, resources: list[State], url: str) -> str | None:
    kind = resource["type"]
    if not resource["custom"] or kind in REPEATABLE:
        return None
    if kind not in FINDERS:
        raise SandboxError(
            f"A killed update may or may not have created {resource['urn']}, and the sandbox "
            f"cannot look for a {kind}: start over with `make sandbox-down` and `make sandbox`."
        )
    caller = _caller(resource.get("provider", ""), resources, url)
    search = Search(
        client=lambda service: access.client(service, caller),
        inputs=resource.get("inputs", {}),
        known=frozenset(it["id"] for it in resources if it.get("id")),
    )
    try:
        return FINDERS[kind](search)
    except ClientError as error:
        if ABSENT.search(error.response.get("Error", {}).get("Code", "")):
            return None
        raise


def _caller(provider: str, resources: list[State], url: str) -> access.Access:
    """Return the access that the resource's provider works with."""
    inputs = next(it["inputs"] for it in resources if f"{it['urn']}::{it.get('id')}" == provider)
    roles = json.loads(inputs.get("assumeRoles", "[]"))
    return access.as_role(url, roles[-1]["roleArn"]) if roles else access.as_operator(url)


def _organization(search: Search) -> str | None:
    found = search.client("organizations").describe_organization()
    return found["Organization"]["Id"]


def _organizational_unit(search: Search) -> str | None:
    units = search.pages(
        "organizations",
        "list_organizational_units_for_parent",
        "OrganizationalUnits",
        ParentId=search["parentId"],
    )
    return search.new(it["Id"] for it in units if it["Name"] == search["name"])


def _account(search: Search) -> str | None:
    accounts = search.pages("organizations", "list_accounts", "Accounts")
    return search.new(it["Id"] for it in accounts if it["Email"] == search["email"])


def _policy(search: Search) -> str | None:
    kind = search.inputs.get("type", "SERVICE_CONTROL_POLICY")
    policies = search.pages("organizations", "list_policies", "Policies", Filter=kind)
    return search.new(it["Id"] for it in policies if it["Name"] == search["name"])


def _policy_attachment(search: Search) -> str | None:
    target, policy = search["targetId"], search["policyId"]
    policies = search.pages(
        "organizations",
        "list_policies_for_target",
        "Policies",
        TargetId=target,
        Filter="SERVICE_CONTROL_POLICY",
    )
    return search.new(f"{target}:{policy}" for it in policies if it["Id"] == policy)


def _zone(search: Search) -> str | None:
    zones = search.pages("route53", "list_hosted_zones", "HostedZones")
    return search.new(
        it["Id"].removeprefix("/hostedzone/")
        for it in zones
        if it["Name"].rstrip(".") == search["name"].rstrip(".").lower()
    )


def _record(search: Search) -> str | None:
    zone, name, kind = search["zoneId"], search["name"].rstrip("."), search["type"]
    records = search.pages(
        "route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone
    )
    return search.new(
        f"{zone}_{name}_{kind}"
        for it in records
        if it["Type"] == kind and it["Name"].startswith(f"{name.lower()}.")
    )


def _role(search: Search) -> str | None:
    return search.client("iam").get_role(RoleName=search["name"])["Role"]["RoleName"]


def _instance_profile(search: Search) -> str | None:
    found = search.client("iam").get_instance_profile(InstanceProfileName=search["name"])
    return found["InstanceProfile"]["InstanceProfileName"]


def _auto_scaling_group(search: Search) -> str | None:
    groups = search.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[search["name"]]
    )
    return search.new(it["AutoScalingGroupName"] for it in groups["AutoScalingGroups"])


def _key(search: Search) -> str | None:
    """Return a key that is described alike: a key has no name."""
    kms, description = search.client("kms"), search.inputs.get("description", "")
    keys = [it["KeyId"] for it in search.pages("kms", "list_keys", "Keys")]
    described = (kms.describe_key(KeyId=it)["KeyMetadata"] for it in keys)
    return search.new(
        it["KeyId"]
        for it in described
        if it["KeyManager"] == "CUSTOMER"
        and it["KeyState"] != "PendingDeletion"
        and it["Description"] == description
    )


def _parameter(search: Search) -> str | None:
    return search.client("ssm").get_parameter(Name=search["name"])["Parameter"]["Name"]


def _topic(search: Search) -> str | None:
    topics = search.pages("sns", "list_topics", "Topics")
    name = search["name"]
    return search.new(it["TopicArn"] for it in topics if it["TopicArn"].endswith(f":{name}"))


def _alarm(search: Search) -> str | None:
    alarms = search.client("cloudwatch").describe_alarms(AlarmNames=[search["name"]])
    return search.new(it["AlarmName"] for it in alarms["MetricAlarms"])


def _managed_policy(search: Search) -> str | None:
    policies = search.pages("iam", "list_policies", "Policies", Scope="Local")
    return search.new(it["Arn"] for it in policies if it["PolicyName"] == search["name"])


def _alias(search: Search) -> str | None:
    aliases = search.pages("kms", "list_aliases", "Aliases")
    return search.new(it["AliasName"] for it in aliases if it["AliasName"] == search["name"])


def _bucket(search: Search) -> str | None:
    """Return a bucket of this very account: the names are everybody's."""
    buckets = search.client("s3").list_buckets()["Buckets"]
    return search.new(it["Name"] for it in buckets if it["Name"] == search["bucket"])


def _connection(search: Search) -> str | None:
    connections = search.client("codeconnections").list_connections()["Connections"]
    return search.new(
        it["ConnectionArn"] for it in connections if it["ConnectionName"] == search["name"]
    )


def _project(search: Search) -> str | None:
    found = search.client("codebuild").batch_get_projects(names=[search["name"]])
    return search.new(it["arn"] for it in found["projects"])


def _pipeline(search: Search) -> str | None:
    return search.client("codepipeline").get_pipeline(name=search["name"])["pipeline"]["name"]


def _event_rule(search: Search) -> str | None:
    bus, name = search["eventBusName"], search["name"]
    found = search.client("events").describe_rule(Name=name, EventBusName=bus)["Name"]
    return found if bus == "default" else f"{bus}/{found}"


def _event_target(search: Search) -> str | None:
    """Return a target of the rule that tells the same: by its id, or by whom it tells."""
    bus, rule = search["eventBusName"], search["rule"]
    name, arn = search.inputs.get("targetId"), search["arn"]
    targets = search.pages("events", "list_targets_by_rule", "Targets", Rule=rule, EventBusName=bus)
    alike = [it["Id"] for it in targets if (it["Id"] if name else it["Arn"]) == (name or arn)]
    place = [rule] if bus == "default" else [bus, rule]
    new = (it for it in alike if "-".join([*place, it]) not in search.known)
    return next(("/".join([*place, it]) for it in new), None)


def _certificate(search: Search) -> str | None:
    certificates = search.pages("acm", "list_certificates", "CertificateSummaryList")
    return search.new(
        it["CertificateArn"] for it in certificates if it["DomainName"] == search["domainName"]
    )


def _rest_api(search: Search) -> str | None:
    apis = search.pages("apigateway", "get_rest_apis", "items")
    return search.new(it["id"] for it in apis if it["name"] == search["name"])


def _deployment(search: Search) -> str | None:
    api = search["restApi"]
    deployments = search.pages("apigateway", "get_deployments", "items", restApiId=api)
    found = search.new(it["id"] for it in deployments)
    return f"{api}/{found}" if found else None


def _stage(search: Search) -> str | None:
    api, name = search["restApi"], search["stageName"]
    search.client("apigateway").get_stage(restApiId=api, stageName=name)
    return f"{api}/{name}"


def _domain_name(search: Search) -> str | None:
    name = search["domainName"]
    return search.client("apigateway").get_domain_name(domainName=name)["domainName"]


def _base_path_mapping(search: Search) -> str | None:
    domain, path = search["domainName"], search.inputs.get("basePath", "")
    search.client("apigateway").get_base_path_mapping(domainName=domain, basePath=path or "(none)")
    return f"{domain}/{path}"


def _function(search: Search) -> str | None:
    name = search["name"]
    return search.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionName"]


def _permission(search: Search) -> str | None:
    function = search["function"]
    policy = json.loads(search.client("lambda").get_policy(FunctionName=function)["Policy"])
    found = search.new(
        it["Sid"]
        for it in policy["Statement"]
        if it["Action"] == search["action"] and search["principal"] in json.dumps(it["Principal"])
    )
    return f"{function}/{found}" if found else None


def _log_group(search: Search) -> str | None:
    name = search["name"]
    groups = search.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return search.new(it["logGroupName"] for it in groups if it["logGroupName"] == name)


def _table(search: Search) -> str | None:
    table = search.client("dynamodb").describe_table(TableName=search["name"])
    return table["Table"]["TableName"]


def _alike(search: Search, **properties: str | None) -> list[Mapping[str, Any]]:
    """Return filters of EC2 for the tags and the properties of a thing, which has no name."""
    tags = {f"tag:{key}": value for key, value in search.inputs.get("tagsAll", {}).items()}
    words = {name.replace("_", "-"): value for name, value in properties.items() if value}
    return [{"Name": name, "Values": [value]} for name, value in {**words, **tags}.items()]


def _vpc(search: Search) -> str | None:
    filters = _alike(search, cidr=search["cidrBlock"])
    vpcs = search.pages("ec2", "describe_vpcs", "Vpcs", Filters=filters)
    return search.new(it["VpcId"] for it in vpcs)


def _subnet(search: Search) -> str | None:
    filters = _alike(search, vpc_id=search["vpcId"], cidr_block=search["cidrBlock"])
    subnets = search.pages("ec2", "describe_subnets", "Subnets", Filters=filters)
    return search.new(it["SubnetId"] for it in subnets)


def _internet_gateway(search: Search) -> str | None:
    """Return a gateway that is attached to the VPC, or that the update did not come to attach."""
    gateways = search.pages(
        "ec2", "describe_internet_gateways", "InternetGateways", Filters=_alike(search)
    )
    return search.new(
        it["InternetGatewayId"]
        for it in gateways
        if {attachment["VpcId"] for attachment in it["Attachments"]} <= {search.inputs.get("vpcId")}
    )


def _route_table(search: Search) -> str | None:
    filters = _alike(search, vpc_id=search["vpcId"])
    tables = search.pages("ec2", "describe_route_tables", "RouteTables", Filters=filters)
    return search.new(
        it["RouteTableId"]
        for it in tables
        if not any(association["Main"] for association in it["Associations"])
    )


def _route_table_association(search: Search) -> str | None:
    subnet, table = search["subnetId"], search["routeTableId"]
    found = search.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    there = any(association.get("SubnetId") == subnet for association in found["Associations"])
    return f"{subnet}/{table}" if there else None


def _security_group(search: Search) -> str | None:
    filters = _alike(search, vpc_id=search.inputs.get("vpcId"), group_name=search["name"])
    groups = search.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)
    return search.new(it["GroupId"] for it in groups)


def _elastic_ip(search: Search) -> str | None:
    addresses = search.client("ec2").describe_addresses(Filters=_alike(search))["Addresses"]
    return search.new(it["AllocationId"] for it in addresses)


def _launch_template(search: Search) -> str | None:
    found = search.client("ec2").describe_launch_templates(LaunchTemplateNames=[search["name"]])
    return search.new(it["LaunchTemplateId"] for it in found["LaunchTemplates"])


FINDERS: Mapping[str, Callable[[Search], str | None]] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:apigateway/basePathMapping:BasePathMapping": _base_path_mapping,
    "aws:apigateway/deployment:Deployment": _deployment,
    "aws:apigateway/domainName:DomainName": _domain_name,
    "aws:apigateway/restApi:RestApi": _rest_api,
    "aws:apigateway/stage:Stage": _stage,
    "aws:autoscaling/group:Group": _auto_scaling_group,
    "aws:cloudwatch/eventRule:EventRule": _event_rule,
    "aws:cloudwatch/eventTarget:EventTarget": _event_target,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:codebuild/project:Project": _project,
    "aws:codeconnections/connection:Connection": _connection,
    "aws:codepipeline/pipeline:Pipeline": _pipeline,
    "aws:dynamodb/table:Table": _table,
    "aws:ec2/eip:Eip": _elastic_ip,
    "aws:ec2/internetGateway:InternetGateway": _internet_gateway,
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:ec2/routeTable:RouteTable": _route_table,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _route_table_association,
    "aws:ec2/securityGroup:SecurityGroup": _security_group,
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:iam/instanceProfile:InstanceProfile": _instance_profile,
    "aws:iam/policy:Policy": _managed_policy,
    "aws:iam/role:Role": _role,
    "aws:kms/alias:Alias": _alias,
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _function,
    "aws:lambda/permission:Permission": _permission,
    "aws:organizations/account:Account": _account,
    "aws:organizations/organization:Organization": _organization,
    "aws:organizations/organizationalUnit:OrganizationalUnit": _organizational_unit,
    "aws:organizations/policy:Policy": _policy,
    "aws:organizations/policyAttachment:PolicyAttachment": _policy_attachment,
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _zone,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:sns/topic:Topic": _topic,
    "aws:ssm/parameter:Parameter": _parameter,
}
"""How to find the id, in the form an import takes, of a thing of each type that is made once."""
