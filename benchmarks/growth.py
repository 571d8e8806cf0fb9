"""Does an attempt cost the same at the end of a large run as at its beginning?

Drives one run to ``--attempts`` attempts (16 per task) with the rules engine on the BFCL pack,
whose reset is instant, so that what is measured is Greenroom. Each unit is rung for and worked as a
worker would, in this process: a message is a unit that was rung for, a statement is one execution
on the connection that works. Prints one JSON line per figure; the value is of the last fifth of
the run's rounds, the peer of its first fifth.

    python -m benchmarks.growth [--attempts 10000] [--seed 1]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.product_api import in_shell
from memoryapp.project.embedded import Postgres


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--attempts", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-growth-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    postgres = Postgres(data)
    postgres.start()
    try:
        script = (
            "from django.core.management import call_command; call_command('migrate', verbosity=0);"
            f"from benchmarks.growth_run import main; main({asked.attempts}, {asked.seed})"
        )
        sys.stdout.write(in_shell(data, script))
    except subprocess.CalledProcessError as error:
        return error.returncode
    finally:
        postgres.stop()
        shutil.rmtree(data, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
