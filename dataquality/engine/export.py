"""Write the schemas of all expectations to a file: `python -m dataquality.engine.export FILE`.

A process of its own, so that importing Great Expectations weighs on no web process.
"""

import json
import os
import sys
from pathlib import Path

from dataquality.engine import gx


def main(target: Path) -> None:
    """Write beside the target and move over it, so that nobody reads a half-written file."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.write_text(json.dumps(gx.schemas()))
    draft.replace(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
