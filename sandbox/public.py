"""How programs reach the sandbox's public names, such as `https://api.dev.example.com`.

Owns the variables of a person's shell and of a build. The engine does not get them: names that are
not the sandbox's lead nowhere by them, and it may have a plugin to download.
"""

import urllib.request
from pathlib import Path

from sandbox.aws.paths import AUTHORITY


def variables(directory: Path, url: str) -> dict[str, str]:
    """Return what `curl` and Python's own client need; writes the certificate they trust."""
    file = directory / "authority.pem"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{url}{AUTHORITY}") as answer:
        file.write_bytes(answer.read())
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), url)
    return {**proxies, **dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(file))}
