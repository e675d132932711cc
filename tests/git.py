"""Git as a person would use it in a test's repository: with a name, and without the user's hooks."""

import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.hooksPath=")


def git(folder: Path, *arguments: str) -> str:
    """Run a git command in a folder and return what it prints."""
    result = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()
