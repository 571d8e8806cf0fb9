"""Where observations stand that are too large for their rows. Part of the settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from memoryapp.project import variables
from memoryapp.project.environment import env

#: An answer of a tool with more than so many kB of UTF-8 is an object and no row; 0 is never.
OBSERVATION_OBJECT_KB = env.whole("OBSERVATION_OBJECT_KB", 64, least=0, most=1024)


def _bucket(name: str) -> str:
    if not 3 <= len(name) <= 63 or not name.isascii() or set(name) & set("/ :@?#\\"):
        raise variables.Wrong("must be a bucket's bare name such as greenroom-observations.")
    return name


_known = len(env.problems)
OBSERVATION_S3_BUCKET = env.read("OBSERVATION_S3_BUCKET", _bucket, "")
_endpoint = env.address(
    "OBSERVATION_S3_ENDPOINT",
    schemes=("http", "https"),
    example="https://minio.example.com:9000",
    check=variables.service,
)
_region = env.read("OBSERVATION_S3_REGION", variables.region, "")
_key_id = env.secret("OBSERVATION_S3_KEY_ID")
_secret = env.secret("OBSERVATION_S3_SECRET")
if len(env.problems) == _known:
    if bool(_key_id) != bool(_secret):
        missing = "OBSERVATION_S3_SECRET" if _key_id else "OBSERVATION_S3_KEY_ID"
        env.wrong(missing, "must be set with the other of the two, or neither of them.")
    elif (_endpoint or _key_id) and not OBSERVATION_S3_BUCKET:
        env.wrong("OBSERVATION_S3_BUCKET", "must name the bucket: other OBSERVATION_S3_… are set.")
    elif OBSERVATION_S3_BUCKET and find_spec("storages") is None:
        env.wrong("OBSERVATION_S3_BUCKET", "needs an extra: pip install 'greenroom[s3]'.")


def store(folder: Path) -> dict[str, Any]:
    """The entry of Django's ``STORAGES``; ``folder`` is where objects stand without a bucket."""
    if not OBSERVATION_S3_BUCKET:
        options: dict[str, Any] = {"location": str(folder)}
        return {"BACKEND": "memoryapp.clients.object_stores.Folder", "OPTIONS": options}
    options = {
        "bucket_name": OBSERVATION_S3_BUCKET,
        "endpoint_url": _endpoint or None,
        "region_name": _region or None,
        # Without keys the library asks the machine it runs on, as roles of instances want it.
        "access_key": _key_id or None,
        "secret_key": _secret or None,
    }
    return {"BACKEND": "memoryapp.clients.bucket.Bucket", "OPTIONS": options}
