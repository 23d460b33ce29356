"""Follows the pointers of all locations: one look at each, and what is done when one has moved."""

import http.client
import json
import random
import sys
import time
import urllib.request
from pathlib import Path

from .settings import Location, Settings
from .store import Store, StoreError
from .versions import BadVersion, Versions


class Followed:
    """One location: the version that is here, and how the last look at its pointer ended."""

    def __init__(self, settings: Settings, location: Location):
        self.location = location
        self.versions = Versions(settings.root / location.name)
        self.store = Store(settings.bucket, location.prefix)
        # By a code server of this container: it is not removed while it is.
        self.loaded: str | None = None
        # Why that is not the version that is here, when it was tried.
        self.refused: str | None = None
        self.error: str | None = None
        # Nothing that waiting could mend.
        self.is_hopeless = False
        self._etag: str | None = None
        self._checked_at: float | None = None
        self._switched_at: float | None = None

    def look(self, keep: int) -> None:
        """Whatever fails, the version that is here stays, and the next look tries again."""
        try:
            self._follow(keep)
        except (StoreError, BadVersion, OSError) as error:
            if self.error != str(error):
                log("failed", location=self.location.name, version=self.versions.current(), error=str(error))
            self.error = str(error)
            self.is_hopeless = getattr(error, "hopeless", False)
        else:
            self.error = None
            self._checked_at = time.time()

    def _follow(self, keep: int) -> None:
        read = self.store.read_json("current.json", self._etag)
        if read is None:
            return
        pointer, etag = read
        before, version = self.versions.current(), pointer.get("version")
        if before != version:
            self.versions.install(self.store, version)
            self.versions.switch(version)
            self.versions.prune(keep, self.loaded)
            self._switched_at = time.time()
            log("switched", location=self.location.name, version=version, before=before)
        # Only now: a pointer whose version could not be had is read again.
        self._etag = etag

    def health(self, now: float) -> dict:
        """`checked_seconds_ago` is null until a look has succeeded."""
        ago = {"checked": self._checked_at, "switched": self._switched_at}
        return {
            "version": self.versions.current(),
            "loaded": self.loaded,
            **{f"{name}_seconds_ago": None if at is None else round(now - at, 1) for name, at in ago.items()},
            "error": self.error or self.refused,
        }


class Reader:
    def __init__(self, settings: Settings):
        self._settings = settings
        self.locations = [Followed(settings, location) for location in settings.locations]
        self._webserver_is_behind = False

    def look(self) -> None:
        """Looks at every pointer once."""
        for followed in self.locations:
            followed.look(self._settings.keep)
        try:
            self._tell_webserver()
            self._write_health()
        except OSError as error:
            log("failed", error=str(error))  # a full disk: what is served is there

    def is_whole(self) -> bool:
        return all(followed.versions.current() is not None for followed in self.locations)

    def _tell_webserver(self) -> None:
        """By a workspace file, when one is wanted, and by asking it to read that."""
        path = self._settings.workspace
        if path is None:
            return
        workspace = self._workspace()
        if not path.exists() or path.read_text() != workspace:
            write_whole(path, workspace)
            self._webserver_is_behind = True
        if self._webserver_is_behind and self._settings.webserver is not None:
            self._webserver_is_behind = not _reload(self._settings.webserver)

    def _write_health(self) -> None:
        self._settings.root.mkdir(parents=True, exist_ok=True)
        now = time.time()
        health = {"at": round(now, 3), "locations": {each.location.name: each.health(now) for each in self.locations}}
        write_whole(self._settings.root / "health.json", json.dumps(health, indent=2))

    def _workspace(self) -> str:
        """Each location from the folder of its version: that is what a run keeps of it. JSON is YAML."""
        targets = [
            {
                "python_module": {
                    "module_name": followed.location.module,
                    "working_directory": str(followed.versions.path(version)),
                    "location_name": followed.location.name,
                }
            }
            for followed in self.locations
            if (version := followed.versions.current()) is not None
        ]
        return json.dumps({"load_from": targets}, indent=2)


def pause(settings: Settings) -> float:
    """Seconds to the next look: containers that were started together do not ask together for ever."""
    return settings.poll_seconds * random.uniform(0.9, 1.1)


def write_whole(path: Path, text: str) -> None:
    """Whoever reads the file sees the old text or the new one."""
    beside = path.with_name(f"{path.name}.next")
    beside.write_text(text)
    beside.rename(path)


def log(event: str, **fields) -> None:
    """One line of JSON, which log tools can search."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"at": at, "event": event, **fields}), file=sys.stderr, flush=True)


def _reload(webserver: str) -> bool:
    """The daemon looks at its workspace file once a minute; a webserver has to be told."""
    query = json.dumps({"query": "mutation { reloadWorkspace { __typename } }"}).encode()
    request = urllib.request.Request(f"{webserver}/graphql", query, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)["data"]["reloadWorkspace"]["__typename"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        log("webserver-not-told", webserver=webserver, error=str(error))
        return False
    if answer != "Workspace":
        log("webserver-not-told", webserver=webserver, error=answer)
    return answer == "Workspace"
