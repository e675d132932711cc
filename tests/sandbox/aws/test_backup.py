"""AWS Backup: vaults are there, recovery points are not."""

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import REGION, Client, code_and_status


def test_what_is_not_there_cannot_be_deleted(corp: tuple[str, Client]) -> None:
    account, administrator = corp
    backup = administrator("backup")
    backup.create_backup_vault(BackupVaultName="kept")
    point = f"arn:aws:backup:{REGION}:{account}:recovery-point:1"

    for call in (
        lambda: backup.delete_backup_vault(BackupVaultName="nothing"),
        lambda: backup.delete_recovery_point(BackupVaultName="nothing", RecoveryPointArn=point),
        lambda: backup.delete_recovery_point(BackupVaultName="kept", RecoveryPointArn=point),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_and_status(error.value) == ("ResourceNotFoundException", 400)
    backup.delete_backup_vault(BackupVaultName="kept")
