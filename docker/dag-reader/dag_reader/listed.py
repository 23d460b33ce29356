"""The list of a stack's locations in the bucket: it comes to name others while webserver and daemon run."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from .settings import Location, Settings, SettingsError, locations_of
from .store import Store, StoreError
from .versions import BadVersion
from .whole import write_whole


@dataclass(frozen=True)
class LocationList:
    """A list as a release has written it."""

    # Changes with the locations.
    version: str
    locations: tuple[Location, ...]
    # Named by lists before this one: a run that waits may be of one.
    left: tuple[Location, ...]
    # From one look to the next: the shortest that a location asks for.
    poll_seconds: float


def fetch_list(settings: Settings) -> LocationList:
    """Raises StoreError, BadVersion."""
    store, name = _store(settings)
    return _parsed(store.read_json(name)[0])


def kept_list(settings: Settings) -> LocationList | None:
    """What a reader of this machine has adopted."""
    try:
        return _parsed(json.loads(_file(settings).read_text()))
    except (OSError, ValueError, BadVersion):
        return None  # there is none yet


class ListedLocations:
    """Follows the list. What was adopted is kept on the disk: a reader that starts anew begins with it, whether or not S3 answers."""

    def __init__(self, settings: Settings):
        self._store, self._name = _store(settings)
        self._file = _file(settings)
        self.current = kept_list(settings)
        self.error: str | None = None
        # Nothing that waiting could mend.
        self.is_hopeless = False
        self._found: tuple[dict, str] | None = None
        self._etag: str | None = None
        self._checked_at: float | None = None

    def look(self) -> LocationList | None:
        """One conditional request. The list, when it is another one than at the last look, or was refused then; None: there is nothing new."""
        self._found = self._store.read_json(self._name, self._etag)
        self._checked_at = time.time()
        self.is_hopeless = False
        return None if self._found is None else _parsed(self._found[0])

    def adopt(self, found: LocationList) -> None:
        """All that it names is here."""
        written, etag = self._found
        if found != self.current:
            write_whole(self._file, json.dumps(written))
            self.current = found
        # Only now: one that could not be adopted is read again.
        self._etag = etag

    def health(self, now: float) -> dict:
        """`checked_seconds_ago` is null until a look has succeeded."""
        return {
            "version": self.current and self.current.version,
            "checked_seconds_ago": None if self._checked_at is None else round(now - self._checked_at, 1),
            "error": self.error,
        }


def _file(settings: Settings) -> Path:
    return settings.root / "list.json"


def _store(settings: Settings) -> tuple[Store, str]:
    folder, _, name = settings.list_key.rpartition("/")
    return Store(settings.bucket, f"{folder}/"), name


def _parsed(written: dict) -> LocationList:
    try:
        return LocationList(
            version=str(written["version"]),
            locations=locations_of(written["locations"], "the list"),
            left=locations_of(written.get("left", {}), "the list", least=0),
            poll_seconds=float(min(each["pollSeconds"] for each in written["locations"].values())),
        )
    except (SettingsError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadVersion(f"the list of locations is not as it should be: {error}") from error
