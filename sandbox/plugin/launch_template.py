"""EC2: launch templates, whose every change is a new version.

A program's names are AWS's but for the first letter (`_WORDS` has the others), so one walk over the
declaration translates both ways.
"""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Collection, Mapping
from typing import ClassVar, cast

from sandbox.plugin.account import Account
from sandbox.plugin.ec2 import SERVICE, arn, matching, retag
from sandbox.plugin.naming import given_name
from sandbox.plugin.planning import changes
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    Argument,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    integer,
    string,
    string_map,
    strings,
)
from sandbox.plugin.tags import tag_list, tag_map
from sandbox.plugin.values import Values

_LATEST = "$Latest"
_FLAG = ("true", "false")  # text, because a flag that is left out is the image's or the subnet's
_WORDS = {"securityGroups": "Groups", "vpcSecurityGroupIds": "SecurityGroupIds"}

_DATA: Mapping[str, Argument] = {
    "blockDeviceMappings": blocks(
        {
            "deviceName": string(),
            "ebs": block(
                {
                    "deleteOnTermination": string(choices=_FLAG),
                    "encrypted": string(choices=_FLAG),
                    "iops": integer(computed=True),
                    "kmsKeyId": string(),
                    "snapshotId": string(),
                    "throughput": integer(computed=True),
                    "volumeInitializationRate": integer(carried=False),
                    "volumeSize": integer(computed=True),
                    "volumeType": string(computed=True),
                }
            ),
            "noDevice": string(carried=False),
            "virtualName": string(carried=False),
        }
    ),
    "creditSpecification": block({"cpuCredits": string(choices=("standard", "unlimited"))}),
    "ebsOptimized": string(choices=_FLAG),
    "iamInstanceProfile": block({"arn": string(), "name": string()}),
    "imageId": string(),
    "instanceType": string(),
    "metadataOptions": block(
        {
            "httpEndpoint": string(computed=True, choices=("enabled", "disabled")),
            "httpProtocolIpv6": string(computed=True, choices=("enabled", "disabled")),
            "httpPutResponseHopLimit": integer(computed=True),
            "httpTokens": string(computed=True, choices=("optional", "required")),
            "instanceMetadataTags": string(computed=True, choices=("enabled", "disabled")),
        },
        computed=True,
    ),
    "monitoring": block({"enabled": boolean()}),
    "networkInterfaces": blocks(
        {
            "associateCarrierIpAddress": string(carried=False),
            "associatePublicIpAddress": string(choices=_FLAG),
            "connectionTrackingSpecification": block({}, carried=False),
            "deleteOnTermination": string(choices=_FLAG),
            "description": string(),
            "deviceIndex": integer(),
            "enaQueueCount": integer(carried=False),
            "enaSrdSpecification": block({}, carried=False),
            "interfaceType": string(carried=False),
            "ipv4AddressCount": integer(carried=False),
            "ipv4Addresses": strings(carried=False),
            "ipv4PrefixCount": integer(carried=False),
            "ipv4Prefixes": strings(carried=False),
            "ipv6AddressCount": integer(),
            "ipv6Addresses": strings(carried=False),
            "ipv6PrefixCount": integer(carried=False),
            "ipv6Prefixes": strings(carried=False),
            "networkCardIndex": integer(carried=False),
            "networkInterfaceId": string(carried=False),
            "primaryIpv6": string(carried=False),
            "privateIpAddress": string(carried=False),
            "securityGroups": strings(unordered=True),
            "subnetId": string(),
        }
    ),
    "tagSpecifications": blocks({"resourceType": string(), "tags": string_map()}),
    "userData": string(),
    "vpcSecurityGroupIds": strings(unordered=True),
}
"""What a version says about the instances."""


class LaunchTemplate(Resource):
    """A launch template; its state is what its latest version says."""

    type_name = "aws:ec2/launchTemplate:LaunchTemplate"
    title = "EC2 Launch Template"
    arguments: ClassVar = {
        **_DATA,
        "capacityReservationSpecification": block({}, carried=False),
        "cpuOptions": block({}, carried=False),
        "defaultVersion": integer(computed=True),
        "description": string(),
        "disableApiStop": boolean(carried=False),
        "disableApiTermination": boolean(carried=False),
        "enclaveOptions": block({}, carried=False),
        "hibernationOptions": block({}, carried=False),
        "instanceInitiatedShutdownBehavior": string(carried=False),
        "instanceMarketOptions": block({}, carried=False),
        "instanceRequirements": block({}, carried=False),
        "kernelId": string(carried=False),
        "keyName": string(carried=False),
        "licenseSpecifications": blocks({}, carried=False),
        "maintenanceOptions": block({}, carried=False),
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        "networkPerformanceOptions": block({}, carried=False),
        "placement": block({}, carried=False),
        "privateDnsNameOptions": block({}, carried=False),
        "ramDiskId": string(carried=False),
        **REGION,
        "secondaryInterfaces": blocks({}, carried=False),
        "securityGroupNames": strings(carried=False),
        **TAGS,
        "updateDefaultVersion": boolean(),
    }
    outputs = ("arn", "latestVersion", "tagsAll")
    volatile = ("latestVersion",)
    auto_name = AutoName(length=128)
    conflicts = (("name", "namePrefix"), ("defaultVersion", "updateDefaultVersion"))

    def volatile_in(self, old: Values, new: Values) -> Collection[str]:
        if not self._makes_version(old, new):
            return ()
        moving = ("defaultVersion",) if new.get("updateDefaultVersion") else ()
        return ("latestVersion", *moving)

    def create(self, account: Account, args: Values) -> str:
        template = account.call(
            SERVICE,
            "CreateLaunchTemplate",
            LaunchTemplateData=_data(args),
            LaunchTemplateName=given_name(args),
            VersionDescription=args.get("description"),
        )["LaunchTemplate"]
        return template["LaunchTemplateId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        # not with the creation: moto would add them to what instances are tagged with
        retag(account, resource_id, {}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        found = account.call(SERVICE, "DescribeLaunchTemplates", LaunchTemplateIds=[resource_id])
        if not found["LaunchTemplates"]:
            return None
        template = found["LaunchTemplates"][0]
        version = account.call(
            SERVICE,
            "DescribeLaunchTemplateVersions",
            LaunchTemplateId=resource_id,
            Versions=[_LATEST],
        )["LaunchTemplateVersions"][0]
        tags = account.call(SERVICE, "DescribeTags", Filters=matching(resource_id=resource_id))
        told = version["LaunchTemplateData"]
        return {
            "arn": arn(account, "launch-template", resource_id),
            **{name: _told(_DATA[name], told.get(_word(name))) for name in _DATA},
            "defaultVersion": template["DefaultVersionNumber"],
            "description": version.get("VersionDescription", ""),
            "latestVersion": template["LatestVersionNumber"],
            "name": template["LaunchTemplateName"],
            "tagsAll": tag_map(tags["Tags"]),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        latest = old["latestVersion"]
        if self._makes_version(old, new):
            latest = account.call(
                SERVICE,
                "CreateLaunchTemplateVersion",
                LaunchTemplateData=_data(new),
                LaunchTemplateId=resource_id,
                VersionDescription=new.get("description") or None,
            )["LaunchTemplateVersion"]["VersionNumber"]
        default = latest if new.get("updateDefaultVersion") else new["defaultVersion"]
        if default != old["defaultVersion"]:
            account.call(
                SERVICE,
                "ModifyLaunchTemplate",
                DefaultVersion=str(default),
                LaunchTemplateId=resource_id,
            )
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(SERVICE, "DeleteLaunchTemplate", LaunchTemplateId=resource_id)

    def _makes_version(self, old: Values, new: Values) -> bool:
        changed = {change.argument for change in changes(self, old, new)}
        return not changed.isdisjoint({*_DATA, "description"})


def _word(name: str) -> str:
    return _WORDS.get(name, f"{name[0].upper()}{name[1:]}")


def _data(args: Values) -> Values:
    """Return what the arguments say about the instances, in AWS's words."""
    return _said_of_fields(_DATA, args)


def _said_of_fields(fields: Mapping[str, Argument], values: Values) -> Values:
    said = {_word(name): _said(fields[name], values.get(name)) for name in fields}
    return {word: value for word, value in said.items() if value is not None}


def _said(argument: Argument, value: object) -> object:
    """Return an argument's value in AWS's words, None for what is left out."""
    if value is None or value == "":
        return None
    if argument.choices == _FLAG:
        return value == "true"
    if argument.kind == "map":
        return tag_list({"tagsAll": value})
    if argument.kind == "object":
        return _said_of_fields(argument.fields, cast("Values", value))
    if argument.kind == "list" and argument.element:
        element = argument.element
        return [_said(element, item) for item in cast("list[object]", value)]
    return value


def _told(argument: Argument, value: object) -> object:
    """Return AWS's value of an argument in the program's words, None for what it does not tell."""
    if value is None:
        return None
    if argument.choices == _FLAG:
        return "true" if value else "false"
    if argument.kind == "map":
        return tag_map(cast("list[Values]", value))
    if argument.kind == "object":
        told = {
            name: _told(child, cast("Values", value).get(_word(name)))
            for name, child in argument.fields.items()
        }
        return {name: item for name, item in told.items() if item is not None}
    if argument.kind == "list" and argument.element:
        element = argument.element
        return [_told(element, item) for item in cast("list[object]", value)]
    return value


RESOURCES = (LaunchTemplate(),)
