"""Reads production and owns its state."""

from pathlib import Path

import ingest.app
from console.posts.post import Post
from foreshadow.errors import ConfigError
from ingest.source import Ground, Source
from ingest.source_file import parse_sources
from ingest.sources.frr import FrrAgent


def serve(post: Post) -> None:
    """Run until stopped."""
    ground = Ground(
        devices=post.inventory.devices,
        clock=post.clock,
        state_dir=post.settings.run_dir,
        bus=post.settings.bus,
        poll_s=post.settings.ingest.poll_s,
    )
    ingest.app.run(
        post.bus,
        post.settings.ingest,
        post.clock,
        post.stop,
        epoch_file=post.settings.run_dir / "ingest.epoch",
        sources=_sources(post.settings.ingest.sources_file, ground),
    )


def _sources(path: Path | None, ground: Ground) -> tuple[Source, ...]:
    if path is None:
        return (FrrAgent(ground.devices, ground.clock, poll_s=ground.poll_s),)
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text: {error}", path=path) from error
    return parse_sources(text, path=path).open(ground)
