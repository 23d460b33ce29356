"""Versions that a text names by their folders, as a run of Dagster names the one that it was planned in."""

import re

from .settings import Settings
from .store import Store
from .versions import Versions


def fetch_named(settings: Settings, text: str) -> list[str]:
    """Fetches each version whose folder the text names, whichever is served now, and gives their names."""
    found = []
    for location in settings.locations:
        versions = Versions(settings.root / location.name)
        folder = re.escape(str(versions.path("0" * 40).parent))
        for version in sorted(set(re.findall(folder + r"/([0-9a-f]{40})\b", text))):
            versions.install(Store(settings.bucket, location.prefix), version)
            found.append(version)
    return found
