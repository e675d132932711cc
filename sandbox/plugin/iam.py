"""IAM: roles, policies in and beside them, and the profiles that give roles to instances."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

import json
import re
from datetime import datetime
from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.documents import policy_meaning
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    TAGS,
    AutoName,
    Resource,
    blocks,
    boolean,
    integer,
    policy_document,
    string,
    strings,
)
from sandbox.plugin.tags import tag_changes, tag_list, tag_map
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "iam"
_MOST_VERSIONS = 5  # of one managed policy
_NAMING = {
    "name": string(replaces=True, computed=True),
    "namePrefix": string(replaces=True, computed=True),
}


def _text(policy: object) -> str:
    """Return a policy as text; boto3 decodes IAM's documents."""
    return policy if isinstance(policy, str) else json.dumps(policy)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Role(Resource):
    """A role; its id is its name."""

    type_name = "aws:iam/role:Role"
    title = "IAM Role"
    arguments: ClassVar = {
        "assumeRolePolicy": policy_document(required=True),
        "description": string(),
        "forceDetachPolicies": boolean(default=False),
        "inlinePolicies": blocks({}, computed=True, carried=False),
        "managedPolicyArns": strings(computed=True, carried=False),
        "maxSessionDuration": integer(default=3600),
        **_NAMING,
        "path": string(default="/", replaces=True),
        "permissionsBoundary": string(),
        **TAGS,
    }
    outputs = ("arn", "createDate", "tagsAll", "uniqueId")
    auto_name = AutoName(length=64)
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        role = account.call(
            _SERVICE,
            "CreateRole",
            AssumeRolePolicyDocument=args["assumeRolePolicy"],
            Description=args.get("description"),
            MaxSessionDuration=args["maxSessionDuration"],
            Path=args["path"],
            PermissionsBoundary=args.get("permissionsBoundary"),
            RoleName=given_name(args),
            Tags=tag_list(args),
        )["Role"]
        return role["RoleName"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        role = account.call(_SERVICE, "GetRole", RoleName=resource_id)["Role"]
        boundary = nested(role, "PermissionsBoundary")
        return {
            "arn": role["Arn"],
            "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
            "createDate": _time(role["CreateDate"]),
            "description": role.get("Description", ""),
            "maxSessionDuration": role["MaxSessionDuration"],
            "name": role["RoleName"],
            "path": role["Path"],
            "permissionsBoundary": boundary.get("PermissionsBoundaryArn", ""),
            "tagsAll": tag_map(listed(role, "Tags")),
            "uniqueId": role["RoleId"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        trust = new["assumeRolePolicy"]
        if policy_meaning(old.get("assumeRolePolicy", "")) != policy_meaning(trust):
            account.call(
                _SERVICE, "UpdateAssumeRolePolicy", RoleName=resource_id, PolicyDocument=trust
            )
        before, after = (
            {
                "Description": args.get("description", ""),
                "MaxSessionDuration": args.get("maxSessionDuration"),
            }
            for args in (old, new)
        )
        if before != after:
            account.call(_SERVICE, "UpdateRole", RoleName=resource_id, **after)
        boundary = new.get("permissionsBoundary", "")
        if boundary == old.get("permissionsBoundary", ""):
            pass
        elif boundary:
            account.call(
                _SERVICE,
                "PutRolePermissionsBoundary",
                RoleName=resource_id,
                PermissionsBoundary=boundary,
            )
        else:
            account.call(_SERVICE, "DeleteRolePermissionsBoundary", RoleName=resource_id)
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "UntagRole", RoleName=resource_id, TagKeys=to_remove)
        if to_set:
            tags = tag_list({"tagsAll": to_set})
            account.call(_SERVICE, "TagRole", RoleName=resource_id, Tags=tags)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if state.get("forceDetachPolicies"):
            attached = account.call(_SERVICE, "ListAttachedRolePolicies", RoleName=resource_id)
            for policy in attached["AttachedPolicies"]:
                account.call(
                    _SERVICE,
                    "DetachRolePolicy",
                    RoleName=resource_id,
                    PolicyArn=policy["PolicyArn"],
                )
            inline = account.call(_SERVICE, "ListRolePolicies", RoleName=resource_id)
            for name in inline["PolicyNames"]:
                account.call(_SERVICE, "DeleteRolePolicy", RoleName=resource_id, PolicyName=name)
        account.call(_SERVICE, "DeleteRole", RoleName=resource_id)


class RolePolicy(Resource):
    """A policy inside a role; its id is ROLE:NAME."""

    type_name = "aws:iam/rolePolicy:RolePolicy"
    title = "IAM Role Policy"
    arguments: ClassVar = {
        **_NAMING,
        "policy": policy_document(required=True),
        "role": string(required=True, replaces=True),
    }
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        name = given_name(args)
        self._put(account, args["role"], name, args["policy"])
        return f"{args['role']}:{name}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        role, _, name = resource_id.partition(":")
        policy = account.call(_SERVICE, "GetRolePolicy", RoleName=role, PolicyName=name)
        return {"name": name, "policy": _text(policy["PolicyDocument"]), "role": role}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        role, _, name = resource_id.partition(":")
        self._put(account, role, name, new["policy"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        role, _, name = resource_id.partition(":")
        account.call(_SERVICE, "DeleteRolePolicy", RoleName=role, PolicyName=name)

    @staticmethod
    def _put(account: Account, role: str, name: str, policy: str) -> None:
        account.call(
            _SERVICE, "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=policy
        )


class Policy(Resource):
    """A managed policy; its id is its ARN. A new text is a new version, at once the one in force.

    AWS keeps five versions, so the oldest gives way.
    """

    type_name = "aws:iam/policy:Policy"
    title = "IAM Policy"
    arguments: ClassVar = {
        "delayAfterPolicyCreationInMs": integer(carried=False),
        "description": string(replaces=True),
        **_NAMING,
        "path": string(default="/", replaces=True),
        "policy": policy_document(required=True),
        **TAGS,
    }
    outputs = ("arn", "attachmentCount", "policyId", "tagsAll")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreatePolicy",
            Description=args.get("description"),
            Path=args["path"],
            PolicyDocument=args["policy"],
            PolicyName=given_name(args),
            Tags=tag_list(args),
        )
        return answer["Policy"]["Arn"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetPolicy", PolicyArn=resource_id)["Policy"]
        version = account.call(
            _SERVICE,
            "GetPolicyVersion",
            PolicyArn=resource_id,
            VersionId=live["DefaultVersionId"],
        )
        return {
            "arn": live["Arn"],
            "attachmentCount": live["AttachmentCount"],
            "description": live.get("Description", ""),
            "name": live["PolicyName"],
            "path": live["Path"],
            "policy": _text(version["PolicyVersion"]["Document"]),
            "policyId": live["PolicyId"],
            "tagsAll": tag_map(listed(live, "Tags")),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if policy_meaning(old.get("policy", "")) != policy_meaning(new["policy"]):
            others = self._other_versions(account, resource_id)
            if len(others) == _MOST_VERSIONS - 1:
                oldest = min(others, key=lambda version: version["CreateDate"])
                self._delete_version(account, resource_id, oldest)
            account.call(
                _SERVICE,
                "CreatePolicyVersion",
                PolicyArn=resource_id,
                PolicyDocument=new["policy"],
                SetAsDefault=True,
            )
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "UntagPolicy", PolicyArn=resource_id, TagKeys=to_remove)
        if to_set:
            tags = tag_list({"tagsAll": to_set})
            account.call(_SERVICE, "TagPolicy", PolicyArn=resource_id, Tags=tags)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        for version in self._other_versions(account, resource_id):
            self._delete_version(account, resource_id, version)
        account.call(_SERVICE, "DeletePolicy", PolicyArn=resource_id)

    @staticmethod
    def _other_versions(account: Account, arn: str) -> list[Values]:
        """Return the versions that are not in force; five at most are one page."""
        answer = account.call(_SERVICE, "ListPolicyVersions", PolicyArn=arn)
        return [version for version in answer["Versions"] if not version["IsDefaultVersion"]]

    @staticmethod
    def _delete_version(account: Account, arn: str, version: Values) -> None:
        account.call(_SERVICE, "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])


class RolePolicyAttachment(Resource):
    """A managed policy attached to a role; its id is ROLE/ARN."""

    type_name = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    title = "IAM Role Policy Attachment"
    delete_before_replace = True  # made first, the new one would be what the deletion deletes
    arguments: ClassVar = {
        "policyArn": string(required=True, replaces=True),
        "role": string(required=True, replaces=True),
    }

    def create(self, account: Account, args: Values) -> str:
        role, policy_arn = args["role"], args["policyArn"]
        account.call(_SERVICE, "AttachRolePolicy", RoleName=role, PolicyArn=policy_arn)
        return f"{role}/{policy_arn}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        role, policy_arn = self._parts(resource_id)
        marker: object = None
        while True:
            page = account.call(_SERVICE, "ListAttachedRolePolicies", RoleName=role, Marker=marker)
            if any(item["PolicyArn"] == policy_arn for item in page["AttachedPolicies"]):
                return {"policyArn": policy_arn, "role": role}
            if not page.get("IsTruncated"):
                return None
            marker = page["Marker"]

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        role, policy_arn = self._parts(resource_id)
        account.call(_SERVICE, "DetachRolePolicy", RoleName=role, PolicyArn=policy_arn)

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str]:
        match = re.fullmatch(r"([^/]+)/(arn:.+)", resource_id)
        if match is None:
            raise AwsError(f"a role policy attachment's id is ROLE/POLICY_ARN, not {resource_id}")
        return match[1], match[2]


class InstanceProfile(Resource):
    """What gives a role to instances; its id is its name."""

    type_name = "aws:iam/instanceProfile:InstanceProfile"
    title = "IAM Instance Profile"
    arguments: ClassVar = {
        **_NAMING,
        "path": string(default="/", replaces=True),
        "role": string(),
        **TAGS,
    }
    outputs = ("arn", "createDate", "tagsAll", "uniqueId")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        profile = account.call(
            _SERVICE,
            "CreateInstanceProfile",
            InstanceProfileName=given_name(args),
            Path=args["path"],
            Tags=tag_list(args),
        )["InstanceProfile"]
        return profile["InstanceProfileName"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._give(account, resource_id, args.get("role"))

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        profile = self._profile(account, resource_id)
        roles = [role["RoleName"] for role in profile["Roles"]]
        return {
            "arn": profile["Arn"],
            "createDate": _time(profile["CreateDate"]),
            "name": profile["InstanceProfileName"],
            "path": profile["Path"],
            "role": roles[0] if roles else None,
            "tagsAll": tag_map(listed(profile, "Tags")),
            "uniqueId": profile["InstanceProfileId"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._give(account, resource_id, new.get("role"))
        name = {"InstanceProfileName": resource_id}
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "UntagInstanceProfile", **name, TagKeys=to_remove)
        if to_set:
            tags = tag_list({"tagsAll": to_set})
            account.call(_SERVICE, "TagInstanceProfile", **name, Tags=tags)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        self._give(account, resource_id, None)
        account.call(_SERVICE, "DeleteInstanceProfile", InstanceProfileName=resource_id)

    @staticmethod
    def _profile(account: Account, name: str) -> Values:
        answer = account.call(_SERVICE, "GetInstanceProfile", InstanceProfileName=name)
        return answer["InstanceProfile"]

    @classmethod
    def _give(cls, account: Account, name: str, role: str | None) -> None:
        """Let the profile hold this role, or none; AWS lets it hold one at a time."""
        held = [item["RoleName"] for item in cls._profile(account, name)["Roles"]]
        changes = [("RemoveRoleFromInstanceProfile", other) for other in held if other != role]
        if role and role not in held:
            changes.append(("AddRoleToInstanceProfile", role))
        for operation, changed in changes:
            account.call(_SERVICE, operation, InstanceProfileName=name, RoleName=changed)


RESOURCES = (Role(), RolePolicy(), Policy(), RolePolicyAttachment(), InstanceProfile())
