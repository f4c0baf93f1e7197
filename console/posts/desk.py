"""Puts together what the house says of itself, and shows it on the web."""

from console.apache_kafka import free_ports
from console.house import PROCESSES, WATCHERS
from console.posts.post import Post
from ingest.desk.app import Desk


def serve(post: Post) -> None:
    """Run until stopped."""
    metrics = post.settings.metrics
    place = len(PROCESSES) + len(WATCHERS)
    started = f"{post.clock.now():%Y%m%dT%H%M%S}"
    desk = Desk(
        bus=post.settings.bus,
        clock=post.clock,
        meter=post.meter,
        listen=metrics.listen,
        port=metrics.first_port + place if metrics.first_port else free_ports(1)[0],
        token=metrics.token(),
        run_id=started,
    )
    desk.run(post.stop)
