"""Jobs that act as whoever asked for them: asked again whether they may, as a door would."""

from __future__ import annotations

from collections.abc import Callable

from backlog.access.roles import may
from backlog.models import Actor, Job
from backlog.services.jobs import Lease, Work
from mlscrum.lib.errors import Refused

ActorOf = Callable[[Job], Actor | None]


def as_allowed(permission: str, work: Work, *, actor_of: ActorOf) -> Work:
    """The same work, begun only while its actor holds the permission in the job's product.

    A job may wait for hours, and its actor may leave meanwhile: it fails then, with Refused.
    Where there is no actor, because what the job is about is gone, the work itself finds nothing.
    """

    def begin(lease: Lease) -> None:
        actor, product = actor_of(lease.job), lease.job.product
        if actor is not None and product is not None:
            has_left = actor.user is not None and not actor.user.is_active
            if has_left or not may(actor, permission, product):
                raise Refused(
                    "not_allowed",
                    "Whoever asked for this may not do it in this product any more; "
                    "a product owner or scrum master can start it again.",
                )
        work(lease)

    return begin
