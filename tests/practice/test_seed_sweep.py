"""What a killed worker leaves behind is cleared when a worker starts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from practice.clients import seeds


def dead_pid() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def test_it_deletes_the_folder_and_ends_the_hung_server_in_it() -> None:
    folder = Path(tempfile.mkdtemp(prefix=f"{dead_pid()}-", dir=seeds.attempts_folder()))
    hung = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=folder)
    assert seeds.sweep() >= 1
    assert hung.wait(10) == -9
    assert not folder.exists()


def test_it_leaves_the_folders_of_living_workers_alone() -> None:
    with seeds.workplace(None) as place:
        seeds.sweep()
        assert place.work.is_dir()
