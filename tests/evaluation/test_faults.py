"""The database fails: a clear error, the application goes on, nothing stored is lost."""

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlalchemy import event

from bestofinf.errors import StoreError
from bestofinf.evaluation import EvaluationStore, Recorder, import_files
from bestofinf.evaluation.recording.writer import Writer
from support.stored import record


def ask(recorder, call="call"):
    """What a collector does while the application calls a model."""
    recorder.call(call, prompt="What is 2 + 3?")
    recorder.sample(call, 0, member="gpt", answer="5")
    recorder.end(call, answer="5")
    return "5"


@pytest.fixture
def held(sqlite_url):
    """The address of a store that holds a call already."""
    with EvaluationStore(sqlite_url) as store:
        store.add([record("before", "42")])
    return sqlite_url


def still_whole(url, calls=("before",)):
    with EvaluationStore(url) as store:
        store.check()
        found = {call.id for _, calls, _, _ in store.records() for call in calls}
    assert set(calls) <= found


def test_a_full_disk_is_told_and_what_waited_is_written_when_there_is_space(held, caplog):
    store = EvaluationStore(held)
    with store._database.read() as connection:
        engine = connection.engine

    limit = [1]  # pages that the file may have: less than it has is taken as no growth

    @event.listens_for(engine, "begin")
    def limited(connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit[0]}")

    writer = Writer(store)
    long = "x" * 20_000
    with caplog.at_level(logging.WARNING):
        writer.put(record("later", long))
        with pytest.raises(StoreError, match="the disk is full"):
            writer.flush(0.5)
    assert "Recorded calls wait, as the store fails" in caplog.text
    assert writer.stats.pending == 1
    still_whole(held)
    limit[0] = 1_000_000
    writer.flush(20)
    still_whole(held, ["before", "later"])
    writer.close()
    store.close()


def test_a_file_that_may_not_grow_is_told(held):
    """The operating system refuses to write, as it does on a full disk."""
    program = """
import resource, signal, sys
from support.stored import record
from bestofinf.errors import StoreError
from bestofinf.evaluation import EvaluationStore
store = EvaluationStore(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
try:
    for n in range(1000):
        store.add([record(f"c{n}", "x" * 5_000)])
except StoreError as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", program, held], capture_output=True, text=True, check=True
    ).stdout
    assert "the disk" in said, said
    still_whole(held, ["before", "c0"])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_really_full_disk_loses_nothing(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a disk")
    try:
        url = f"sqlite:///{folder / 'answers.db'}"
        added = []
        with EvaluationStore(url) as store:

            def fill():
                for n in range(1000):
                    store.add([record(f"c{n}", "x" * 5_000)])
                    added.append(f"c{n}")

            with pytest.raises(StoreError, match="the disk"):
                fill()
        assert added
        still_whole(url, added)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_locked_file_is_told_and_written_later(held):
    with EvaluationStore(held, timeout=0.2) as store:
        other = sqlite3.connect(held.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program has kept it locked"):
            store.add([record("later", "42")])
        assert store.status().samples == 1  # reading goes on
        recorder = Recorder(store)
        assert ask(recorder) == "5"
        with pytest.raises(StoreError, match="locked"):
            recorder.flush(0.5)
        other.execute("ROLLBACK")
        other.close()
        recorder.close(20)
    still_whole(held, ["before", "call"])


def test_a_readonly_file_is_told(held, tmp_path):
    """As a user who may not write, in a process of its own."""
    program = """
import os, sys
from support.stored import record
from bestofinf.errors import StoreError
from bestofinf.evaluation import EvaluationStore, Recorder, read
read(sys.argv[2])  # everything is imported while this may still be read
Recorder(sys.argv[2]).close()
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
print(len(read(sys.argv[1])))
try:
    EvaluationStore(sys.argv[1]).add([record("later", "42")])
except StoreError as error:
    print(error)
recorder = Recorder(sys.argv[1])
recorder.call("call", prompt="?"); recorder.sample("call", 0, member="m", answer="5")
recorder.end("call")
try:
    recorder.close(0.5)
except StoreError as error:
    print(error)
"""
    folder = tmp_path / "frozen"
    folder.mkdir()
    path = folder / "answers.db"
    shutil.copy(held.removeprefix("sqlite:///"), path)
    path.chmod(0o444)
    folder.chmod(0o555)
    for parent in folder.parents:
        if parent.owner() == folder.owner() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(path), held], capture_output=True, text=True
        )
    finally:
        folder.chmod(0o755)
    assert done.stdout, done.stderr
    count, *errors = done.stdout.splitlines()
    assert count == "1", done.stderr
    assert len(errors) == 2
    assert all("read-only" in error for error in errors), errors


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"not a database at all, but a text\n" * 100, "not an SQLite database")],
)
def test_a_file_of_another_kind_is_told_and_left_alone(tmp_path, content, message):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=message):
        EvaluationStore(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="wanted a file, got a folder"):
        EvaluationStore(tmp_path)
    with pytest.raises(StoreError, match="there is no folder"):
        EvaluationStore(tmp_path / "no" / "answers.db")


def test_a_damaged_file_is_told_and_the_application_goes_on(held, tmp_path, caplog):
    path = tmp_path / "answers.db"
    with EvaluationStore(held) as store:
        store.add([record(f"c{n}", "x" * 500) for n in range(200)])
        store._database.empty_log()
    content = bytearray(path.read_bytes())
    content[4096 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        EvaluationStore(held)
    recorder = Recorder(held)
    with caplog.at_level(logging.WARNING):
        assert ask(recorder) == "5"
        with pytest.raises(StoreError):
            recorder.flush(0.5)
    assert path.read_bytes()[:4096] == bytes(content[:4096])
    with pytest.raises(StoreError):
        recorder.close(0.5)
    assert recorder.stats.lost == 1


def test_a_newer_store_is_told_and_not_touched(held):
    path = held.removeprefix("sqlite:///")
    raw = sqlite3.connect(path)
    raw.execute("UPDATE bestofinf_meta SET value = '99'")
    raw.commit()
    raw.close()
    recorder = Recorder(held)
    assert ask(recorder) == "5"
    with pytest.raises(StoreError, match=r"version 99.*install a newer bestofinf"):
        recorder.flush(0.5)
    with pytest.raises(StoreError):
        recorder.close(0.5)
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM bestofinf_calls").fetchone() == (1,)
    raw.close()


def test_a_lost_server_is_told_and_what_waited_is_written_when_it_is_back(
    postgres_server, postgres_url
):
    with EvaluationStore(postgres_url, timeout=2) as store:
        store.add([record("before", "42")])
        recorder = Recorder(store)
        postgres_server.stop()
        try:
            start = time.perf_counter()
            for n in range(20):
                assert ask(recorder, f"c{n}") == "5"
            assert time.perf_counter() - start < 10, "the application does not wait"
            with pytest.raises(StoreError, match="server"):
                store.status()
            with pytest.raises(StoreError, match="still wait"):
                recorder.flush(0.5)
            assert recorder.stats.pending == 20
        finally:
            postgres_server.start()
        recorder.close(30)
        assert recorder.stats.written == 20
    still_whole(postgres_url, ["before", *(f"c{n}" for n in range(20))])


def test_an_application_starts_while_its_server_is_down(postgres_server, postgres_url):
    postgres_server.stop()
    try:
        recorder = Recorder(postgres_url)
        assert ask(recorder) == "5"
        with pytest.raises(StoreError, match="no server answers there"):
            EvaluationStore(postgres_url)
    finally:
        postgres_server.start()
    recorder.close(30)
    still_whole(postgres_url, ["call"])


def test_a_server_without_space_for_the_database_is_told(postgres_url):
    from sqlalchemy.exc import OperationalError

    store = EvaluationStore(postgres_url)
    full = OperationalError("INSERT", None, Exception("could not extend file: No space left"))
    assert "the disk is full" in str(store._database.explain(full))
    store.close()


def test_what_cannot_be_stored_at_the_end_is_rescued_and_imported_later(held, tmp_path):
    program = """
import sys
from bestofinf.evaluation import Recorder
recorder = Recorder(sys.argv[1], rescue=sys.argv[2], keep="replies")
for n in range(3):
    recorder.call(f"c{n}", prompt=f"{n}?")
    recorder.sample(f"c{n}", 0, member="m", answer="5", text="It is 5.")
    recorder.end(f"c{n}", answer="5")
try:
    recorder.close(0.2)
except Exception as error:
    print(error)
print(recorder.stats.lost)
"""
    missing = tmp_path / "no folder" / "answers.db"
    rescue = tmp_path / "rescued"
    done = subprocess.run(
        [sys.executable, "-c", program, str(missing), str(rescue)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0", done
    with EvaluationStore(held) as store:
        import_files(store, [rescue])
        assert store.status().samples == 4
        texts = {s.text for _, _, samples, _ in store.records() for s in samples}
    assert texts == {None, "It is 5."}
