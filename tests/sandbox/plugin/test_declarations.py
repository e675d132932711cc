"""The declared types against the installed SDK, and against facts of the genuine plugin.

The facts in `data/` are of an older version; `DIFFERENCES` lists where they no longer hold, or where
this plugin says the same in another way, each with its source. What is not carried is not compared
below its own level; of computed properties the facts tell only the top level.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.schema import Argument, Resource
from tests.sandbox.plugin import sdk
from tests.sandbox.plugin.world import BUCKET_LIFECYCLE

FACTS = json.loads((Path(__file__).parent / "data" / "provider-facts.json").read_text())[
    "resources"
]

SDK = "pulumi-aws 7.51.1 declares it"
REGION = "terraform-provider-aws 6.0: every regional resource has `region`, which replaces it"
FRAMEWORK = (
    "terraform-provider-aws ec2_instance_metadata_defaults.go: of a kind the facts leave out"
)
LEFT_OUT = "terraform-provider-aws project.go: a block that is left out is no difference (DiffSuppressFunc)"
NEWER = "argument newer than the facts, declared by pulumi-aws 7.51.1"

DIFFERENCES: Mapping[tuple[str, str, str], str] = {
    ("aws:apigateway/basePathMapping:BasePathMapping", "replaces", "domainNameId"): NEWER,
    ("aws:apigateway/domainName:DomainName", "computed", "policy"): NEWER,
    ("aws:apigateway/domainName:DomainName", "computed", "routingMode"): NEWER,
    ("aws:apigateway/domainName:DomainName", "outputs", "domainNameId"): SDK,
    ("aws:apigateway/restApi:RestApi", "computed", "securityPolicy"): NEWER,
    ("aws:cloudwatch/eventRule:EventRule", "computed", "state"): (
        "terraform-provider-aws rule.go: what is left out is no difference (DiffSuppressFunc)"
    ),
    ("aws:cloudwatch/eventRule:EventRule", "default", "forceDestroy"): NEWER,
    ("aws:cloudwatch/eventTarget:EventTarget", "default", "forceDestroy"): NEWER,
    ("aws:cloudwatch/logGroup:LogGroup", "computed", "deletionProtectionEnabled"): NEWER,
    ("aws:codebuild/project:Project", "computed", "autoRetryLimit"): NEWER,
    ("aws:codebuild/project:Project", "computed", "cache"): LEFT_OUT,
    ("aws:codebuild/project:Project", "computed", "logsConfig"): LEFT_OUT,
    ("aws:codepipeline/pipeline:Pipeline", "default", "executionMode"): NEWER,
    ("aws:codepipeline/pipeline:Pipeline", "default", "pipelineType"): NEWER,
    ("aws:codepipeline/pipeline:Pipeline", "outputs", "triggerAlls"): SDK,
    ("aws:codepipeline/pipeline:Pipeline", "required", "triggers[].gitConfiguration"): NEWER,
    (
        "aws:codepipeline/pipeline:Pipeline",
        "required",
        "triggers[].gitConfiguration.sourceActionName",
    ): NEWER,
    ("aws:codepipeline/pipeline:Pipeline", "required", "triggers[].providerType"): NEWER,
    ("aws:codepipeline/pipeline:Pipeline", "required", "variables[].name"): NEWER,
    ("aws:dynamodb/table:Table", "computed", "globalTableWitness"): NEWER,
    ("aws:dynamodb/table:Table", "computed", "warmThroughput"): NEWER,
    ("aws:dynamodb/table:Table", "replaces", "importTable"): (
        "the facts name its nested s3BucketSource"
    ),
    ("aws:dynamodb/table:Table", "replaces", "restoreBackupArn"): NEWER,
    ("aws:dynamodb/table:Table", "required", "ttl.attributeName"): (
        "pulumi-aws 7.51.1: optional, since an expiry that is off needs none"
    ),
    ("aws:ec2/eip:Eip", "outputs", "arn"): SDK,
    ("aws:ec2/eip:Eip", "outputs", "ptrRecord"): SDK,
    ("aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults", "default", "httpEndpoint"): (
        FRAMEWORK
    ),
    (
        "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        "default",
        "httpPutResponseHopLimit",
    ): FRAMEWORK,
    ("aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults", "default", "httpTokens"): (
        FRAMEWORK
    ),
    (
        "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        "default",
        "instanceMetadataTags",
    ): FRAMEWORK,
    ("aws:ec2/securityGroup:SecurityGroup", "default", "description"): (
        "pulumi-aws: Managed by Pulumi"
    ),
    ("aws:ec2/vpc:Vpc", "replaces", "instanceTenancy"): (
        "terraform-provider-aws vpc_.go: going to dedicated replaces (CustomizeDiff, which the "
        "facts leave out)"
    ),
    ("aws:iam/policy:Policy", "outputs", "attachmentCount"): SDK,
    ("aws:kms/key:Key", "computed", "rotationPeriodInDays"): NEWER,
    ("aws:kms/key:Key", "replaces", "xksKeyId"): NEWER,
    ("aws:lambda/function:Function", "computed", "codeSha256"): NEWER,
    ("aws:lambda/function:Function", "computed", "loggingConfig"): NEWER,
    ("aws:lambda/function:Function", "required", "loggingConfig.logFormat"): NEWER,
    ("aws:lambda/function:Function", "outputs", "responseStreamingInvokeArn"): SDK,
    ("aws:lambda/permission:Permission", "replaces", "invokedViaFunctionUrl"): NEWER,
    ("aws:organizations/account:Account", "replaces", "name"): (
        "AWS renames accounts since April 2025 (account:PutAccountName); updated in place"
    ),
    ("aws:organizations/account:Account", "outputs", "state"): SDK,
    ("aws:organizations/organization:Organization", "outputs", "masterAccountName"): SDK,
    ("aws:organizations/organization:Organization", "replaces", "featureSet"): (
        "terraform-provider-aws organization.go: going back from ALL replaces (CustomizeDiff, "
        "which the facts leave out)"
    ),
    ("aws:route53/zone:Zone", "default", "comment"): "pulumi-aws: Managed by Pulumi",
    ("aws:s3/bucket:Bucket", "computed", "bucketNamespace"): NEWER,
    ("aws:s3/bucket:Bucket", "outputs", "bucketRegion"): SDK,
    ("aws:s3/bucket:Bucket", "outputs", "region"): (
        "terraform-provider-aws 6.0: the bucket's region is `bucketRegion`, `region` is an argument"
    ),
    ("aws:s3/bucket:Bucket", "replaces", "bucketNamespace"): NEWER,
    (BUCKET_LIFECYCLE, "computed", "expectedBucketOwner"): NEWER,
    (BUCKET_LIFECYCLE, "computed", "transitionDefaultMinimumObjectSize"): NEWER,
    (
        BUCKET_LIFECYCLE,
        "required",
        "rules[].noncurrentVersionExpiration.noncurrentDays",
    ): SDK,
    ("aws:s3/bucketVersioning:BucketVersioning", "required", "versioningConfiguration.status"): (
        SDK
    ),
    ("aws:sns/topic:Topic", "computed", "fifoThroughputScope"): NEWER,
    ("aws:sns/topic:Topic", "computed", "maximumMessageSize"): NEWER,
    ("aws:sns/topicSubscription:TopicSubscription", "replaces", "topic"): (
        "the facts leave it out; terraform-provider-aws calls it topic_arn"
    ),
    ("aws:sns/topicSubscription:TopicSubscription", "required", "topic"): SDK,
    ("aws:ssm/parameter:Parameter", "computed", "insecureValue"): (
        "empty where `value` is given, so that it can give way to it"
    ),
    ("aws:ssm/parameter:Parameter", "computed", "value"): (
        "empty where `insecureValue` is given, so that it can give way to it"
    ),
    ("aws:ssm/parameter:Parameter", "outputs", "hasValueWo"): SDK,
    ("aws:ssm/parameter:Parameter", "replaces", "dataType"): (
        "terraform-provider-aws parameter.go: replaces it, which the facts do not know yet"
    ),
    ("aws:ssm/parameter:Parameter", "replaces", "tier"): (
        "terraform-provider-aws parameter.go: back from Advanced replaces (CustomizeDiff, which "
        "the facts leave out)"
    ),
    ("aws:ssm/parameter:Parameter", "secret", "valueWo"): NEWER,
}


def walk(arguments: Mapping[str, Argument], prefix: str = "") -> Iterator[tuple[str, Argument]]:
    """Every argument that is carried, and every field of those, as the facts spell them."""
    for name, argument in arguments.items():
        yield prefix + name, argument
        nested = argument.element if argument.kind == "list" else argument
        if argument.carried and nested and nested.kind == "object":
            many = "[]" if argument.kind == "list" and name != "aliases" else ""
            yield from walk(nested.fields, f"{prefix}{name}{many}.")


def facts(resource: Resource, aspect: str) -> dict[str, object]:
    """What the facts say of the properties that this plugin carries or at least knows."""
    told = FACTS[resource.type_name]
    if aspect == "default":
        pairs = told.get("defaults", {}).items()
    elif aspect == "computed":
        pairs = ((name[:-1], True) for name in told.get("computed", ()) if name.endswith("?"))
    elif aspect == "outputs":
        pairs = (
            (name.rstrip("?"), True)
            for name in told.get("computed", ())
            if not name.endswith("?") or name == "tagsAll?"
        )
    else:
        pairs = ((name, True) for name in told.get(aspect, ()))
    return {
        name: value
        for name, value in pairs
        if not (below_uncarried(resource, name) or (aspect == "computed" and name == "tagsAll"))
    }


def below_uncarried(resource: Resource, name: str) -> bool:
    *above, _last = name.replace("[]", "").split(".")
    fields = resource.arguments
    for part in above:
        argument = fields[part]
        if not argument.carried:
            return True
        nested = argument.element if argument.kind == "list" else argument
        fields = nested.fields if nested else {}
    return False


def declared(resource: Resource, aspect: str) -> dict[str, object]:
    arguments = dict(walk(resource.arguments))
    match aspect:
        case "required":
            return {name: True for name, item in arguments.items() if item.required}
        case "replaces":
            return {name: True for name, item in arguments.items() if item.replaces}
        case "computed":
            return {name: True for name, item in resource.arguments.items() if item.computed}
        case "secret":
            return {name: True for name, item in resource.arguments.items() if item.secret}
        case "default":
            return {n: item.default for n, item in arguments.items() if item.default is not None}
        case _:
            return dict.fromkeys(resource.outputs, True)


@pytest.fixture(params=sorted(RESOURCES))
def resource(request: pytest.FixtureRequest) -> Resource:
    return RESOURCES[request.param]


def test_the_inputs_are_those_of_the_installed_class(resource: Resource) -> None:
    theirs = sdk.inputs(resource.type_name)
    assert resource.arguments.keys() == theirs.keys()


def test_the_outputs_are_those_of_the_installed_class(resource: Resource) -> None:
    assert {*resource.outputs} == sdk.outputs(resource.type_name)


def test_the_inputs_have_the_types_of_the_installed_class(resource: Resource) -> None:
    compare(resource.arguments, sdk.inputs(resource.type_name))


def compare(ours: Mapping[str, Argument], theirs: Mapping[str, sdk.Property]) -> None:
    for name, argument in ours.items():
        kind = "string" if argument.kind == "document" else argument.kind
        assert (name, kind) == (name, theirs[name].kind)
        if theirs[name].required:
            assert (name, argument.required) == (name, True)
        nested = argument.element if argument.kind == "list" else argument
        if argument.carried and nested and nested.kind == "object":
            assert (name, nested.fields.keys()) == (name, theirs[name].fields.keys())
            compare(nested.fields, theirs[name].fields)


@pytest.mark.parametrize(
    "aspect", ["required", "replaces", "computed", "secret", "outputs", "default"]
)
def test_the_genuine_plugin_says_the_same(resource: Resource, aspect: str) -> None:
    ours, theirs = declared(resource, aspect), facts(resource, aspect)
    differing = {name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)}
    if aspect in {"replaces", "computed"} and resource.is_regional:
        assert "region" in differing, REGION
        differing.remove("region")
    if aspect == "required" and resource.auto_name:
        differing.discard("name")  # pulumi-aws names what has no name
    listed = {
        name
        for type_name, listed_aspect, name in DIFFERENCES
        if (type_name, listed_aspect) == (resource.type_name, aspect)
    }
    assert differing == listed


def test_every_difference_is_about_a_type_that_is_carried() -> None:
    assert {type_name for type_name, _aspect, _name in DIFFERENCES} <= RESOURCES.keys()
