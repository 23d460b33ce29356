"""
Definitions of all Python files of a folder, so that a new file becomes definitions without being named anywhere.

In a file of the folder, which Dagster loads as its module:

    from dag_reader.folder import load_folder
    defs = load_folder(__file__)
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


class FolderError(Exception):
    """A file of the folder cannot be taken. The message names it."""


def load_folder(place: str | Path) -> dg.Definitions:
    """
    Imports every Python file below a folder and merges what it finds at their top: whole `Definitions`, and assets, checks, jobs,
    schedules and sensors that are in none. What else Dagster would take is refused, rather than left out. Left out are files and folders whose names begin with a dot or an underscore, and tests.

    place: the folder; or a file in it, which is left out. Raises FolderError.
    """
    place = Path(place).resolve()
    folder = place if place.is_dir() else place.parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    modules = {path: _import(path, folder) for path in _files(folder) if path != place}
    whole, loose = _Named(folder), _Named(folder)
    for path, module in modules.items():
        for value in _values(module):
            if isinstance(value, dg.Definitions):
                whole.add(path, value)
    inside = {id(value) for found in whole.values for value in _members(found)}
    for found, path in list(whole.places()):
        for value in _members(found):
            loose.claim(path, value)
    for path, module in modules.items():
        for value in _values(module):
            if id(value) in inside:
                continue
            if isinstance(value, _kinds) or _is_schedule(value):
                loose.add(path, value)
            elif _classes(value) & _others:
                kind = type(value).__name__
                raise FolderError(f"{path.relative_to(folder)} has a {kind} at its top, which a folder cannot take: put it into `Definitions`.")
    parts = [*whole.values, _definitions(loose.values)]
    try:
        return dg.Definitions.merge(*parts)
    except Exception as error:
        raise FolderError(f"The files of {folder} do not go together: {error}") from error


_jobs = (dg.JobDefinition, UnresolvedAssetJobDefinition)
_assets = (dg.AssetsDefinition, dg.AssetSpec, dg.SourceAsset)
_kinds = (*_jobs, *_assets, dg.AssetChecksDefinition, dg.ScheduleDefinition, dg.SensorDefinition)
# Of some versions of Dagster only, and in another module in each.
_others = {"CacheableAssetsDefinition", "LazyDefinitions"}


def _classes(value) -> set[str]:
    return {kind.__name__ for kind in type(value).__mro__}


def _is_schedule(value) -> bool:
    """`build_schedule_from_partitioned_job` gives one that is made whole only when its job is."""
    return isinstance(value, dg.ScheduleDefinition) or "UnresolvedPartitionedAssetScheduleDefinition" in _classes(value)


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part.startswith((".", "_")) or part in ("tests", "conftest") for part in parts):
            continue
        if not parts[-1].startswith("test_") and not parts[-1].endswith("_test"):
            found.append(path)
    return found


def _import(path: Path, folder: Path) -> ModuleType:
    shown = path.relative_to(folder)
    parts = shown.with_suffix("").parts
    if not all(part.isidentifier() for part in parts):
        raise FolderError(f"{shown} cannot be imported: rename it, so that each part of its path is a name in Python.")
    name = ".".join(parts)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise FolderError(f"{shown} cannot be imported: {type(error).__name__}: {error}") from error
    if Path(getattr(module, "__file__", None) or "").resolve() != path:
        raise FolderError(f"{shown} has the name of another module, {name} of {getattr(module, '__file__', 'Python itself')}: rename it.")
    return module


def _values(module: ModuleType) -> list:
    """What stands at the top of a module, also in lists, as factories make them."""
    found = []
    for name, value in vars(module).items():
        if not name.startswith("__"):
            # Records of Dagster are tuples too.
            found.extend(value if type(value) in (list, tuple) else [value])
    return found


def _members(definitions: dg.Definitions) -> list:
    kinds = ("assets", "asset_checks", "jobs", "schedules", "sensors")
    return [value for kind in kinds for value in getattr(definitions, kind, None) or ()]


def _definitions(values: list) -> dg.Definitions:
    def of(*kinds) -> list:
        return [value for value in values if isinstance(value, kinds)]

    # An AssetChecksDefinition is an AssetsDefinition.
    checks = of(dg.AssetChecksDefinition)
    return dg.Definitions(
        assets=[value for value in of(*_assets) if value not in checks],
        asset_checks=checks,
        jobs=of(*_jobs),
        schedules=[value for value in values if _is_schedule(value)],
        sensors=of(dg.SensorDefinition),
    )


class _Named:
    """Values that were found, each once, and the file that each name is of."""

    def __init__(self, folder: Path):
        self.values: list = []
        self._folder = folder
        self._files: dict[int, Path] = {}
        self._names: dict[tuple, tuple[Path, int]] = {}

    def add(self, path: Path, value) -> None:
        if id(value) in self._files:
            return  # imported from another file
        self.claim(path, value)
        self._files[id(value)] = path
        self.values.append(value)

    def places(self):
        return ((value, self._files[id(value)]) for value in self.values)

    def claim(self, path: Path, value) -> None:
        """Raises FolderError when another value of another file has the name."""
        for name in _names(value):
            other, owner = self._names.setdefault(name, (path, id(value)))
            if owner != id(value) and other != path:
                first, second = other.relative_to(self._folder), path.relative_to(self._folder)
                raise FolderError(f"{first} and {second} have two different definitions of {name[0]} {name[1]}.")


def _names(value) -> list[tuple]:
    if isinstance(value, dg.AssetChecksDefinition):
        return [("asset check", key.to_user_string()) for key in value.check_keys]
    if isinstance(value, dg.AssetsDefinition):
        return [("asset", key.to_user_string()) for key in value.keys]
    if isinstance(value, (dg.AssetSpec, dg.SourceAsset)):
        return [("asset", value.key.to_user_string())]
    if _is_schedule(value):
        return [("schedule", value.name)]
    for kinds, kind in ((_jobs, "job"), (dg.SensorDefinition, "sensor")):
        if isinstance(value, kinds):
            return [(kind, value.name)]
    return []
