"""`foreshadow drill recover`: every drill of this host that was cut short, set right."""

from console.drill_folders import kept_drills
from console.drill_lab import kept_lab, run_of
from foreshadow.clock import Clock, SystemClock
from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.settings import Settings
from scenarios.drills.drill_journal import DrillRecord
from scenarios.drills.drill_lock import LabTaken, lab_to_oneself
from scenarios.drills.recovery import Recovery, lay_to_rest, recover


def recover_all(settings: Settings) -> tuple[Recovery, ...]:
    """Undo and verify what is left of every drill whose runner is gone; live ones are left alone.

    Args:
        settings: Where runs lie, and where the engine of their containers listens.
    """
    clock = SystemClock()
    open_ = [record for record in kept_drills(settings.run_dir) if not record.is_closed]
    found = (_recover(record, settings, clock) for record in open_)
    return tuple(recovery for recovery in found if recovery is not None)


def _recover(record: DrillRecord, settings: Settings, clock: Clock) -> Recovery | None:
    """One drill; None where its runner lives."""
    lab = record.opening.lab
    try:
        run = run_of(lab, settings.run_dir)
        with lab_to_oneself(lab, place=run.directory, drill="recovery"):
            try:
                with kept_lab(str(lab), settings, clock) as kept:
                    return recover(record, kept.lab, clock)
            except LabTaken:
                raise
            except ConfigError:
                owner = run.owner()
                if owner is not None and owner.process.is_alive():
                    return None
                return lay_to_rest(record, clock)
            except EmulationFailed as error:
                return Recovery(
                    drill=record.opening.drill, lab=str(lab), left=(f"cannot adopt: {error}",)
                )
    except LabTaken:
        return None
    except ConfigError:
        return lay_to_rest(record, clock)
