"""Versions that a text names by their folders, as a run of Dagster names the one that it was planned in."""

import re

from .listed import fetch_list, kept_list
from .settings import Location, Settings
from .store import Store, StoreError
from .versions import Versions


def fetch_named(settings: Settings, text: str) -> list[str]:
    """Fetches each version whose folder the text names, whichever is served now, and gives their names."""
    found = []
    for location in _known(settings):
        versions = Versions(settings.root / location.name)
        folder = re.escape(str(versions.path("0" * 40).parent))
        for version in sorted(set(re.findall(folder + r"/([0-9a-f]{40})\b", text))):
            versions.install(Store(settings.bucket, location.prefix), version)
            found.append(version)
    return found


def _known(settings: Settings) -> tuple[Location, ...]:
    """A run may be of a location that has left the list while it waited."""
    if settings.list_key is None:
        return settings.locations
    try:
        listed = fetch_list(settings)
    except StoreError:
        # Beside a host its versions are here, too, whether or not S3 answers.
        listed = kept_list(settings)
        if listed is None:
            raise
    return (*listed.locations, *listed.left)
