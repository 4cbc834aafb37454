"""What never reaches a log: the secrets of one-time links."""

from __future__ import annotations

import logging
import re

SECRETS = re.compile(r"/(invitations|welcome)/[^/\s]+")


class OneTimeLinks(logging.Filter):
    """Masks the secret of links that let whoever opens them in."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if SECRETS.search(said):
            record.msg, record.args = SECRETS.sub(r"/\1/…", said), ()
        return True
