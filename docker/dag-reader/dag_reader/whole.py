"""Files that others read while they are written."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Whoever reads the file sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.next")
    beside.write_text(text)
    beside.rename(path)
