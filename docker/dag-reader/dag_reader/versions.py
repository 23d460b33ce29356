"""The versions of a location on this machine. A folder is there whole or not at all, and is never changed."""

import fcntl
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from .store import Store


class BadVersion(Exception):
    """What was fetched is not what its manifest says."""


class Versions:
    def __init__(self, folder: Path):
        self.folder = folder
        self._versions = folder / "versions"
        self._link = folder / "current"

    def path(self, version: str) -> Path:
        return self._versions / _checked(version)

    def current(self) -> str | None:
        """The version that `current` leads to."""
        try:
            name = os.path.basename(os.readlink(self._link))
        except FileNotFoundError:
            return None
        return name if self.path(name).is_dir() else None

    def install(self, store: Store, version: str) -> Path:
        """Fetches a version beside the others, unless it is there. It gets its name when every file of it was looked at."""
        path = self.path(version)
        self._versions.mkdir(parents=True, exist_ok=True)
        with self._alone():
            for left in self.folder.glob("incoming-*"):
                shutil.rmtree(left)  # of a reader that was killed
            if path.is_dir():
                os.utime(path)  # kept longest: those that were wanted last
                return path
            stage = Path(tempfile.mkdtemp(prefix="incoming-", dir=self.folder))
            try:
                manifest, _ = store.read_json(f"versions/{version}.json")
                tree = stage / "tree"
                tree.mkdir()
                with open(stage / "archive", "w+b") as archive:
                    _fetch(store, manifest, archive)
                    _unpack(archive, manifest["files"], tree)
                os.rename(tree, path)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise BadVersion(f"the manifest of {version} is not as it should be: {error!r}") from error
            finally:
                shutil.rmtree(stage, ignore_errors=True)
        return path

    def switch(self, version: str) -> None:
        """Lets `current` lead to a version that is there, in one step."""
        beside = self.folder / "current.next"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path("versions") / version)
        os.rename(beside, self._link)

    def prune(self, keep: int, loaded: str | None) -> None:
        """Removes all but those that were wanted last, beside the one that is current and the one that is loaded."""
        with self._alone():
            others = [path for path in self._versions.iterdir() if path.name not in (self.current(), loaded)]
            for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[keep:]:
                # Never half a version under its name.
                gone = self.folder / f"incoming-{path.name}"
                os.rename(path, gone)
                shutil.rmtree(gone)

    @contextmanager
    def _alone(self):
        """Several readers may share a disk. The lock of one that is killed is free."""
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _checked(version: str) -> str:
    if not isinstance(version, str) or not re.fullmatch(r"[0-9a-f]{40}", version):
        raise BadVersion(f"{version!r} is not the name of a version")
    return version


def _fetch(store: Store, manifest: dict, archive) -> None:
    digest = manifest["archive"]["digest"].removeprefix("sha256:")
    store.download(f"archives/{digest}.tar.gz", archive, manifest["archive"]["size"])
    archive.seek(0)
    if _sha256(archive) != digest:
        raise BadVersion(f"the archive of {manifest['version']} has other content than its manifest says")
    archive.seek(0)


def _sha256(file) -> str:
    hash = hashlib.sha256()
    while chunk := file.read(1 << 20):
        hash.update(chunk)
    return hash.hexdigest()


def _unpack(archive, files: dict, tree: Path) -> None:
    """Every file that the manifest names, and nothing else. Links come last: no file is written through one."""
    left = dict(files)
    links = {}
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            for member in tar:
                if member.isdir():
                    continue
                expected = left.pop(member.name, None)
                if expected is None:
                    raise BadVersion(f"the archive has a file that the manifest does not name: {member.name}")
                if "link" in expected:
                    links[member.name] = expected["link"]
                    if not member.issym() or member.linkname != expected["link"]:
                        raise BadVersion(f"{member.name} is not the link that the manifest names")
                elif not member.isreg():
                    raise BadVersion(f"{member.name} is not a file")
                else:
                    _write(tar.extractfile(member), tree, member.name, expected)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of this machine: a full disk is not a bad version
        raise BadVersion(f"the archive cannot be read: {error}") from error
    if left:
        raise BadVersion(f"the archive lacks {len(left)} files, among them {min(left)}")
    for name, target in links.items():
        link = _inside(tree, name)
        if _leads_out(link.parent, tree):
            raise BadVersion(f"{name} lies behind a link that leads out of the version")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for name in links:
        if _leads_out(_inside(tree, name), tree):
            raise BadVersion(f"{name} is a link that leads out of the version")


def _leads_out(path: Path, tree: Path) -> bool:
    # Path.resolve() raises for links in a circle, which lead nowhere.
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(tree))


def _inside(tree: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BadVersion(f"{name!r} is not a path in a version")
    return tree.joinpath(*path.parts)


def _write(source, tree: Path, name: str, expected: dict) -> None:
    path = _inside(tree, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    hash = hashlib.sha256()
    size = 0
    with open(path, "xb") as file:
        while chunk := source.read(1 << 20):
            hash.update(chunk)
            size += len(chunk)
            file.write(chunk)
    if size != expected["size"] or hash.hexdigest() != expected["sha256"]:
        raise BadVersion(f"{name} has other content than the manifest says")
    path.chmod(int(expected["mode"], 8))
