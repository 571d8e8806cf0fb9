"""The whole API of a running product under generated requests, as each kind of caller.

Schemathesis makes valid and invalid requests out of the OpenAPI document, ``--examples`` of each
for every operation and role; what is answered is checked against the document. The product and its
workers run as ``make up`` starts them. One JSON line a role; failures are printed in full.

    python -m benchmarks.fuzz_api [--examples 50] [--seed 1] [--only "POST /api/v1/feedback"]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import schemathesis

from benchmarks.product_api import in_shell
from tests.fuzzing import ROLES, World, fuzz, lines
from tests.product import start_product, stop_product

_WORLD = (
    "import dataclasses, json; from tests.fuzz_world import make_world;"
    "print(json.dumps(dataclasses.asdict(make_world())))"
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="operations whose name holds this")
    parser.add_argument("--roles", nargs="+", choices=ROLES, default=ROLES)
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-fuzz-"))
    # Root's database user must be able to walk into it.
    data.chmod(0o755)
    product = start_product(data, DEBUG="false")
    failed = 0
    try:
        world = World(**json.loads(in_shell(data, _WORLD).splitlines()[-1]))
        asked = {"Accept": "application/json"}
        schema = schemathesis.openapi.from_url(f"{product.url}/api/v1/schema/", headers=asked)
        began = time.monotonic()
        found = fuzz(
            schema,
            world,
            examples=asked.examples,
            seeded=asked.seed,
            roles=asked.roles,
            base_url=product.url,
            only=asked.only,
        )
        for role, seen in found.items():
            failed += len(seen.failures)
            figure = {
                "figure": f"failures of generated requests as {role}",
                "at_most": 0,
                "value": len(seen.failures),
                "requests": seen.requests,
                "statuses": dict(sorted(seen.statuses.items())),
                "seconds": round(time.monotonic() - began),
                "seed": asked.seed,
            }
            sys.stdout.write(json.dumps(figure) + "\n")
            sys.stdout.writelines(f"{line}\n" for line in lines(seen.failures))
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
