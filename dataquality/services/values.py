"""Who opened values: kept, because raw values are personal data."""

from backlog.models import Actor
from dataquality.models import Dataset, ValuesOpened


def note_values_opened(dataset: Dataset, what: str, *, actor: Actor) -> None:
    """Remember that the actor opened values; `what` is such as 'run 48' or 'version 3'."""
    ValuesOpened.objects.create(dataset=dataset, what=what, user=actor.user, token=actor.token)
