"""Merge keys of YAML (``<<: *a``), bounded: a few lines of them can stand for billions of keys.

An alias costs nothing, but a merge copies what it names, and a merge of merges multiplies.
"""

from __future__ import annotations

from typing import Any

import yaml

#: keys that all merges of one document may bring.
MERGED_MOST = 100_000
_MERGE = "tag:yaml.org,2002:merge"


class BoundedMerges(yaml.constructor.SafeConstructor):
    """Stands before a loader of PyYAML's among the bases of a class."""

    _merged = 0

    def flatten_mapping(self, node: Any) -> None:
        """Bring in what merge keys name.

        Raises:
            ConstructorError: it is more than ``MERGED_MOST`` in all; nothing was copied yet.
        """
        for key, value in node.value:
            if key.tag == _MERGE:
                named = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for each in named:
                    if isinstance(each, yaml.MappingNode):
                        self._count(each)
        super().flatten_mapping(node)

    def _count(self, named: yaml.MappingNode) -> None:
        self.flatten_mapping(named)
        self._merged += len(named.value)
        if self._merged > MERGED_MOST:
            raise yaml.constructor.ConstructorError(
                None, None, f"it merges more than {MERGED_MOST} keys", named.start_mark
            )
