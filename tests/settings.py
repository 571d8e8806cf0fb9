"""The product's settings over a throw-away data folder.

A developer's own servers, models and keys must not leak into the suite, so they are dropped before
the settings read the environment. ``TEST_DATABASE_URL`` and ``TEST_REDIS_URL`` name servers to run
on instead of the embedded ones; in all else the suite is as it is without them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

for name in (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "LLM_PROVIDER",
    "LLM_MODEL",
    "LLM_API_KEY",
    "EMBEDDING_PROVIDER",
):
    os.environ.pop(name, None)
if "GREENROOM_TEST_DATA" not in os.environ:
    os.environ["GREENROOM_TEST_DATA"] = tempfile.mkdtemp(prefix="gr-test-")
    # Root's database user must be able to walk into it.
    Path(os.environ["GREENROOM_TEST_DATA"]).chmod(0o755)
    os.environ["GREENROOM_TEST_OWNER"] = str(os.getpid())
os.environ["GREENROOM_DATA_DIR"] = os.environ["GREENROOM_TEST_DATA"]

from memoryapp.project import databases  # noqa: E402
from memoryapp.project import settings as products  # noqa: E402
from memoryapp.project.settings import *  # noqa: E402, F403

if "TEST_DATABASE_URL" in os.environ:
    # In place: commands ask the product's own module which database is theirs.
    products.DATABASES.update(
        databases.configured(os.environ["TEST_DATABASE_URL"], replica="", pooler=False)
    )
    products.EMBEDDED = False

# Nothing is ever committed in a test, so nothing would tell the cache that its answers are void.
PULL_CACHE = False
# Each worker of pytest-xdist has a database of its own, in Redis too: one would flush, or forget,
# the receipts another just left.
REDIS_URL = os.environ.get("TEST_REDIS_URL", REDIS_URL)  # noqa: F405
REDIS_URL = f"{REDIS_URL}?db={os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]}"
