"""What the reader is told by its environment."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A variable is missing or wrong; nothing was begun."""


@dataclass(frozen=True)
class Location:
    """A code location, and where its versions are in the bucket."""

    name: str
    prefix: str
    module: str


@dataclass(frozen=True)
class Settings:
    bucket: str
    # Empty when a list names them.
    locations: tuple[Location, ...]
    # Key of the list of locations in the bucket; None: the environment names them.
    list_key: str | None
    # Versions are unpacked below it, a folder for each location.
    root: Path
    poll_seconds: float
    # Versions that are kept beside the one that is served.
    keep: int
    # Within which a code server has to have loaded a version.
    load_seconds: float
    # Written at every change, when it is named.
    workspace: Path | None
    # Address of a webserver that is told to load the workspace anew.
    webserver: str | None


def read_settings(environment=os.environ) -> Settings:
    """Raises SettingsError, which says how to mend it."""
    return Settings(
        bucket=_needed(environment, "DAGSTER_S3_BUCKET", "the name of the bucket that DAGs are published to"),
        locations=() if environment.get("DAGS_LIST") else _locations(environment),
        list_key=_list_key(environment),
        root=Path(environment.get("DAGS_ROOT", "/opt/dagster/dags")),
        poll_seconds=_number(environment, "DAGS_POLL_SECONDS", 60, least=0.01),
        keep=int(_number(environment, "DAGS_KEEP", 5, least=1)),
        load_seconds=_number(environment, "DAGS_LOAD_SECONDS", 300, least=0.01),
        workspace=Path(environment["DAGS_WORKSPACE"]) if environment.get("DAGS_WORKSPACE") else None,
        webserver=environment.get("DAGS_WEBSERVER") or None,
    )


def _needed(environment, name: str, meaning: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"The variable {name} is not set. Set it to {meaning}.")
    return value


def _number(environment, name: str, default: float, least: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = least - 1
    if not value >= least:
        raise SettingsError(f"The variable {name} is {text!r}. Set it to a number from {least} on.")
    return value


def _list_key(environment) -> str | None:
    key = environment.get("DAGS_LIST") or None
    if key is not None and environment.get("DAGS"):
        raise SettingsError("The variables DAGS and DAGS_LIST are both set. Set DAGS_LIST where a list in the bucket names the locations.")
    if key is not None and not re.fullmatch(r"([\w.-]+/)+[\w.-]+", key):
        raise SettingsError(f"The variable DAGS_LIST is {key!r}. Set it to the key of the list: dags/.stacks/shop/production.json.")
    return key


def _locations(environment) -> tuple[Location, ...]:
    text = _needed(environment, "DAGS", 'the locations as JSON: {"shop": {"prefix": "dags/shop/", "module": "shop"}}')
    try:
        written = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"The variable DAGS cannot be read ({error}). {_example}") from error
    return locations_of(written, "the variable DAGS")


_example = 'Write {"shop": {"prefix": "dags/shop/", "module": "shop"}}.'


def locations_of(written, where: str, least: int = 1) -> tuple[Location, ...]:
    """Locations by their names, sorted. `where` they are written, for people. Raises SettingsError."""
    try:
        locations = tuple(
            Location(name, fields["prefix"], fields["module"]) for name, fields in sorted(written.items())
        )
    except (AttributeError, TypeError, KeyError) as error:
        raise SettingsError(f"{_first(where)} cannot be read ({error}). {_example}") from error
    for location in locations:
        # It becomes a folder.
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", location.name):
            raise SettingsError(f"{_first(where)} names a location {location.name!r}, which cannot be a folder.")
        if not re.fullmatch(r"([\w.-]+/)+", str(location.prefix)):
            raise SettingsError(f"The prefix of {location.name} in {where} is {location.prefix!r}. Let it end in a slash.")
    if len(locations) < least:
        raise SettingsError(f"{_first(where)} names no location.")
    return locations


def _first(words: str) -> str:
    return words[0].upper() + words[1:]
