"""Reads production and owns its state."""

import ingest.app
from console.posts.post import Post
from foreshadow.settings import IngestSettings
from ingest.source import Ground, Source
from ingest.source_file import open_sources, source_text
from ingest.sources.frr import FrrAgent


def serve(post: Post) -> None:
    """Run until stopped."""
    folder, prefix = post.settings.run_dir, post.settings.bus.topic_prefix
    ground = Ground(
        devices=post.inventory.devices,
        clock=post.clock,
        state_dir=post.settings.run_dir,
        bus=post.settings.bus,
        poll_s=post.settings.ingest.poll_s,
        meter=post.meter,
    )
    ingest.app.run(
        post.bus,
        post.settings.ingest,
        post.clock,
        post.stop,
        epoch_file=folder / f"ingest.{prefix}.epoch",
        sources=_sources(post.settings.ingest, ground),
        meter=post.meter,
    )


def _sources(settings: IngestSettings, ground: Ground) -> tuple[Source, ...]:
    path = settings.sources_file
    if path is None:
        agent = FrrAgent(
            ground.devices,
            ground.clock,
            poll_s=ground.poll_s,
            counters_s=settings.counters_s,
        )
        return (agent,)
    return open_sources(source_text(path), ground, path=path)
