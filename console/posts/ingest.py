"""Reads production and owns its state."""

import ingest.app
from console.posts.post import Post
from ingest.sources.frr import FrrAgent


def serve(post: Post) -> None:
    """Run until stopped."""
    agent = FrrAgent(post.inventory.devices, post.clock, poll_s=post.settings.ingest.poll_s)
    ingest.app.run(
        post.bus,
        post.settings.ingest,
        post.clock,
        post.stop,
        epoch_file=post.settings.run_dir / "ingest.epoch",
        sources=(agent,),
    )
