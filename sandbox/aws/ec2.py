"""EC2 in the embedded AWS: launches, Elastic IPs, and what cannot be deleted while it is in use.

Owns what moto accepts although EC2 refuses it, what it forgets when an instance begins or ends, and
what a region's settings do to launches and disks. Instances, networks and addresses are moto's.
What Auto Scaling does with them is in `autoscaling`.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import InvalidInstanceTypeError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance, InstanceState, Reservation
from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.utils import random_public_ip

from sandbox.aws import state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules

_USER_DATA_BYTES = 16384  # before base64 (EC2 user guide, "Run commands at launch")
_DRY_RUN_STATUS = 412
_NO_PREFERENCE = ("no-preference", -1)
_HOPS = range(1, 65)


class _MetadataDefaultsBackend(BaseBackend):
    """An account's metadata options in one region; kept by moto, so its reset empties it."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.options: dict[str, Any] = {}


_metadata_defaults: BackendDict[_MetadataDefaultsBackend] = BackendDict(
    _MetadataDefaultsBackend, "ec2"
)


def install() -> None:
    """Let moto's instances and addresses begin and end as EC2's do."""
    _complete_launches()
    _complete_interfaces()
    _complete_volumes()
    allocate, terminate = EC2Backend.allocate_address, Instance.terminate

    def allocate_public(
        self: EC2Backend,
        domain: str,
        address: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> ElasticAddress:
        """Moto's own choice is an address of the loopback network."""
        return allocate(self, domain, address or random_public_ip(), tags)

    def terminate_without_address(self: Instance) -> InstanceState:
        for interface in self.nics.values():
            _let_go(self.ec2_backend, _addresses_of(self.ec2_backend, interface))
        return terminate(self)

    EC2Backend.allocate_address = allocate_public
    Instance.terminate = terminate_without_address


def _complete_launches() -> None:
    run = EC2Backend.run_instances

    def run_what_fits(
        self: EC2Backend,
        image_id: str,
        count: int,
        user_data: Base64EncodedString | None,
        security_group_names: list[str],
        **more: Any,  # noqa: ANN401  moto's own
    ) -> Reservation:
        image, kind, template = image_id, more["instance_type"], more.get("launch_template")
        options = dict(_metadata_defaults[self.account_id][self.region_name].options)
        if template:
            version = self._get_template_from_args(template)  # pyright: ignore[reportPrivateUsage]
            image = image or version.image_id
            kind = version.instance_type or kind if more["is_instance_type_default"] else kind
            options |= version.data.get("MetadataOptions", {})
        check_launch(self, image, kind)
        more["metadata_options"] = options | more.get("metadata_options", {})
        return run(self, image_id, count, user_data, security_group_names, **more)

    EC2Backend.run_instances = run_what_fits


def _complete_interfaces() -> None:
    create, prepare = EC2Backend.create_network_interface, Instance.prep_nics

    def create_with_ipv6(
        self: EC2Backend,
        subnet: Any,  # noqa: ANN401  moto's own
        *arguments: Any,  # noqa: ANN401
        **more: Any,  # noqa: ANN401
    ) -> NetworkInterface:
        found = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        if found.assign_ipv6_address_on_creation and not more.get("ipv6_addresses"):
            more["ipv6_address_count"] = more.get("ipv6_address_count") or 1
        return create(self, subnet, *arguments, **more)

    def prepare_to_let_go(
        self: Instance,
        nic_spec: list[dict[str, Any]],
        private_ip: str | None = None,
        associate_public_ip: bool | None = None,  # noqa: FBT001  moto calls it so
        security_groups: list[SecurityGroup] | None = None,
        ipv6_address_count: int | None = None,
    ) -> None:
        """Let an instance's own interfaces end with it, unless it is said that they do not."""
        kept = {
            int(spec["DeviceIndex"])
            for spec in nic_spec
            if "NetworkInterfaceId" in spec or "DeleteOnTermination" in spec
        }
        prepare(
            self, nic_spec, private_ip, associate_public_ip, security_groups, ipv6_address_count
        )
        for index, interface in self.nics.items():
            if index not in kept:
                interface.delete_on_termination = True

    EC2Backend.create_network_interface = create_with_ipv6
    Instance.prep_nics = prepare_to_let_go


def _complete_volumes() -> None:
    create = EC2Backend.create_volume

    def create_encrypted(
        self: EC2Backend,
        size: int,
        zone_name: str,
        snapshot_id: str | None = None,
        encrypted: bool = False,  # noqa: FBT001, FBT002  moto calls it so
        *arguments: Any,  # noqa: ANN401
        **more: Any,  # noqa: ANN401
    ) -> Volume:
        # moto makes the disks of images before it has the setting
        wanted = encrypted or vars(self).get("ebs_encryption_by_default", False)
        return create(self, size, zone_name, snapshot_id, wanted, *arguments, **more)

    EC2Backend.create_volume = create_encrypted


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("ec2", "AssociateAddress"): _associate_address,
        ("ec2", "CreateLaunchTemplate"): _check_template,
        ("ec2", "CreateLaunchTemplateVersion"): _check_template,
        ("ec2", "DeleteSecurityGroup"): _delete_security_group,
        ("ec2", "DeleteSubnet"): _delete_subnet,
        ("ec2", "DeleteVpc"): _delete_vpc,
        ("ec2", "DetachInternetGateway"): _detach_internet_gateway,
        ("ec2", "GetInstanceMetadataDefaults"): _get_metadata_defaults,
        ("ec2", "ModifyInstanceMetadataDefaults"): _modify_metadata_defaults,
        ("ec2", "ReleaseAddress"): _release_address,
        ("ec2", "RunInstances"): lambda call: _check_user_data(call.text("UserData")),
    }


def _backend(call: Call) -> EC2Backend:
    return state.ec2(call.account, call.region)


def _end_dry_run(call: Call) -> None:
    if call.parameters.get("DryRun"):
        raise AwsError(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
            _DRY_RUN_STATUS,
        )


# Settings of a region


def _get_metadata_defaults(call: Call) -> Answer:
    _end_dry_run(call)
    options = _metadata_defaults[call.account][call.region].options
    return {"AccountLevel": {**options, "ManagedBy": "account"}}


def _modify_metadata_defaults(call: Call) -> Answer:
    """Keep the options that are given; one without a preference is as if it had never been set."""
    given = {name: value for name, value in call.parameters.items() if name != "DryRun"}
    _check_metadata_defaults(call, given)
    _end_dry_run(call)
    options = _metadata_defaults[call.account][call.region].options
    options |= given
    for name in [name for name, value in options.items() if value in _NO_PREFERENCE]:
        del options[name]
    return {"Return": True}


def _check_metadata_defaults(call: Call, given: Mapping[str, Any]) -> None:
    if "HttpTokensEnforced" in given:
        raise AwsError("Unsupported", "The embedded AWS does not have HttpTokensEnforced.")
    for name, value in given.items():
        known = call.enumeration(name) or [str(hops) for hops in (*_HOPS, -1)]
        if str(value) not in known:
            raise AwsError(
                "InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid."
            )


# Launches


def check_launch(backend: EC2Backend, image_id: str, instance_type: str) -> None:
    """Refuse an image or a type of instance that does not exist, or that do not fit."""
    image = backend.describe_images(ami_ids=[image_id])[0]
    if instance_type not in INSTANCE_TYPES:
        raise InvalidInstanceTypeError(instance_type)
    runs: list[str] = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in runs:
        raise AwsError(
            "InvalidParameterValue",
            f"The architecture '{','.join(runs)}' of the specified instance type does not match "
            f"the architecture '{image.architecture}' of the specified AMI. Specify an instance "
            "type and an AMI that have matching architectures, and try again.",
        )


def _check_template(call: Call) -> Answer:
    return _check_user_data(call.parameters["LaunchTemplateData"].get("UserData", ""))


def _check_user_data(encoded: str) -> Answer:
    if len(base64.b64decode(encoded)) > _USER_DATA_BYTES:
        raise AwsError("InvalidParameterValue", f"User data is limited to {_USER_DATA_BYTES} bytes")
    return None


# Elastic IPs


def _associate_address(call: Call) -> Answer:
    """Answered here: moto leaves the address with the interface that had it before, too."""
    backend = _backend(call)
    address = _address(call)
    interface = _interface(call)
    vpc = interface.vpc_id
    if not any(gateway.vpc and gateway.vpc.id == vpc for gateway in _gateways(backend)):
        raise AwsError(
            "Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway"
        )
    holder = _holder(address)
    if holder is not interface and holder is not None:
        if call.parameters.get("AllowReassociation") is False:
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"resource {address.allocation_id} is already associated with associate-id "
                f"{address.association_id}",
            )
        _let_go(backend, [address])
    _end_dry_run(call)
    if _holder(address) is None:
        _let_go(backend, _addresses_of(backend, interface))
        backend.associate_address(
            instance=interface.instance, eni=interface, address=address.public_ip
        )
    return {"AssociationId": address.association_id}


def _address(call: Call) -> ElasticAddress:
    if call.text("AllocationId"):
        return _backend(call).address_by_allocation([call.text("AllocationId")])[0]
    return _backend(call).address_by_ip([call.text("PublicIp")])[0]


def _interface(call: Call) -> NetworkInterface:
    """Return the network interface that is meant: that of an instance is its first."""
    if not call.text("InstanceId"):
        return _backend(call).get_network_interface(call.text("NetworkInterfaceId"))
    instance = _backend(call).get_instance(call.text("InstanceId"))
    if instance.state == "terminated":
        raise AwsError(
            "InvalidInstanceID",
            f"The terminated instance '{instance.id}' is not in a valid state for this operation.",
        )
    return instance.nics[0]


def _holder(address: ElasticAddress) -> NetworkInterface | None:
    return cast("NetworkInterface | None", address.eni)  # moto's types forget that it changes


def _addresses_of(backend: EC2Backend, interface: NetworkInterface) -> list[ElasticAddress]:
    return [address for address in backend.addresses if _holder(address) is interface]


def _let_go(backend: EC2Backend, addresses: Iterable[ElasticAddress]) -> None:
    for address in addresses:
        backend.disassociate_address(address=address.public_ip)


def _release_address(call: Call) -> Answer:
    address = _address(call)
    if _holder(address) is not None:
        raise AwsError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")
    return None


# What is in use


def _in_use(message: str) -> AwsError:
    return AwsError("DependencyViolation", message)


def _gateways(backend: EC2Backend) -> Sequence[Any]:
    return list(backend.internet_gateways.values())


def _detach_internet_gateway(call: Call) -> Answer:
    vpc, interfaces = call.text("VpcId"), _backend(call).enis.values()
    if any(interface.vpc_id == vpc and interface.public_ip for interface in interfaces):
        raise _in_use(
            f"Network {vpc} has some mapped public address(es). Please unmap those public "
            "address(es) before detaching the gateway."
        )
    return None


def _delete_subnet(call: Call) -> Answer:
    subnet = call.text("SubnetId")
    if any(interface.subnet_id == subnet for interface in _backend(call).enis.values()):
        raise _in_use(f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    return None


def _delete_security_group(call: Call) -> Answer:
    group, interfaces = call.text("GroupId"), _backend(call).enis.values()
    if any(used.id == group for interface in interfaces for used in interface.group_set):
        raise _in_use(f"resource {group} has a dependent object")
    return None


def _delete_vpc(call: Call) -> Answer:
    vpc, backend = call.text("VpcId"), _backend(call)
    groups = [group for group in backend.groups[vpc].values() if not group.is_default]
    attached = [gateway for gateway in _gateways(backend) if gateway.vpc and gateway.vpc.id == vpc]
    if groups or attached:
        raise _in_use(f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    return None
