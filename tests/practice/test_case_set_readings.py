"""A labelled set that was sent is unpacked by a worker: once, whoever dies."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange, UnableToRead
from practice.clients import case_archives
from practice.models import CaseSet
from practice.orchestrator import case_sets
from practice.services.case_sets import case_set_cancel, case_set_read_again, case_set_send
from practice.services.holdings import case_set_delete
from practice.services.replays import replay_cancel
from tests.practice.case_sets import finished, read_in, sent, set_files, tarred, zipped

LIST = "/root-causes/evaluation/"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def unpacked(folder: Path) -> list[str]:
    home = folder / "rootcause-sets"
    return sorted(p.name for p in home.iterdir() if p.is_dir()) if home.is_dir() else []


def locked() -> bytes:
    """A zip that says its one file has a password."""
    data = bytearray(zipped({"a.txt": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def with_long_name() -> bytes:
    """A packed tar whose first member says its name is of 80 KB."""
    return tarred({"n" * 80_000: b"x"})


def labelled(labels: bytes) -> dict[str, bytes]:
    return set_files(cases=1) | {"shop/ground_truth.json": labels}


def test_it_takes_a_zip_or_a_tar_once(workspace: Any, tmp_path: Path) -> None:
    row = sent(workspace)
    assert (row.status, row.cases, unpacked(tmp_path)) == ("waiting", [], [])
    assert sent(workspace).pk == row.pk
    assert read_in(row).status == "done"
    assert (row.name, row.cases, row.percent) == ("shop", ["case-0", "case-1"], 100)
    for mode in ("w:gz", "w"):
        other = read_in(sent(workspace, tarred(set_files(), mode)))
        assert other.cases == row.cases
    assert sent(workspace).status == "done"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive at all" * 99, "not an archive: send one set as"),
        (b"", "not an archive: send one set as"),
        (gzip.compress(b"ts,metric,value\n" * 99), "not an archive: send one set as"),
        (zipped({"../../etc/x": b"x"}), "leads outside"),
        (zipped({"/etc/x": b"x"}), "cannot be used"),
        (tarred({"../x": b"x"}), "leads outside"),
        (zipped(set_files())[:-300], "damaged .it ends too early.: send it again"),
        (tarred(set_files())[:-300], "cut off or damaged.*send it again"),
        (tarred(set_files(), "w")[:30_000], "cut off or damaged.*send it again"),
        (zipped(set_files()).replace(b"\x02\x14\x03\x14", b"\x02\x14\x03\xff"), "or damaged"),
        (zipped(set_files()).replace(b"shop/", b"\0hop/"), "cut off or damaged"),
        (zipped({"s/" + "long-name/" * 120 + "a": b"x"}), "name that is too long: shorten"),
        (locked(), "has a password: send it without"),
        (with_long_name(), "name that is too long: shorten"),
    ],
    ids=[
        "text", "empty", "packed text", "outside", "absolute", "tar outside", "zip cut off",
        "tar.gz cut off", "tar cut off", "of the future", "without a name", "long path", "locked",
        "long name",
    ],
)  # fmt: skip
def test_what_can_never_be_read_is_refused_at_once(
    workspace: Any, data: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnableToRead, match=message) as refusal:
        case_set_send(workspace=workspace, name="s.zip", data=data, by=None)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith("Nothing was stored.")
    assert not CaseSet.objects.exists()
    assert unpacked(tmp_path) == []


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_a_bomb_is_refused_at_once(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, pack: Any
) -> None:
    monkeypatch.setattr(case_archives, "UNPACKED_CAP", 10_000)
    with pytest.raises(UnableToRead, match="unpacks to more than"):
        sent(workspace, pack({"a": b"0" * 100_000}))
    assert not CaseSet.objects.exists()


def test_too_many_files_are_refused_at_once(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_archives, "MAX_FILES", 3)
    with pytest.raises(UnableToRead, match="more than 3 files: send its sets one by one"):
        sent(workspace)


def test_a_zip_that_lies_about_its_sizes_is_stopped_by_the_worker(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = sent(workspace)
    monkeypatch.setattr(case_archives, "look", lambda data: 1)
    monkeypatch.setattr(case_archives, "UNPACKED_CAP", 5_000)
    assert read_in(row).status == "failed"
    assert "unpacks to more than" in row.message
    assert unpacked(tmp_path) == []


def test_a_member_that_is_damaged_is_said_on_the_set(workspace: Any, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # stored, so that a changed byte is found by its sum
        archive.writestr("s/cases/one/alert.json", b'{"alert_ts": 1795000000}')
    data = out.getvalue().replace(b'{"alert_ts": 17', b'{"alert_ts": 18')
    row = read_in(sent(workspace, data))
    assert row.status == "failed"
    assert "cut off or damaged (Bad CRC" in row.message
    assert unpacked(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"x"}, "The archive holds no set: a set is a folder with cases/"),
        ({"s/cases/one/metrics.csv": b"x"}, "s/cases/one/alert.json cannot be opened"),
        (
            set_files() | {"bank/cases/one/alert.json": b'{"alert_ts": 1}'},
            "holds 2 sets (bank, shop): send them one by one",
        ),
        ({"s/trajectories.jsonl": b"{}\n"}, "trajectories.jsonl line 1 must be an object"),
        ({"s/trajectories.jsonl": b"\n"}, "The set holds no trajectory"),
        ({"s/a": b"x", "s/a/b": b"x"}, "holds a file and a folder of one name: pack the set's"),
        ({"s/a/b": b"x", "s/a": b"x"}, "holds a file and a folder of one name: pack the set's"),
    ],
    ids=[
        "no set",
        "no alert",
        "two sets",
        "no trajectory",
        "no line",
        "file, then folder",
        "folder, then file",
    ],
)
def test_what_is_no_set_is_said_in_one_line_and_not_kept_unpacked(
    workspace: Any, files: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    row = read_in(sent(workspace, zipped(files)))
    assert row.status == "failed"
    assert message in row.message
    assert "\n" not in row.message
    assert str(tmp_path) not in row.message
    assert unpacked(tmp_path) == []


def test_a_broken_case_costs_its_own_answer_and_no_other(workspace: Any, tmp_path: Path) -> None:
    files = set_files(cases=3)
    files["shop/cases/case-1/alert.json"] = b'{"alert_ts": '
    row = read_in(sent(workspace, zipped(files)))
    assert (row.status, row.cases) == ("done", ["case-0", "case-1", "case-2"])
    (note,) = row.notes
    assert note.startswith("shop/cases/case-1/alert.json must be a JSON object with alert_ts")
    assert note.endswith("This case fails.")
    assert str(tmp_path) not in note
    replay = finished(row)
    whole = replay.result["variants"]["whole"]
    outcomes = {case["case_id"]: case["outcome"] for case in whole["per_case"]}
    assert outcomes == {"case-0": "found", "case-1": "failed", "case-2": "found"}
    assert whole["r_at_1"] == pytest.approx(2 / 3, abs=0.001)
    (failed,) = replay.cases.filter(status="failed")
    assert failed.message.startswith("shop/cases/case-1/alert.json must be")


def test_a_set_with_many_broken_cases_says_so_shortly(workspace: Any) -> None:
    files = set_files(cases=9)
    for number in range(1, 9):
        files[f"shop/cases/case-{number}/alert.json"] = b"{}"
    row = read_in(sent(workspace, zipped(files)))
    assert (row.status, len(row.notes), row.notes[-1]) == ("done", 6, "So do 3 more.")


@pytest.mark.parametrize(
    "labels", [b'{"cases": ["case-0"]}', b"[" * 100_000, b"\xff"], ids=["list", "deep", "bytes"]
)
def test_labels_that_are_none_leave_the_rankings(
    workspace: Any, labels: bytes, tmp_path: Path
) -> None:
    row = read_in(sent(workspace, zipped(labelled(labels))))
    assert (row.status, row.cases, row.truths) == ("done", ["case-0"], {})
    (note,) = row.notes
    assert note.startswith("shop/ground_truth.json must be an object with cases")
    assert note.endswith("rankings are shown, nothing is scored.")


def test_a_label_that_is_none_leaves_the_others(workspace: Any) -> None:
    labels = b'[{"root_cause": "ledger"}, {"case_id": "case-0", "root_cause": "ledger"}, 7]'
    row = read_in(sent(workspace, zipped(labelled(labels))))
    assert [*row.truths] == ["case-0"]
    assert row.notes[0] == (
        "label 1 of ground_truth.json cannot be read (it has no 'case_id'). The others are scored."
    )
    assert row.notes[1].startswith("label 3 of ground_truth.json cannot be read (")


def test_labels_without_a_case_are_named_and_the_rest_of_them_counted(workspace: Any) -> None:
    rows = [f'{{"case_id": "case-{number}", "root_cause": "ledger"}}' for number in range(9)]
    row = read_in(sent(workspace, zipped(labelled(f"[{', '.join(rows)}]".encode()))))
    assert row.notes == [
        "Labels without a case: case-1, case-2, case-3, case-4, case-5 and 3 more."
    ]


@pytest.mark.parametrize(
    ("given", "called"), [("Autumn 1.2", "Autumn 1.2"), ("autumn.tar.gz", "autumn")]
)
def test_a_name_that_is_given_stays(workspace: Any, given: str, called: str) -> None:
    data = zipped(set_files())
    row = case_set_send(workspace=workspace, name=given, data=data, by=None, is_named=True)
    assert read_in(row).name == called


def test_what_a_dead_worker_left_is_read_by_the_next_and_stored_once(
    workspace: Any, tmp_path: Path
) -> None:
    row = sent(workspace)
    half = tmp_path / "rootcause-sets" / ".unpacking-dead"
    half.mkdir(parents=True)
    (half / "metrics.csv").write_bytes(b"ts,")
    assert case_sets.due() == []  # a worker was rung for just now
    long_ago = timezone.now() - timedelta(hours=1)
    CaseSet.objects.update(status="running", heartbeat_at=long_ago, dispatched_at=long_ago)
    assert case_sets.due() == [row.pk]
    assert case_sets.due() == []
    assert read_in(row).status == "done"
    assert unpacked(tmp_path) == [row.digest]
    assert CaseSet.objects.count() == 1


def test_one_worker_at_a_time_reads_it(workspace: Any) -> None:
    row = sent(workspace)
    CaseSet.objects.claim(row.pk, now=timezone.now(), lease=timedelta(minutes=1))
    assert read_in(row).status == "running"
    assert row.cases == []


def test_it_gives_up_on_what_kills_its_workers(workspace: Any) -> None:
    row = sent(workspace)
    CaseSet.objects.update(tries=3)
    assert read_in(row).status == "failed"
    assert "Send fewer cases" in row.message


def test_a_late_twin_cannot_overwrite(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read = case_sets._read

    def slow(row: CaseSet) -> Any:
        found = read(row)
        later = timezone.now() + timedelta(hours=1)
        CaseSet.objects.claim(row.pk, now=later, lease=timedelta(minutes=1))
        return found

    monkeypatch.setattr(case_sets, "_read", slow)
    row = read_in(sent(workspace))
    assert (row.status, row.tries, row.cases) == ("running", 2, [])


def test_it_tells_how_far_it_is_and_ends_when_it_is_cancelled(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("practice.orchestrator.leases.TELL_SECONDS", 0)
    row = sent(workspace)
    seen: list[int] = []
    held = CaseSet.objects.held

    def looking(piece: Any) -> Any:
        now = CaseSet.objects.get(pk=row.pk)
        seen.append(now.percent)
        if now.percent > 50:
            case_set_cancel(case_set=now, by=None)
        return held(piece)

    monkeypatch.setattr(type(CaseSet.objects), "held", lambda _, piece: looking(piece))
    assert read_in(row).status == "cancelled"
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert (row.cases, row.message, unpacked(tmp_path)) == ([], "Cancelled.", [])


def test_it_is_read_again_after_a_cancel_asked_for_or_sent_anew(workspace: Any) -> None:
    row = sent(workspace)
    case_set_cancel(case_set=row, by=None)
    with pytest.raises(UnableToChange, match="has ended already"):
        case_set_cancel(case_set=row, by=None)
    assert case_set_read_again(case_set=row, by=None).status == "waiting"
    case_set_cancel(case_set=row, by=None)
    assert sent(workspace).status == "waiting"
    assert read_in(row).status == "done"
    with pytest.raises(UnableToChange, match="is read already"):
        case_set_read_again(case_set=row, by=None)


def test_it_is_deleted_with_what_was_unpacked_once_nothing_needs_it(
    workspace: Any, tmp_path: Path
) -> None:
    row = sent(workspace)
    with pytest.raises(UnableToChange, match="Cancel that first"):
        case_set_delete(case_set=row, by=None)
    replay = read_in(row).replays.create(number=1)
    with pytest.raises(UnableToChange, match="is being replayed"):
        case_set_delete(case_set=row, by=None)
    replay_cancel(replay=replay, by=None)
    assert case_set_delete(case_set=row, by=None) == {"cases": 2, "replays": 1}
    assert not CaseSet.objects.exists()
    assert unpacked(tmp_path) == []


def test_the_page_shows_how_far_it_is_and_what_went_wrong(
    rita_client: Any, edda_client: Any, vera_client: Any, workspace: Any
) -> None:
    row = sent(workspace, zipped({"a.txt": b"x"}))
    CaseSet.objects.update(status="running", percent=40)
    page = vera_client.get(LIST).content.decode()
    assert "Reading, 40 %" in page
    assert "Look again" in page
    assert "Cancel the reading" not in page
    part = rita_client.get(LIST, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")
    rita_client.post(f"{LIST}sets/{row.pk}/cancel/")
    rita_client.post(f"{LIST}sets/{row.pk}/again/")
    assert read_in(row).status == "failed"
    page = rita_client.get(LIST).content.decode()
    assert "holds no set" in page
    assert "hx-get" not in page.partition('id="sets"')[2].partition("</section>")[0]
    (shown_set,) = rita_client.get(LIST).context["sets"]
    told = {"seen": shown_set["goes_seen"]}
    assert edda_client.post(f"{LIST}sets/{row.pk}/delete/", told, follow=True).status_code == 200
    assert not CaseSet.objects.exists()


@pytest.mark.parametrize("action", ["cancel", "again", "delete"])
def test_only_reviewers_change_a_set(
    vera_client: Any, olga_client: Any, workspace: Any, action: str
) -> None:
    row = sent(workspace)
    url = f"{LIST}sets/{row.pk}/{action}/"
    assert vera_client.post(url).status_code == 403
    assert olga_client.post(url).status_code == 404
    assert CaseSet.objects.get().status == "waiting"


def test_an_upload_that_broke_off_is_not_stored(rita_client: Any) -> None:
    upload = SimpleUploadedFile("shop.zip", zipped(set_files()))
    page = rita_client.post(f"{LIST}send/", {"archive": upload}, follow=True).content.decode()
    assert "The upload was cut off on its way. Send it again." in page
    assert not CaseSet.objects.exists()


def test_a_tar_of_links_and_folders_writes_only_files(workspace: Any, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        link = tarfile.TarInfo("shop/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        for name, data in set_files().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    row = read_in(sent(workspace, out.getvalue()))
    assert row.status == "done"
    assert not (tmp_path / "rootcause-sets" / row.digest / "shop" / "link").exists()
