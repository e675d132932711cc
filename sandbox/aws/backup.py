"""AWS Backup in the embedded AWS: what moto leaves out of its vaults.

Nothing makes recovery points here, so that there is none to delete.
"""

from moto.backup.models import backup_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("backup", "DeleteBackupVault"): _find_vault,
        ("backup", "DeleteRecoveryPoint"): _find_recovery_point,
    }


def _find_vault(call: Call) -> Answer:
    name = call.text("BackupVaultName")
    if name not in backup_backends[call.account][call.region].vaults:
        raise AwsError("ResourceNotFoundException", f"Backup vault {name} cannot be found.")


def _find_recovery_point(call: Call) -> Answer:
    _find_vault(call)
    point = call.text("RecoveryPointArn")
    raise AwsError("ResourceNotFoundException", f"Recovery point {point} cannot be found.")
