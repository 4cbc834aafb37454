"""`python -m mlscrum.lib.healthcheck /readyz`: asks the web server of this container how it is."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit


def main(path: str) -> int:
    """0 when the server on this host answers 200, else 1; prints what it said."""
    host = urlsplit(os.environ.get("BASE_URL", "")).netloc or "127.0.0.1"
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ.get('PORT') or 8000}{path}",
        headers={"Host": host},  # other hosts than ours are refused
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  http, to ourselves
            sys.stdout.write(answer.read().decode())
            return 0
    except urllib.error.HTTPError as refused:
        sys.stdout.write(refused.read().decode())
    except OSError as error:
        sys.stdout.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
