"""Answers warnings with drills and, beside that, compares what came with what was predicted."""

import threading

import scenarios.app
import scenarios.feedback
from console.posts.post import Post


def serve(post: Post) -> None:
    """Run both until stopped; either one's error ends the process."""
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
        scenarios.app.run(post.bus, post.clock, post.stop)
    finally:
        post.stop.set()
        beside.join()
    if failures:
        raise failures[0]
