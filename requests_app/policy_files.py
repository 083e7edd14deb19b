"""Reading the folder a policy is kept in. What the files say is not looked at here."""

from pathlib import Path


def read(folder: Path) -> dict[str, str]:
    """Return every YAML file of the folder, name to text; raises OSError when there is no folder, or no file in it."""
    if not folder.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}")
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        raise FileNotFoundError(f"{folder} holds no .yaml file")
    return {file.name: file.read_text(encoding="utf-8") for file in files}
