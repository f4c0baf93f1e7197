"""The scenarios that come with the product: files that fit any network."""

from pathlib import Path

from foreshadow.errors import ConfigError

LIBRARY = Path(__file__).parents[1] / "library"


def shipped() -> tuple[Path, ...]:
    """Every scenario file of the library, by name."""
    return tuple(sorted(LIBRARY.glob("*.yaml")))


def find(wanted: str) -> Path:
    """The file somebody means: a path, or the name of a scenario of the library.

    Raises:
        ConfigError: Neither.
    """
    path = Path(wanted)
    if path.exists() or path.suffix or path.name != wanted:
        return path
    known = {each.stem: each for each in shipped()}
    if wanted not in known:
        raise ConfigError(
            f"there is no file {wanted!r}, and no scenario of that name in the library; "
            "`foreshadow scenario list` shows them"
        )
    return known[wanted]


def files_of(wanted: Path) -> tuple[Path, ...]:
    """The scenario files of a folder, by name; a file is itself.

    Raises:
        ConfigError: There is no such file or folder.
    """
    if wanted.is_dir():
        return tuple(sorted({*wanted.glob("*.yaml"), *wanted.glob("*.yml")}))
    if not wanted.exists():
        raise ConfigError("no such file or folder", path=wanted)
    return (wanted,)
