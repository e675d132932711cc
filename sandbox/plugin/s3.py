"""S3: buckets, what is set on a bucket, each as a resource of its own, and an account's own lock.

What the genuine plugin also takes inline in a bucket (and calls deprecated) is not carried there.
"""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Iterator
from typing import ClassVar, cast

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    integer,
    policy_document,
    string,
    strings,
)
from sandbox.plugin.tags import tag_list, tag_map
from sandbox.plugin.values import Values, listed, nested

_SERVICE, _OF_ACCOUNTS = "s3", "s3control"
_FIRST_REGION = "us-east-1"  # the one that a bucket's location constraint may not name
_HOSTED_ZONES = {
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-north-1": "Z3BAZG2TWCNX0D",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-2": "Z3BJ6K6RIION7M",
}
"""The zones of website addresses (AWS General Reference, Amazon S3 website endpoints)."""

_LOCKS = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}
"""What keeps a bucket, or all of an account, from being public, and AWS's names for it."""


def _locks(args: Values) -> Values:
    return {theirs: args.get(name, False) for name, theirs in _LOCKS.items()}


def _live_locks(answer: Values) -> Values:
    live = answer["PublicAccessBlockConfiguration"]
    return {name: live.get(theirs, False) for name, theirs in _LOCKS.items()}


class Bucket(Resource):
    """A bucket; its id is its name."""

    type_name = "aws:s3/bucket:Bucket"
    title = "S3 Bucket"
    arguments: ClassVar = {
        "accelerationStatus": string(computed=True, carried=False),
        "acl": string(computed=True, carried=False),
        "bucket": string(computed=True, replaces=True),
        "bucketNamespace": string(computed=True, replaces=True, carried=False),
        "bucketPrefix": string(computed=True, replaces=True),
        "corsRules": blocks({}, computed=True, carried=False),
        "forceDestroy": boolean(default=False),
        "grants": blocks({}, computed=True, carried=False),
        "lifecycleRules": blocks({}, computed=True, carried=False),
        "logging": block({}, computed=True, carried=False),
        "objectLockConfiguration": block({}, computed=True, carried=False),
        "objectLockEnabled": boolean(computed=True, replaces=True, carried=False),
        "policy": policy_document(computed=True, carried=False),
        **REGION,
        "replicationConfiguration": block({}, computed=True, carried=False),
        "requestPayer": string(computed=True, carried=False),
        "serverSideEncryptionConfiguration": block({}, computed=True, carried=False),
        **TAGS,
        "versioning": block({}, computed=True, carried=False),
        "website": block({}, computed=True, carried=False),
    }
    outputs = (
        "arn",
        "bucketDomainName",
        "bucketRegion",
        "bucketRegionalDomainName",
        "hostedZoneId",
        "tagsAll",
        "websiteDomain",
        "websiteEndpoint",
    )
    auto_name = AutoName(argument="bucket", length=63, spelt=str.lower)
    conflicts = (("bucket", "bucketPrefix"),)

    def create(self, account: Account, args: Values) -> str:
        place = {"LocationConstraint": account.region}
        name = given_name(args, "bucket")
        account.call(
            _SERVICE,
            "CreateBucket",
            Bucket=name,
            CreateBucketConfiguration=None if account.region == _FIRST_REGION else place,
        )
        return name

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._tag(account, resource_id, {}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "HeadBucket", Bucket=resource_id)
        region = answer.get("BucketRegion", account.region)
        return {
            "arn": f"arn:aws:s3:::{resource_id}",
            "bucket": resource_id,
            "bucketDomainName": f"{resource_id}.s3.amazonaws.com",
            "bucketRegion": region,
            "bucketRegionalDomainName": f"{resource_id}.s3.{region}.amazonaws.com",
            "hostedZoneId": _HOSTED_ZONES.get(region, ""),
            "tagsAll": self._tags(account, resource_id),
            "websiteDomain": "",
            "websiteEndpoint": "",
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._tag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if state.get("forceDestroy"):
            for version in self._versions(account, resource_id):
                account.call(_SERVICE, "DeleteObject", Bucket=resource_id, **version)
        account.call(_SERVICE, "DeleteBucket", Bucket=resource_id)

    @staticmethod
    def _tags(account: Account, bucket: str) -> Values:
        try:
            answer = account.call(_SERVICE, "GetBucketTagging", Bucket=bucket)
        except AwsError as error:
            if error.code != "NoSuchTagSet":
                raise
            return {}
        return tag_map(answer["TagSet"])

    @staticmethod
    def _tag(account: Account, bucket: str, old: Values, new: Values) -> None:
        """Write all tags, since S3 knows no other way."""
        if nested(old, "tagsAll") == nested(new, "tagsAll"):
            return
        tags = tag_list(new)
        if tags:
            account.call(_SERVICE, "PutBucketTagging", Bucket=bucket, Tagging={"TagSet": tags})
        else:
            account.call(_SERVICE, "DeleteBucketTagging", Bucket=bucket)

    @staticmethod
    def _versions(account: Account, bucket: str) -> Iterator[Values]:
        """Every version and delete marker; what is deleted meanwhile moves no later page."""
        page: Values = {}
        while True:
            page = account.call(
                _SERVICE,
                "ListObjectVersions",
                Bucket=bucket,
                KeyMarker=page.get("NextKeyMarker"),
                VersionIdMarker=page.get("NextVersionIdMarker"),
            )
            for item in [*listed(page, "Versions"), *listed(page, "DeleteMarkers")]:
                yield {"Key": item["Key"], "VersionId": item["VersionId"]}
            if not page.get("IsTruncated"):
                return


class BucketVersioning(Resource):
    """Whether a bucket keeps versions; its id is the bucket's name.

    Once on it can only be suspended, which is what a deletion does.
    """

    type_name = "aws:s3/bucketVersioning:BucketVersioning"
    title = "S3 Bucket Versioning"
    arguments: ClassVar = {
        "bucket": string(required=True, replaces=True),
        "expectedBucketOwner": string(replaces=True, carried=False),
        "mfa": string(carried=False),
        **REGION,
        "versioningConfiguration": block(
            {
                "mfaDelete": string(computed=True, carried=False),
                "status": string(required=True, choices=("Enabled", "Suspended", "Disabled")),
            },
            required=True,
        ),
    }

    def create(self, account: Account, args: Values) -> str:
        if args["versioningConfiguration"]["status"] != "Disabled":
            self._set(account, args["bucket"], args["versioningConfiguration"]["status"])
        return args["bucket"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetBucketVersioning", Bucket=resource_id)
        status = answer.get("Status", "Disabled")
        return {"bucket": resource_id, "versioningConfiguration": {"status": status}}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._set(account, resource_id, new["versioningConfiguration"]["status"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if nested(state, "versioningConfiguration").get("status") != "Disabled":
            self._set(account, resource_id, "Suspended")

    @staticmethod
    def _set(account: Account, bucket: str, status: str) -> None:
        account.call(
            _SERVICE,
            "PutBucketVersioning",
            Bucket=bucket,
            VersioningConfiguration={"Status": status},
        )


class BucketServerSideEncryptionConfiguration(Resource):
    """How a bucket encrypts what says nothing about it; its id is the bucket's name."""

    type_name = (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    )
    title = "S3 Bucket Server-side Encryption Configuration"
    arguments: ClassVar = {
        "bucket": string(required=True, replaces=True),
        "expectedBucketOwner": string(replaces=True, carried=False),
        **REGION,
        "rules": blocks(
            {
                "applyServerSideEncryptionByDefault": block(
                    {
                        "kmsMasterKeyId": string(),
                        "sseAlgorithm": string(
                            required=True, choices=("AES256", "aws:kms", "aws:kms:dsse")
                        ),
                    }
                ),
                "blockedEncryptionTypes": strings(carried=False),
                "bucketKeyEnabled": boolean(),
            },
            required=True,
            unordered=True,
        ),
    }

    def create(self, account: Account, args: Values) -> str:
        self._put(account, args["bucket"], args)
        return args["bucket"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetBucketEncryption", Bucket=resource_id)
        rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        return {"bucket": resource_id, "rules": [self._told(rule) for rule in rules]}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteBucketEncryption", Bucket=resource_id)

    @staticmethod
    def _told(rule: Values) -> Values:
        usual = nested(rule, "ApplyServerSideEncryptionByDefault")
        told = {"bucketKeyEnabled": rule.get("BucketKeyEnabled", False)}
        if usual:
            key = usual.get("KMSMasterKeyID")
            algorithm = {"sseAlgorithm": usual["SSEAlgorithm"]}
            told["applyServerSideEncryptionByDefault"] = algorithm | (
                {"kmsMasterKeyId": key} if key else {}
            )
        return told

    @staticmethod
    def _put(account: Account, bucket: str, args: Values) -> None:
        rules: list[Values] = []
        for rule in listed(args, "rules"):
            said: Values = {"BucketKeyEnabled": rule.get("bucketKeyEnabled", False)}
            if usual := nested(rule, "applyServerSideEncryptionByDefault"):
                key = usual.get("kmsMasterKeyId")
                algorithm = {"SSEAlgorithm": usual["sseAlgorithm"]}
                said["ApplyServerSideEncryptionByDefault"] = algorithm | (
                    {"KMSMasterKeyID": key} if key else {}
                )
            rules.append(said)
        account.call(
            _SERVICE,
            "PutBucketEncryption",
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": rules},
        )


class BucketPublicAccessBlock(Resource):
    """What may not make a bucket public; its id is the bucket's name."""

    type_name = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    title = "S3 Bucket Public Access Block"
    arguments: ClassVar = {
        **{name: boolean(default=False) for name in _LOCKS},
        "bucket": string(required=True, replaces=True),
        **REGION,
        "skipDestroy": boolean(),
    }

    def create(self, account: Account, args: Values) -> str:
        self._put(account, args["bucket"], args)
        return args["bucket"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetPublicAccessBlock", Bucket=resource_id)
        return {"bucket": resource_id, **_live_locks(answer)}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            account.call(_SERVICE, "DeletePublicAccessBlock", Bucket=resource_id)

    @staticmethod
    def _put(account: Account, bucket: str, args: Values) -> None:
        account.call(
            _SERVICE,
            "PutPublicAccessBlock",
            Bucket=bucket,
            PublicAccessBlockConfiguration=_locks(args),
        )


class AccountPublicAccessBlock(Resource):
    """What may not make any bucket of an account public; its id is the account's."""

    type_name = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
    title = "S3 Account Public Access Block"
    arguments: ClassVar = {
        "accountId": string(computed=True, replaces=True),
        **{name: boolean(default=False) for name in _LOCKS},
    }

    def create(self, account: Account, args: Values) -> str:
        account_id = args.get("accountId") or account.id
        self._put(account, account_id, args)
        return account_id

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_OF_ACCOUNTS, "GetPublicAccessBlock", AccountId=resource_id)
        return {"accountId": resource_id, **_live_locks(answer)}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_OF_ACCOUNTS, "DeletePublicAccessBlock", AccountId=resource_id)

    @staticmethod
    def _put(account: Account, account_id: str, args: Values) -> None:
        account.call(
            _OF_ACCOUNTS,
            "PutPublicAccessBlock",
            AccountId=account_id,
            PublicAccessBlockConfiguration=_locks(args),
        )


class BucketOwnershipControls(Resource):
    """Who owns what others put into a bucket; its id is the bucket's name."""

    type_name = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    title = "S3 Bucket Ownership Controls"
    arguments: ClassVar = {
        "bucket": string(required=True, replaces=True),
        **REGION,
        "rule": block(
            {
                "objectOwnership": string(
                    required=True,
                    choices=("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"),
                )
            },
            required=True,
        ),
    }

    def create(self, account: Account, args: Values) -> str:
        self._put(account, args["bucket"], args)
        return args["bucket"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetBucketOwnershipControls", Bucket=resource_id)
        rule = answer["OwnershipControls"]["Rules"][0]
        return {"bucket": resource_id, "rule": {"objectOwnership": rule["ObjectOwnership"]}}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteBucketOwnershipControls", Bucket=resource_id)

    @staticmethod
    def _put(account: Account, bucket: str, args: Values) -> None:
        rule = {"ObjectOwnership": args["rule"]["objectOwnership"]}
        account.call(
            _SERVICE,
            "PutBucketOwnershipControls",
            Bucket=bucket,
            OwnershipControls={"Rules": [rule]},
        )


class BucketPolicy(Resource):
    """A bucket's policy; its id is the bucket's name."""

    type_name = "aws:s3/bucketPolicy:BucketPolicy"
    title = "S3 Bucket Policy"
    arguments: ClassVar = {
        "bucket": string(required=True, replaces=True),
        "policy": policy_document(required=True),
        **REGION,
    }

    def create(self, account: Account, args: Values) -> str:
        self._put(account, args["bucket"], args)
        return args["bucket"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetBucketPolicy", Bucket=resource_id)
        return {"bucket": resource_id, "policy": answer["Policy"]}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteBucketPolicy", Bucket=resource_id)

    @staticmethod
    def _put(account: Account, bucket: str, args: Values) -> None:
        account.call(_SERVICE, "PutBucketPolicy", Bucket=bucket, Policy=args["policy"])


class BucketLifecycleConfiguration(Resource):
    """When a bucket lets go of what is in it; its id is the bucket's name.

    A rule is for all objects or for those with a prefix, and deletes; storage classes, tags and
    sizes are not carried.
    """

    type_name = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    title = "S3 Bucket Lifecycle Configuration"
    arguments: ClassVar = {
        "bucket": string(required=True, replaces=True),
        "expectedBucketOwner": string(computed=True, replaces=True, carried=False),
        **REGION,
        "rules": blocks(
            {
                "abortIncompleteMultipartUpload": block({"daysAfterInitiation": integer()}),
                "expiration": block(
                    {
                        "date": string(carried=False),
                        "days": integer(default=0),
                        "expiredObjectDeleteMarker": boolean(),
                    }
                ),
                "filter": block(
                    {
                        "and": block({}, carried=False),
                        "objectSizeGreaterThan": integer(carried=False),
                        "objectSizeLessThan": integer(carried=False),
                        "prefix": string(),
                        "tag": block({}, carried=False),
                    }
                ),
                "id": string(required=True),
                "noncurrentVersionExpiration": block(
                    {
                        "newerNoncurrentVersions": integer(carried=False),
                        "noncurrentDays": integer(required=True),
                    }
                ),
                "noncurrentVersionTransitions": blocks({}, carried=False),
                "prefix": string(carried=False),
                "status": string(required=True, choices=("Enabled", "Disabled")),
                "transitions": blocks({}, carried=False),
            },
            required=True,
        ),
        "timeouts": block({}, carried=False),
        "transitionDefaultMinimumObjectSize": string(computed=True, carried=False),
    }

    def create(self, account: Account, args: Values) -> str:
        self._put(account, args["bucket"], args)
        return args["bucket"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetBucketLifecycleConfiguration", Bucket=resource_id)
        rules = cast("list[Values]", answer["Rules"])
        return {"bucket": resource_id, "rules": [self._told(rule) for rule in rules]}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteBucketLifecycle", Bucket=resource_id)

    @staticmethod
    def _told(rule: Values) -> Values:
        upload = nested(rule, "AbortIncompleteMultipartUpload").get("DaysAfterInitiation")
        expiry = nested(rule, "Expiration")
        versions = nested(rule, "NoncurrentVersionExpiration").get("NoncurrentDays")
        told = {
            "abortIncompleteMultipartUpload": upload and {"daysAfterInitiation": upload},
            "expiration": expiry
            and {
                "days": expiry.get("Days", 0),
                "expiredObjectDeleteMarker": expiry.get("ExpiredObjectDeleteMarker", False),
            },
            "filter": {"prefix": nested(rule, "Filter").get("Prefix", "")},
            "id": rule["ID"],
            "noncurrentVersionExpiration": versions and {"noncurrentDays": versions},
            "status": rule["Status"],
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def _put(cls, account: Account, bucket: str, args: Values) -> None:
        rules = [cls._said(rule) for rule in listed(args, "rules")]
        account.call(
            _SERVICE,
            "PutBucketLifecycleConfiguration",
            Bucket=bucket,
            LifecycleConfiguration={"Rules": rules},
        )

    @staticmethod
    def _said(rule: Values) -> Values:
        upload = nested(rule, "abortIncompleteMultipartUpload").get("daysAfterInitiation")
        expiry = nested(rule, "expiration")
        versions = nested(rule, "noncurrentVersionExpiration").get("noncurrentDays")
        said: Values = {
            "Filter": {"Prefix": nested(rule, "filter").get("prefix", "")},
            "ID": rule["id"],
            "Status": rule["status"],
        }
        if upload:
            said["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": upload}
        if expiry.get("days"):
            said["Expiration"] = {"Days": expiry["days"]}
        elif expiry:
            marker = expiry.get("expiredObjectDeleteMarker", False)
            said["Expiration"] = {"ExpiredObjectDeleteMarker": marker}
        if versions:
            said["NoncurrentVersionExpiration"] = {"NoncurrentDays": versions}
        return said


RESOURCES = (
    AccountPublicAccessBlock(),
    Bucket(),
    BucketLifecycleConfiguration(),
    BucketOwnershipControls(),
    BucketPolicy(),
    BucketPublicAccessBlock(),
    BucketServerSideEncryptionConfiguration(),
    BucketVersioning(),
)
