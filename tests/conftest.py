"""What a shell or a pipeline has set for programs is not there in a test, which sets its own."""

import os

SET_FOR_PROGRAMS = ("COMMIT_LINK", "DEPLOY_ROLE", "NOTIFICATIONS_TOPIC", "RELEASE_BRANCH", "STACK", "STEP")  # fmt: skip

for _name in list(os.environ):
    if _name in SET_FOR_PROGRAMS or _name.startswith(("AWS_", "PULUMI_")):
        del os.environ[_name]
