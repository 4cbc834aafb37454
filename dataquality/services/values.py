"""Raw values are personal data: who opened them is kept, and a stricter policy removes them."""

from django.db.models import Q, QuerySet

from backlog.models import Actor
from dataquality.engine.redact import COUNTING, Policy
from dataquality.models import Dataset, Profile, Result, SamplePolicy, Trigger, ValuesOpened

SAID_ELSEWHERE = Q(run__trigger=Trigger.INGEST) & ~Q(message="")
QUOTES_ROWS = SAID_ELSEWHERE | ~Q(sample=[])
OPENNESS = {SamplePolicy.NONE: 0, SamplePolicy.KEYS: 1, SamplePolicy.VALUES: 2}


def note_values_opened(dataset: Dataset, what: str, *, actor: Actor) -> None:
    """Remember that the actor opened values; `what` is such as 'run 48' or 'version 3'."""
    ValuesOpened.objects.create(dataset=dataset, what=what, user=actor.user, token=actor.token)


def keeps_less(before: Dataset, after: Dataset) -> bool:
    """Whether the dataset now keeps less of its rows than it did."""
    return (
        OPENNESS[SamplePolicy(after.sample_policy)] < OPENNESS[SamplePolicy(before.sample_policy)]
        or not set(after.masked_columns) <= set(before.masked_columns)
        or not set(before.key_columns) <= set(after.key_columns)
        or (after.personal_data and not before.personal_data)
    )


def forget_values(dataset: Dataset) -> None:
    """Remove every value that runs and profiles of the dataset have kept; the counts stay."""
    forget_results(Result.objects.filter(run__dataset=dataset))
    Profile.objects.filter(version__dataset=dataset).delete()


def forget_results(results: QuerySet[Result]) -> None:
    """Remove samples, observed values but for those that are counts, and what tools elsewhere
    said."""
    forget_rows(results)
    results.exclude(type__regex=COUNTING.pattern).update(observed_value=None)


def forget_rows(results: QuerySet[Result]) -> None:
    """Remove samples, and what tools elsewhere said: both quote rows. Every figure stays."""
    results.exclude(sample=[]).update(sample=[])
    results.filter(SAID_ELSEWHERE).update(message="")


def policy_of(dataset: Dataset) -> Policy:
    """What may be kept of the dataset's rows, as the engine takes it."""
    return Policy(
        sample=dataset.sample_policy,
        personal_data=dataset.personal_data,
        key_columns=tuple(dataset.key_columns),
        masked_columns=tuple(dataset.masked_columns),
    )
