"""Follows the pointers of all locations, and the list of them: one look at each, and what is done when one has moved."""

import http.client
import json
import random
import sys
import time
import urllib.request

from .listed import ListedLocations, LocationList
from .settings import Location, Settings
from .store import Store, StoreError
from .versions import BadVersion, Versions
from .whole import write_whole


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
        self._list = None if settings.list_key is None else ListedLocations(settings)
        kept = self._list and self._list.current
        named = settings.locations if kept is None else kept.locations
        self.locations = [Followed(settings, location) for location in named]
        # Of a list that is not adopted yet.
        self._coming: list[Followed] = []
        self._webserver_is_behind = False

    def look(self) -> None:
        """Looks at the list, and at every pointer once."""
        if self._list is not None:
            self._look_at_list(self._list)
        for followed in self.locations:
            followed.look(self._settings.keep)
        try:
            self._tell_webserver()
            self._write_health()
        except OSError as error:
            log("failed", error=str(error))  # a full disk: what is served is there

    def is_whole(self) -> bool:
        is_named = self._list is None or self._list.current is not None
        return is_named and all(followed.versions.current() is not None for followed in self.locations)

    def is_hopeless(self) -> bool:
        """Nothing that waiting could mend."""
        all_followed = [*self.locations, *self._coming]
        return any(followed.is_hopeless for followed in all_followed) or (self._list is not None and self._list.is_hopeless)

    def poll_seconds(self) -> float:
        """From one look to the next."""
        listed = self._list and self._list.current
        return self._settings.poll_seconds if listed is None else listed.poll_seconds

    def _look_at_list(self, listed: ListedLocations) -> None:
        """Whatever fails, the list of before stays, and the next look tries again."""
        try:
            found = listed.look()
            if found is not None:
                self._adopt(listed, found)
        except (StoreError, BadVersion, OSError) as error:
            if listed.error != str(error):
                log("failed", list=listed.current and listed.current.version, error=str(error))
            listed.error = str(error)
            listed.is_hopeless = getattr(error, "hopeless", False)
        else:
            listed.error = None

    def _adopt(self, listed: ListedLocations, found: LocationList) -> None:
        """All that is new is fetched first: nobody is told of a location without code."""
        here = {followed.location: followed for followed in self.locations}
        tried = {followed.location: followed for followed in self._coming}
        self._coming = [
            tried.get(location) or Followed(self._settings, location)
            for location in found.locations
            if location not in here
        ]
        for followed in self._coming:
            followed.look(self._settings.keep)
        lacking = [f"{followed.location.name}: {followed.error}" for followed in self._coming if followed.error]
        if lacking:
            raise BadVersion(f"list {found.version} names what cannot be had: {'; '.join(lacking)}")
        before = listed.current and listed.current.version
        listed.adopt(found)
        here |= {followed.location: followed for followed in self._coming}
        names = {followed.location.name for followed in self.locations}
        self.locations = [here[location] for location in found.locations]
        self._coming = []
        if found.version != before:
            now = {location.name for location in found.locations}
            log("listed", list=found.version, before=before, added=sorted(now - names), removed=sorted(names - now))

    def _tell_webserver(self) -> None:
        """By a workspace file, when one is wanted, and by asking it to read that."""
        path = self._settings.workspace
        if path is None or (self._list is not None and self._list.current is None):
            return
        workspace = self._workspace()
        if not path.exists() or path.read_text() != workspace:
            write_whole(path, workspace)
            self._webserver_is_behind = True
        if self._webserver_is_behind and self._settings.webserver is not None:
            self._webserver_is_behind = not _reload(self._settings.webserver)

    def _write_health(self) -> None:
        now = time.time()
        health = {"at": round(now, 3), "locations": {each.location.name: each.health(now) for each in self.locations}}
        if self._list is not None:
            health["list"] = self._list.health(now)
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


def pause(poll_seconds: float) -> float:
    """Seconds to the next look: containers that were started together do not ask together for ever."""
    return poll_seconds * random.uniform(0.9, 1.1)


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
