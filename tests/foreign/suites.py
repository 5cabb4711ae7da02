"""Test suites of others, run with an ensemble in the place of every model that a test makes.

A suite runs twice: as it is, and with the ensemble of one. What passes the first time and not the
second is a difference, and every difference wants a reason in the suite's list.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bestofinf._concurrency.file_locks import try_lock

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".venv-foreign"
"""Environment with what the suites need, and the sources beside it; `make clean` removes it."""

MEMBERS = "FOREIGN_MEMBERS"
"""Environment variable for a plugin: 0 leaves models alone, n puts each into an ensemble of n."""

COPIES = "FOREIGN_COPIES"
"""Environment variable: the folder with copies of repositories whose packages come without tests."""

TIMEOUT = 3000


@dataclass(frozen=True)
class Copy:
    """A repository that whoever runs the tests has fetched.

    Attributes:
        repository: Its address; the last part is its name under `COPIES`.
        commit: The one whose exceptions are listed.
        folder: That of the package in it.
    """

    repository: str
    commit: str
    folder: str

    def tests(self, place: Path) -> Path:
        """Return a folder of the package's name with its tests alone.

        The package itself beside them would be imported in the place of the one that is installed.

        Args:
            place: Where to put it.
        """
        folder = place / self.folder
        if not folder.exists():
            shutil.copytree(self.found() / "tests", folder / "tests")
            shutil.copy(self.found() / "pyproject.toml", folder)
        return folder

    def found(self) -> Path:
        """Return the folder of the package; skips the test, saying what to fetch, if there is none."""
        copies, name = os.environ.get(COPIES), self.repository.rpartition("/")[2]
        place = Path(copies or ".") / name / self.folder
        if copies is None or not place.is_dir():
            pytest.skip(
                f"its source distribution has no tests: fetch commit {self.commit} of "
                f"{self.repository}, and name the folder it lies in by {COPIES}"
            )
        return place


@dataclass(frozen=True)
class Suite:
    """Tests of a package.

    Attributes:
        name: Of the suite; its exceptions stand under this name.
        package: Whose source distribution has the tests.
        tests: Files or folders in it.
        requires: Packages that the tests need beside those of the project.
        options: Of pytest.
        copy: Where the tests are if the source distribution has none.
    """

    name: str
    package: str
    tests: tuple[str, ...]
    requires: tuple[str, ...]
    options: tuple[str, ...] = ()
    copy: Copy | None = None


def run(suite: Suite, plugin: Path, members: int, results: Path) -> set[str]:
    """Run a suite, and return the ids of the tests that pass.

    Args:
        suite: The suite.
        plugin: File of the pytest plugin that puts models into ensembles.
        members: 0 for models as they are.
        results: Folder for pytest's report.
    """
    source = None if suite.copy is None else suite.copy.tests(results)
    with _alone():
        inside = _environment(suite.requires)
        source = source or _source(suite.package)
    report = results / f"{suite.name}-{members}.xml"
    folders = [plugin.parent, ROOT / "shared", ROOT]
    own = ("-p", plugin.stem, "-p", "no:cacheprovider", "-p", "no:benchmark", "-o", "addopts=")
    done = subprocess.run(
        [inside, "-m", "pytest", "-q", *own, f"--junitxml={report}", *suite.options, *suite.tests],
        cwd=source,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            MEMBERS: str(members),
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    # 0: all passed, 1: some failed. Anything else is no run.
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    return {
        f"{case.get('classname')}::{case.get('name')}"
        for case in ElementTree.parse(report).iter("testcase")
        if not any(case.find(state) is not None for state in ("failure", "error", "skipped"))
    }


def differences(suite: Suite, plugin: Path, results: Path, members: int = 1) -> set[str]:
    """Return the ids of the tests that pass with the model and do not with an ensemble of it."""
    passed = run(suite, plugin, 0, results)
    assert passed, f"no test of {suite.name} passes as it is"
    return passed - run(suite, plugin, members, results)


def groups(file: Path, suite: Suite, members: int) -> list[dict[str, Any]]:
    """Return the groups of a suite's exceptions that hold for ensembles of so many members."""
    given = tomllib.loads(file.read_text(encoding="utf-8")).get(suite.name, [])
    return [group for group in given if members >= group.get("members", 1)]


def exceptions(groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the reasons of a suite's differences by test."""
    found: dict[str, str] = {}
    for group in groups:
        for test in group["tests"]:
            assert test not in found, f"{test} is listed twice"
            assert group["reason"].strip(), test
            found[test] = group["reason"]
    return found


def check(suite: Suite, plugin: Path, listed: Path, results: Path, members: int = 1) -> None:
    """Hold that every difference has a reason, and every reason a difference.

    A group with ``sometimes = true`` may pass: it depends on how threads are timed. One with
    ``members = 3`` holds for ensembles of so many and more.
    """
    known = groups(listed, suite, members)
    reasons = exceptions(known)
    loose = {test for group in known if group.get("sometimes") for test in group["tests"]}
    found = differences(suite, plugin, results, members)
    new = sorted(found - reasons.keys())
    gone = sorted(reasons.keys() - found - loose)
    assert not new, "\n".join(["neither passed nor listed:", *new])
    assert not gone, "\n".join(["listed, and passed:", *gone])


@contextmanager
def _alone() -> Iterator[None]:
    """Let one of several processes at a time prepare the environment."""
    PLACE.mkdir(exist_ok=True)
    with (PLACE / "lock").open("wb") as file:
        while not try_lock(file):
            time.sleep(1)
        yield


def _environment(requires: tuple[str, ...]) -> Path:
    """Return the Python of an environment that sees the project's own packages, and some more."""
    inside = PLACE / "bin" / "python"
    if not inside.exists():
        _done("-m", "venv", PLACE, python=sys.executable)
        own = sysconfig.get_path("purelib")
        scheme = {"base": str(PLACE), "platbase": str(PLACE)}
        (Path(sysconfig.get_path("purelib", vars=scheme)) / "project.pth").write_text(own)
    _done("-m", "pip", "install", "--quiet", *requires, python=inside)
    return inside


def _source(package: str) -> Path:
    """Return the unpacked source distribution of the installed version of a package."""
    try:
        wanted = f"{package}=={version(package)}"
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    folder = PLACE / "sources" / wanted
    if not folder.exists():
        archives = PLACE / "archives" / wanted
        what = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", wanted)
        inside = PLACE / "bin" / "python"
        _done("-m", "pip", "download", "--quiet", "--dest", archives, *what, python=inside)
        (archive,) = archives.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    (inner,) = folder.iterdir()
    return inner


def _done(*command: object, python: Path | str) -> None:
    done = subprocess.run(
        [str(python), *map(str, command)], capture_output=True, text=True, timeout=TIMEOUT
    )
    if done.returncode:
        pytest.skip(f"{' '.join(map(str, command))}: {done.stderr.strip()[-500:]}")
