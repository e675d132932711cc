"""A person's own shell, with the sandbox's environment in it.

The files that a shell reads at its start may put other programs first on PATH, so the shells that
most people have get that PATH again after them.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePath

WELCOME = """\
This is the sandbox's checkout; edit in your own and run `make sandbox` to bring changes here. Try:
  pulumi preview -s prod
  pulumi -C stacks/org stack output -s main
  aws organizations list-accounts --query 'Accounts[].[Id,Name]' --output text
  curl https://api.app.example.com/health
  python -m ops releases
"""


def command(shell: str, directory: Path, variables: dict[str, str]) -> list[str]:
    """Return the words that start the shell; writes the files it reads into the directory."""
    name = PurePath(shell).name
    if name == "bash":
        file = directory / "bashrc"
        file.write_text(_startup("$HOME/.bashrc", variables), encoding="utf-8")
        return [shell, "--rcfile", str(file)]
    if name == "zsh":
        own = shlex.quote(os.environ.get("ZDOTDIR") or str(Path.home()))
        text = f"ZDOTDIR={own}\n" + _startup("$ZDOTDIR/.zshrc", variables)
        (directory / ".zshrc").write_text(text, encoding="utf-8")
        variables["ZDOTDIR"] = str(directory)
    return [shell]


def _startup(own: str, variables: Mapping[str, str]) -> str:
    return (
        f'[ -f "{own}" ] && . "{own}"\n'
        f"export PATH={shlex.quote(variables['PATH'])}\n"
        'PS1="(sandbox) $PS1"\n'
    )
