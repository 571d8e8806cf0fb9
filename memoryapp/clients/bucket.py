"""A bucket of S3, or of what speaks its protocol. Imported where one is configured and only there:
it needs the extra ``greenroom[s3]``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage

#: what may be waited for: a page waits for one object, a worker for one after the other.
CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 20, 3
_GONE = frozenset({"NoSuchKey", "404"})


class Bucket(S3Storage):
    """One request for an object that is read, written or deleted."""

    def __init__(self, **options: Any) -> None:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            signature_version="s3v4",
            s3={"addressing_style": "path" if options.get("endpoint_url") else "auto"},
            # Not every server that speaks S3 knows the checksums that Amazon's takes since 2025.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(client_config=config, default_acl=None, file_overwrite=True, **options)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        with _plainly(name):
            found = self._objects.get_object(Bucket=self.bucket_name, Key=name)
            return ContentFile(found["Body"].read(), name)

    def _save(self, name: str, content: File[bytes]) -> str:
        with _plainly(name):
            self._objects.put_object(Bucket=self.bucket_name, Key=name, Body=content.read())
        return name

    def delete(self, name: str) -> None:
        with _plainly(name):
            self._objects.delete_object(Bucket=self.bucket_name, Key=name)

    @property
    def _objects(self) -> Any:
        return self.connection.meta.client


@contextmanager
def _plainly(name: str) -> Iterator[None]:
    """What the library raises, as the ``OSError`` that a folder would raise."""
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        if said.get("Code") in _GONE:
            raise FileNotFoundError(name) from error
        raise OSError(f"{said.get('Code')}: {said.get('Message')}") from error
    except (BotoCoreError, ValueError) as error:  # an endpoint with _ in its name is a ValueError
        raise OSError(str(error)) from error
