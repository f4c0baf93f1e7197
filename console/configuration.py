"""The settings in force, from the environment, and what they ask of the host."""

import os
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_settings import SettingsError

from console.host import Wish
from foreshadow.errors import ConfigError
from foreshadow.settings import Settings

_PREFIX = "FORESHADOW_"
_OUTSIDE_SETTINGS = frozenset({"FORESHADOW_REQUIRE", "FORESHADOW_SHARED_DATA", "FORESHADOW_GOLDEN"})
"""Variables of the tests and of CI, which are no settings of the product."""


def load_settings() -> Settings:
    """The settings from the environment's `FORESHADOW_*` variables.

    Raises:
        ConfigError: A variable has a value that will not do, or a name that nothing reads.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        variable = _PREFIX + "__".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(first["msg"].removeprefix("Value error, "), field=variable) from exc
    except SettingsError as exc:
        raise ConfigError(f"a whole branch of settings must be JSON ({exc.__cause__})") from exc


def wish(settings: Settings) -> Wish:
    """What the settings say about what the host must have."""
    is_given = "bus" in settings.model_fields_set and "bootstrap" in settings.bus.model_fields_set
    return Wish(
        broker=settings.bus if is_given else None,
        must_be_kafka="kafka" in os.environ.get("FORESHADOW_REQUIRE", "").split(","),
        run_root=settings.run_dir,
        engine=settings.shadow.engine,
        needs_containers=settings.shadow.backend == "containerlab",
    )


def _refuse_unknown(variables: Iterable[str]) -> None:
    # pydantic overlooks what it does not know; a misspelt setting would silently not be set.
    known = {name.upper() for name in Settings.model_fields}
    for variable in variables:
        name = variable.removeprefix(_PREFIX).partition("__")[0].upper()
        if variable.startswith(_PREFIX) and variable not in _OUTSIDE_SETTINGS and name not in known:
            settings = ", ".join(sorted(_PREFIX + name for name in known))
            raise ConfigError(f"no such setting; there are {settings}", field=variable)
