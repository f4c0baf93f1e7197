"""Answers warnings with drills, keeps the calendar, and compares what came with the forecast."""

import threading

import scenarios.app
import scenarios.feedback
from console.ground import read_network
from console.posts.post import Post
from scenarios.scheduled import read_scenarios


def serve(post: Post) -> None:
    """Run both until stopped; either one's error ends the process.

    Raises:
        ConfigError: A scenario file or the network file cannot be used.
    """
    settings = post.settings.scenarios
    known = read_scenarios(settings.folder)
    network_file = None if settings.network_file is None else read_network(settings.network_file)
    failures: list[BaseException] = []

    def compare() -> None:
        try:
            scenarios.feedback.run(post.bus, post.clock, post.stop, routers=post.routers)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(error)
            post.stop.set()

    beside = threading.Thread(target=compare, name="feedback")
    beside.start()
    try:
        scenarios.app.run(
            post.bus,
            post.clock,
            post.stop,
            routers=post.routers,
            scenarios=known,
            network_file=network_file,
            load_limit=post.settings.policy.load_limit,
            meter=post.meter,
        )
    finally:
        post.stop.set()
        beside.join()
    if failures:
        raise failures[0]
