"""`python -m tests.fuzz --seed random --examples 200`: the fuzzing of the REST API, for longer."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", default="1", help="a number, or random; 1")
    parser.add_argument("--examples", type=int, default=50, help="of each operation; 50")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    chosen = parser.parse_args()
    if chosen.seed != "random" and not chosen.seed.isdecimal():
        parser.error("--seed is a number, or random.")
    env = {
        **os.environ,
        "FUZZ_SEED": chosen.seed,
        "FUZZ_EXAMPLES": str(chosen.examples),
        "FUZZ_PHASES": chosen.phases,
    }
    command = [sys.executable, "-m", "pytest", "-q", "tests/fuzz"]
    return subprocess.run(command, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
