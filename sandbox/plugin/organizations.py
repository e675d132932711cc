"""AWS Organizations: the organization, its units and accounts, its policies and their targets."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.documents import canonical
from sandbox.plugin.schema import (
    TAGS,
    AutoName,
    Resource,
    boolean,
    document,
    string,
    strings,
)
from sandbox.plugin.tags import retag, tag_list, tag_map
from sandbox.plugin.values import Values, listed

_SERVICE = "organizations"


def _tags(account: Account, resource_id: str) -> Values:
    return tag_map(account.pages(_SERVICE, "ListTagsForResource", "Tags", ResourceId=resource_id))


def _parent(account: Account, child_id: str) -> str:
    return account.call(_SERVICE, "ListParents", ChildId=child_id)["Parents"][0]["Id"]


def _summary(account: Values) -> Values:
    status = account.get("Status", "")
    return {
        "arn": account["Arn"],
        "email": account["Email"],
        "id": account["Id"],
        "joinedMethod": account.get("JoinedMethod", ""),
        "joinedTimestamp": _time(account),
        "name": account["Name"],
        "state": account.get("State", status),
        "status": status,
    }


def _time(account: Values) -> str:
    joined = account.get("JoinedTimestamp")
    return joined.isoformat() if joined else ""


class Organization(Resource):
    """The organization itself; its id is AWS's."""

    type_name = "aws:organizations/organization:Organization"
    title = "Organizations Organization"
    arguments: ClassVar = {
        "awsServiceAccessPrincipals": strings(unordered=True),
        "enabledPolicyTypes": strings(unordered=True),
        "featureSet": string(
            default="ALL",
            choices=("ALL", "CONSOLIDATED_BILLING"),
            replaces=lambda old, _new: old == "ALL",
        ),
        "returnOrganizationOnly": boolean(),
    }
    outputs = (
        "accounts",
        "arn",
        "masterAccountArn",
        "masterAccountEmail",
        "masterAccountId",
        "masterAccountName",
        "nonMasterAccounts",
        "roots",
    )
    volatile = ("accounts", "nonMasterAccounts", "roots")

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(_SERVICE, "CreateOrganization", FeatureSet=args["featureSet"])
        return answer["Organization"]["Id"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self.update(account, resource_id, {"featureSet": args["featureSet"]}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        organization = account.call(_SERVICE, "DescribeOrganization")["Organization"]
        if organization["Id"] != resource_id:
            return None
        properties: Values = {
            "arn": organization["Arn"],
            "featureSet": organization["FeatureSet"],
            "masterAccountArn": organization["MasterAccountArn"],
            "masterAccountEmail": organization["MasterAccountEmail"],
            "masterAccountId": organization["MasterAccountId"],
        }
        if known.get("returnOrganizationOnly"):
            return properties
        master_id = organization["MasterAccountId"]
        accounts = [_summary(item) for item in account.pages(_SERVICE, "ListAccounts", "Accounts")]
        roots = list(account.pages(_SERVICE, "ListRoots", "Roots"))
        services = account.pages(
            _SERVICE, "ListAWSServiceAccessForOrganization", "EnabledServicePrincipals"
        )
        types = [kind for root in roots for kind in listed(root, "PolicyTypes")]
        names = [item["name"] for item in accounts if item["id"] == master_id]
        return properties | {
            "accounts": accounts,
            "nonMasterAccounts": [item for item in accounts if item["id"] != master_id],
            "masterAccountName": names[0] if names else "",
            "roots": [
                {
                    "arn": root["Arn"],
                    "id": root["Id"],
                    "name": root["Name"],
                    "policyTypes": [
                        {"status": kind["Status"], "type": kind["Type"]}
                        for kind in listed(root, "PolicyTypes")
                    ],
                }
                for root in roots
            ],
            "awsServiceAccessPrincipals": [item["ServicePrincipal"] for item in services],
            "enabledPolicyTypes": [kind["Type"] for kind in types if kind["Status"] == "ENABLED"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if old.get("featureSet") != new.get("featureSet"):
            account.call(_SERVICE, "EnableAllFeatures")
        before, after = (set(listed(args, "awsServiceAccessPrincipals")) for args in (old, new))
        for principal in sorted(after - before):
            account.call(_SERVICE, "EnableAWSServiceAccess", ServicePrincipal=principal)
        for principal in sorted(before - after):
            account.call(_SERVICE, "DisableAWSServiceAccess", ServicePrincipal=principal)
        before, after = (set(listed(args, "enabledPolicyTypes")) for args in (old, new))
        if before != after:
            root_id = next(account.pages(_SERVICE, "ListRoots", "Roots"))["Id"]
            for kind in sorted(after - before):
                account.call(_SERVICE, "EnablePolicyType", RootId=root_id, PolicyType=kind)
            for kind in sorted(before - after):
                account.call(_SERVICE, "DisablePolicyType", RootId=root_id, PolicyType=kind)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteOrganization")


class OrganizationalUnit(Resource):
    """A unit below the root or another unit."""

    type_name = "aws:organizations/organizationalUnit:OrganizationalUnit"
    title = "Organizations Organizational Unit"
    arguments: ClassVar = {
        "name": string(),
        "parentId": string(required=True, replaces=True),
        **TAGS,
    }
    outputs = ("accounts", "arn", "tagsAll")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreateOrganizationalUnit",
            Name=args["name"],
            ParentId=args["parentId"],
            Tags=tag_list(args),
        )
        return answer["OrganizationalUnit"]["Id"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        unit = account.call(
            _SERVICE, "DescribeOrganizationalUnit", OrganizationalUnitId=resource_id
        )["OrganizationalUnit"]
        members = account.pages(_SERVICE, "ListAccountsForParent", "Accounts", ParentId=resource_id)
        return {
            "accounts": [
                {"arn": item["Arn"], "email": item["Email"], "id": item["Id"], "name": item["Name"]}
                for item in members
            ],
            "arn": unit["Arn"],
            "name": unit["Name"],
            "parentId": _parent(account, resource_id),
            "tagsAll": _tags(account, resource_id),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if old.get("name") != new["name"]:
            account.call(
                _SERVICE,
                "UpdateOrganizationalUnit",
                OrganizationalUnitId=resource_id,
                Name=new["name"],
            )
        retag(account, _SERVICE, old, new, ResourceId=resource_id)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteOrganizationalUnit", OrganizationalUnitId=resource_id)


class MemberAccount(Resource):
    """An account of the organization. Nothing closes it unless `closeOnDeletion` says so."""

    type_name = "aws:organizations/account:Account"
    title = "Organizations Account"
    arguments: ClassVar = {
        "closeOnDeletion": boolean(default=False),
        "createGovcloud": boolean(default=False, carried=False),
        "email": string(required=True, replaces=True),
        "iamUserAccessToBilling": string(replaces=True, choices=("ALLOW", "DENY")),
        "name": string(),
        "parentId": string(computed=True),
        "roleName": string(replaces=True),
        **TAGS,
    }
    outputs = (
        "arn",
        "govcloudId",
        "joinedMethod",
        "joinedTimestamp",
        "state",
        "status",
        "tagsAll",
    )
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        request = account.call(
            _SERVICE,
            "CreateAccount",
            AccountName=args["name"],
            Email=args["email"],
            IamUserAccessToBilling=args.get("iamUserAccessToBilling"),
            RoleName=args.get("roleName"),
            Tags=tag_list(args),
        )["CreateAccountStatus"]

        def created() -> str | None:
            status = account.call(
                _SERVICE, "DescribeCreateAccountStatus", CreateAccountRequestId=request["Id"]
            )["CreateAccountStatus"]
            if status["State"] == "FAILED":
                raise AwsError(
                    f"waiting for the account's creation: {status.get('FailureReason', 'FAILED')}"
                )
            return status["AccountId"] if status["State"] == "SUCCEEDED" else None

        return account.wait_for(created, lambda: f"request {request['Id']} is still in progress")

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._move(account, resource_id, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        account_id, _, billing = resource_id.partition("_")
        member = account.call(_SERVICE, "DescribeAccount", AccountId=account_id)["Account"]
        summary = _summary(member)
        if summary["state"] in {"SUSPENDED", "PENDING_CLOSURE", "CLOSED"}:
            return None
        properties = {
            **{name: summary[name] for name in ("arn", "email", "name", "state", "status")},
            "id": account_id,
            "joinedMethod": summary["joinedMethod"],
            "joinedTimestamp": summary["joinedTimestamp"],
            "govcloudId": "",
            "parentId": _parent(account, account_id),
            "tagsAll": _tags(account, account_id),
        }
        return properties | ({"iamUserAccessToBilling": billing} if billing else {})

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if old.get("name") != new["name"]:
            account.call(
                "account", "PutAccountName", AccountId=resource_id, AccountName=new["name"]
            )
        self._move(account, resource_id, new)
        retag(account, _SERVICE, old, new, ResourceId=resource_id)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        close = state.get("closeOnDeletion")
        operation = "CloseAccount" if close else "RemoveAccountFromOrganization"
        account.call(_SERVICE, operation, AccountId=resource_id)

    def _move(self, account: Account, resource_id: str, args: Values) -> None:
        wanted = args.get("parentId")
        if wanted is None:
            return
        current = _parent(account, resource_id)
        if current != wanted:
            account.call(
                _SERVICE,
                "MoveAccount",
                AccountId=resource_id,
                SourceParentId=current,
                DestinationParentId=wanted,
            )


class Policy(Resource):
    """A policy of the organization, attached to nothing yet."""

    type_name = "aws:organizations/policy:Policy"
    title = "Organizations Policy"
    arguments: ClassVar = {
        "content": document(required=True),
        "description": string(),
        "name": string(),
        "skipDestroy": boolean(),
        "type": string(default="SERVICE_CONTROL_POLICY", replaces=True),
        **TAGS,
    }
    outputs = ("arn", "tagsAll")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreatePolicy",
            Content=args["content"],
            Description=args.get("description", ""),
            Name=args["name"],
            Type=args["type"],
            Tags=tag_list(args),
        )
        return answer["Policy"]["PolicySummary"]["Id"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        policy = account.call(_SERVICE, "DescribePolicy", PolicyId=resource_id)["Policy"]
        summary = policy["PolicySummary"]
        return {
            "arn": summary["Arn"],
            "content": policy["Content"],
            "description": summary.get("Description", ""),
            "name": summary["Name"],
            "type": summary["Type"],
            "tagsAll": _tags(account, resource_id),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        content = new["content"]
        if canonical(old.get("content", "")) == canonical(content):
            content = None
        before, after = (
            {"Name": args.get("name"), "Description": args.get("description", "")}
            for args in (old, new)
        )
        if content is not None or before != after:
            account.call(_SERVICE, "UpdatePolicy", PolicyId=resource_id, Content=content, **after)
        retag(account, _SERVICE, old, new, ResourceId=resource_id)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            account.call(_SERVICE, "DeletePolicy", PolicyId=resource_id)


class PolicyAttachment(Resource):
    """A policy applied to a root, a unit or an account; its id is TARGET:POLICY."""

    type_name = "aws:organizations/policyAttachment:PolicyAttachment"
    title = "Organizations Policy Attachment"
    arguments: ClassVar = {
        "policyId": string(required=True, replaces=True),
        "skipDestroy": boolean(),
        "targetId": string(required=True, replaces=True),
    }

    def create(self, account: Account, args: Values) -> str:
        policy_id, target_id = args["policyId"], args["targetId"]
        account.call(_SERVICE, "AttachPolicy", PolicyId=policy_id, TargetId=target_id)
        return f"{target_id}:{policy_id}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        target_id, _, policy_id = resource_id.partition(":")
        targets = account.pages(_SERVICE, "ListTargetsForPolicy", "Targets", PolicyId=policy_id)
        if all(target["TargetId"] != target_id for target in targets):
            return None
        return {"policyId": policy_id, "targetId": target_id}

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        target_id, _, policy_id = resource_id.partition(":")
        if not state.get("skipDestroy"):
            account.call(_SERVICE, "DetachPolicy", PolicyId=policy_id, TargetId=target_id)


RESOURCES = (Organization(), OrganizationalUnit(), MemberAccount(), Policy(), PolicyAttachment())
