"""Jobs: claimed by one, fenced, cancelled, tried again and given up as promised."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.utils import timezone

from backlog.models import Activity, Actor, Heartbeat, Job, Product
from backlog.queries.jobs import (
    TAKES_LARGE,
    TAKES_SMALL,
    WORKER,
    due,
    is_alive,
    room_for_large,
    unanswered,
)
from backlog.rules.jobs import LARGE, SMALL, most_large, retry_wait_s
from backlog.services import dispatching, heartbeats, jobs, leases
from backlog.services.deeds import deed
from mlscrum.lib.errors import Conflict, DomainError

LONG_AGO = timedelta(hours=1)


class Ends:
    """What a kind was told of the ends of its jobs."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, str]] = []
        self.cancelled: list[int] = []

    def fail(self, job: Job, code: str, message: str) -> None:
        self.failures.append((code, message))

    def cancel(self, job: Job) -> None:
        self.cancelled.append(job.pk)


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def kind(monkeypatch, ends):
    """Register a function as the only kind of job."""
    monkeypatch.setattr(jobs, "_kinds", {})

    def register(function, **more):
        jobs.register(
            "trial", function, on_failure=ends.fail, on_cancel=ends.cancel, max_attempts=3, **more
        )

    return register


def take_effect(lease: jobs.Lease) -> None:
    with lease.finish() as job:
        assert job.product
        with deed(job.product, Actor.system(), "trial.done"):
            pass


def hold(job: Job, owner: str) -> jobs.Lease:
    claimed = jobs.claim(job.pk, owner)
    assert claimed
    return jobs.Lease(claimed)


def effects(product: Product) -> int:
    return Activity.objects.filter(product=product, kind="trial.done").count()


def ask(product: Product, **fields) -> Job:
    job = jobs.enqueue(product, "trial", {"n": 1})
    Job.objects.filter(pk=job.pk).update(**fields)
    return fresh(job)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - LONG_AGO)


def test_a_job_that_is_asked_for_is_a_queued_row_and_nothing_else(kind, product):
    kind(take_effect, queue="heavy")
    job = fresh(jobs.enqueue(product, "trial", {"dataset": 3}))
    assert (job.state, job.queue, job.args, job.published_at) == (
        "queued",
        "heavy",
        {"dataset": 3},
        None,
    )
    assert jobs.queues() == ["default", "heavy", "large", "small"]


def test_a_kind_has_one_function(kind):
    kind(take_effect)
    kind(take_effect)
    with pytest.raises(ImproperlyConfigured):
        kind(lambda lease: None)


def test_a_job_takes_effect_once_however_often_it_is_run(kind, product):
    kind(take_effect)
    job = ask(product)
    for _ in range(3):
        jobs.run(job.pk)
    job = fresh(job)
    assert (job.state, job.progress, job.attempts, job.lease_owner) == ("done", 1, 1, "")
    assert job.started_at and job.finished_at and job.lease_until is None
    assert effects(product) == 1


def test_a_function_that_writes_nothing_just_returns(kind, product):
    kind(lambda lease: None)
    job = ask(product)
    jobs.run(job.pk)
    assert fresh(job).state == "done"


def test_a_job_of_later_is_not_claimed_now(kind, product):
    kind(take_effect)
    job = ask(product, run_after=timezone.now() + LONG_AGO)
    assert jobs.claim(job.pk, "worker") is None
    assert jobs.claim(404, "worker") is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_job(kind, product):
    kind(take_effect)
    job = ask(product)
    ready = threading.Barrier(8)

    def try_it(number: int) -> bool:
        try:
            ready.wait()
            return jobs.claim(job.pk, f"worker {number}") is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(try_it, range(8))) == 1
    assert fresh(job).attempts == 1


def test_a_running_job_is_left_alone_until_its_lease_runs_out(kind, product):
    kind(take_effect)
    job = ask(product)
    assert jobs.claim(job.pk, "first")
    assert jobs.claim(job.pk, "second") is None
    expire(job)
    taken = jobs.claim(job.pk, "second")
    assert taken and (taken.lease_owner, taken.attempts) == ("second", 2)


def test_who_lost_the_lease_can_write_no_effects(kind, product):
    kind(take_effect)
    job = ask(product)
    slow = hold(job, "slow")
    expire(job)
    quick = hold(job, "quick")
    with pytest.raises(jobs.LeaseLost):
        take_effect(slow)
    take_effect(quick)
    with pytest.raises(jobs.LeaseLost):
        take_effect(slow)
    assert effects(product) == 1


def test_progress_is_fenced_and_tells_who_lost_the_lease(kind, product, monkeypatch):
    monkeypatch.setattr(leases, "PROGRESS_EVERY_S", 0)
    kind(take_effect)
    job = ask(product)
    slow = hold(job, "slow")
    slow.progress(0.25, "a quarter")
    assert (fresh(job).progress, fresh(job).message) == (0.25, "a quarter")
    expire(job)
    jobs.claim(job.pk, "quick")
    with pytest.raises(jobs.LeaseLost):
        slow.progress(0.5)
    assert fresh(job).progress == 0


def test_progress_extends_the_lease_and_is_written_at_most_twice_a_second(
    kind, product, django_assert_num_queries
):
    kind(take_effect)
    job = ask(product)
    lease = hold(job, "worker")
    expire(job)
    with django_assert_num_queries(1):
        for step in range(100):
            lease.progress(step / 100)
    until = fresh(job).lease_until
    assert until and until > timezone.now()


def test_an_error_among_the_effects_leaves_none_of_them(kind, product, ends):
    def half(lease: jobs.Lease) -> None:
        with lease.finish() as job:
            assert job.product
            with deed(job.product, Actor.system(), "trial.done"):
                pass
            raise ValueError("after the first effect")

    kind(half)
    job = ask(product)
    jobs.run(job.pk)
    assert effects(product) == 0
    assert (fresh(job).state, ends.failures[0][0]) == ("failed", "internal")


def test_an_unexpected_error_ends_the_job_without_telling_values(kind, product, ends, caplog):
    def stumble(lease: jobs.Lease) -> None:
        raise ValueError("patient 4711")

    kind(stumble)
    job = ask(product)
    jobs.run(job.pk)
    job = fresh(job)
    assert (job.state, job.error_code) == ("failed", "internal")
    assert "4711" not in job.message and f"job {job.pk}" in job.message
    assert ends.failures == [("internal", job.message)]
    assert "patient 4711" in caplog.text


def test_a_broken_promise_is_told_in_its_own_words(kind, product, ends):
    def refuse(lease: jobs.Lease) -> None:
        raise DomainError("file_gone", "The file is no longer there; upload it again.")

    kind(refuse)
    job = ask(product)
    jobs.run(job.pk)
    assert (fresh(job).error_code, fresh(job).message) == (
        "file_gone",
        "The file is no longer there; upload it again.",
    )
    assert ends.failures == [("file_gone", "The file is no longer there; upload it again.")]


def test_what_should_follow_a_failure_may_fail_itself(kind, product, ends, monkeypatch):
    def broken(job: Job, code: str, message: str) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(ends, "fail", broken)

    def refuse(lease: jobs.Lease) -> None:
        raise DomainError("no", "No.")

    kind(refuse)
    job = ask(product)
    jobs.run(job.pk)
    assert fresh(job).state == "failed"


def test_a_retry_waits_longer_each_time_and_gives_up_in_its_own_words(kind, product, ends):
    def retry(lease: jobs.Lease) -> None:
        raise jobs.Retry("The store did not answer.", code="store")

    kind(retry)
    job = ask(product)
    waits = []
    for _ in range(3):
        Job.objects.filter(pk=job.pk).update(run_after=timezone.now(), published_at=timezone.now())
        jobs.run(job.pk)
        job = fresh(job)
        waits.append(round((job.run_after - timezone.now()).total_seconds()))
        if job.state == "queued":
            assert job.published_at is None
            assert job.message == "Will be tried again: The store did not answer."
    assert waits[:2] == [5, 10]
    assert (job.state, job.attempts, job.error_code) == ("failed", 3, "store")
    assert ends.failures == [("store", "The store did not answer.")]


def test_a_retry_may_name_its_own_wait(kind, product):
    def retry(lease: jobs.Lease) -> None:
        raise jobs.Retry(after_s=120)

    kind(retry)
    job = ask(product)
    jobs.run(job.pk)
    wait = fresh(job).run_after - timezone.now()
    assert timedelta(seconds=115) < wait <= timedelta(seconds=120)


def test_an_outage_of_the_database_is_tried_again(kind, product, ends):
    def lose_connection(lease: jobs.Lease) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    kind(lose_connection)
    job = ask(product)
    jobs.run(job.pk)
    assert (fresh(job).state, ends.failures) == ("queued", [])


def test_a_job_that_kills_its_workers_is_given_up_with_a_message(kind, product, ends):
    kind(take_effect)
    job = ask(product)
    for _ in range(3):
        assert jobs.claim(job.pk, "doomed")
        expire(job)
    assert jobs.claim(job.pk, "doomed") is None
    job = fresh(job)
    assert (job.state, job.error_code) == ("failed", "gave_up")
    assert job.message.startswith("Tried 3 times")
    assert ends.failures == [("gave_up", job.message)]


def test_a_job_of_a_kind_that_nobody_knows_fails(kind, product, monkeypatch):
    kind(take_effect)
    job = ask(product)
    monkeypatch.setattr(jobs, "_kinds", {})
    jobs.run(job.pk)
    assert (fresh(job).state, fresh(job).error_code) == ("failed", "unknown_kind")


def test_a_waiting_job_is_cancelled_at_once(kind, product, ends):
    kind(take_effect)
    job = ask(product)
    assert jobs.request_cancel(job).state == "cancelled"
    jobs.run(job.pk)
    assert (effects(product), ends.cancelled) == (0, [job.pk])
    with pytest.raises(Conflict):
        jobs.request_cancel(job)


def test_a_running_job_stops_at_its_next_sign_of_progress(kind, product, ends):
    def work(lease: jobs.Lease) -> None:
        jobs.request_cancel(lease.job)
        lease.progress(0.5)
        take_effect(lease)

    kind(work)
    job = ask(product)
    jobs.run(job.pk)
    assert (fresh(job).state, effects(product), ends.cancelled) == ("cancelled", 0, [job.pk])


def test_a_cancelled_job_takes_no_effect_even_at_the_last_moment(kind, product):
    def work(lease: jobs.Lease) -> None:
        jobs.request_cancel(lease.job)
        take_effect(lease)

    kind(work)
    job = ask(product)
    jobs.run(job.pk)
    assert (fresh(job).state, effects(product)) == ("cancelled", 0)


def test_a_cancelled_job_whose_worker_died_is_not_begun_again(kind, product, ends):
    kind(take_effect)
    job = ask(product)
    jobs.claim(job.pk, "doomed")
    jobs.request_cancel(job)
    expire(job)
    jobs.run(job.pk)
    assert (fresh(job).state, effects(product), ends.cancelled) == ("cancelled", 0, [job.pk])


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_keeps_the_lease_while_the_work_is_silent(kind, product, settings):
    settings.JOB_LEASE_S = 1

    def silent(lease: jobs.Lease) -> None:
        threading.Event().wait(2)
        assert jobs.claim(lease.job.pk, "thief") is None
        take_effect(lease)

    kind(silent)
    job = ask(product)
    jobs.run(job.pk)
    assert (fresh(job).state, fresh(job).attempts, effects(product)) == ("done", 1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_hears_of_a_cancellation(kind, product, settings):
    settings.JOB_LEASE_S = 1

    def silent(lease: jobs.Lease) -> None:
        jobs.request_cancel(lease.job)
        threading.Event().wait(1.5)
        lease.check()
        take_effect(lease)

    kind(silent)
    job = ask(product)
    jobs.run(job.pk)
    assert (fresh(job).state, effects(product)) == ("cancelled", 0)


def test_a_job_is_due_until_a_message_was_sent_and_again_when_its_lease_ran_out(kind, product):
    kind(take_effect)
    job, later = ask(product), ask(product, run_after=timezone.now() + LONG_AGO)
    assert [each.pk for each in due(timezone.now())] == [job.pk]
    sent: list[int] = []
    assert dispatching.send_due(lambda each: sent.append(each.pk)) == 1
    assert dispatching.send_due(lambda each: sent.append(each.pk)) == 0
    assert sent == [job.pk]
    jobs.claim(job.pk, "doomed")
    assert not due(timezone.now()).exists()
    Job.objects.filter(pk=job.pk).update(
        published_at=timezone.now() - 2 * LONG_AGO, lease_until=timezone.now() - LONG_AGO
    )
    assert dispatching.send_due(lambda each: sent.append(each.pk)) == 1
    assert dispatching.send_due(lambda each: sent.append(each.pk)) == 0
    assert sent == [job.pk, job.pk]
    assert fresh(later).published_at is None


def test_a_job_that_could_not_be_sent_stays_due(kind, product):
    kind(take_effect)
    job = ask(product)

    def broken(each: Job) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        dispatching.send_due(broken)
    assert [each.pk for each in due(timezone.now())] == [job.pk]


def test_an_unanswered_job_is_sent_again_only_where_the_broker_has_lost_it(kind, product):
    kind(take_effect)
    job = ask(product, published_at=timezone.now() - timedelta(minutes=1))
    sent: list[int] = []
    assert [each.pk for each in unanswered(timezone.now())] == [job.pk]
    assert dispatching.resend_unanswered(lambda each: sent.append(each.pk), lambda queue: 3) == 0
    assert dispatching.resend_unanswered(lambda each: sent.append(each.pk), lambda queue: 0) == 1
    assert dispatching.resend_unanswered(lambda each: sent.append(each.pk), lambda queue: 0) == 0
    Job.objects.filter(pk=job.pk).update(published_at=timezone.now() - LONG_AGO)
    assert dispatching.resend_unanswered(lambda each: sent.append(each.pk), lambda queue: 3) == 1


def test_a_job_may_weigh_more_than_its_kind_does(kind, product):
    kind(take_effect)
    assert jobs.enqueue(product, "trial").queue == "default"
    assert jobs.enqueue(product, "trial", queue=LARGE).queue == "large"


@pytest.mark.parametrize(
    ("takers", "others", "most"),
    [(0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 2), (0, 2, 1), (1, 1, 1), (3, 1, 3)],
)
def test_one_worker_is_left_to_small_jobs(takers, others, most):
    assert most_large(takers, others) == most


@pytest.mark.parametrize(("kinds", "room"), [([WORKER], 1), ([WORKER, TAKES_SMALL], 2)])
def test_only_a_worker_that_takes_small_jobs_frees_the_others_for_large_ones(db, kinds, room):
    def beat(name: str, *kinds: str) -> None:
        for kind in kinds:
            Heartbeat.objects.create(name=f"{kind} {name}", kind=kind, beat_at=timezone.now())

    for name in ("a", "b"):
        beat(name, WORKER, TAKES_LARGE, TAKES_SMALL)
    beat("c", *kinds)
    assert room_for_large(timezone.now()) == room


def test_large_jobs_go_one_after_the_other_and_small_ones_past_them(kind, product):
    kind(take_effect)
    large = [ask(product, queue=LARGE) for _ in range(3)]
    small = ask(product, queue=SMALL)
    for host in ("a", "b"):
        for beating in (WORKER, TAKES_LARGE):
            Heartbeat.objects.create(name=f"{beating} {host}", kind=beating, beat_at=timezone.now())
    sent: list[int] = []

    def send() -> list[int]:
        sent.clear()
        dispatching.send_due(lambda each: sent.append(each.pk))
        return list(sent)

    assert send() == [small.pk, large[0].pk]
    jobs.claim(large[0].pk, "worker")
    assert send() == []
    Job.objects.filter(pk=large[0].pk).update(state="done", lease_until=None)
    assert send() == [large[1].pk]
    jobs.claim(large[1].pk, "doomed")  # its worker dies, and it is sent again
    Job.objects.filter(pk=large[1].pk).update(
        published_at=timezone.now() - 2 * LONG_AGO, lease_until=timezone.now() - LONG_AGO
    )
    assert send() == [large[1].pk]
    Heartbeat.objects.create(name="another", kind=TAKES_SMALL, beat_at=timezone.now())
    assert send() == [large[2].pk]


def test_a_worker_serves_all_queues_or_those_it_is_told(kind, settings):
    kind(take_effect)
    assert jobs.queues_served() == ["default", "large", "small"]
    settings.WORKER_QUEUES = ["small", "default"]
    assert jobs.queues_served() == ["small", "default"]
    settings.WORKER_QUEUES = ["huge"]
    with pytest.raises(DomainError, match="default, large, small"):
        jobs.queues_served()


def test_a_process_is_alive_for_a_while_after_each_beat(db):
    assert not is_alive("worker")
    heartbeats.beat("worker")
    heartbeats.beat("worker")
    assert Heartbeat.objects.count() == 1
    assert is_alive("worker") and not is_alive("dispatcher")
    assert not is_alive("worker", now=timezone.now() + timedelta(seconds=30))
    Heartbeat.objects.update(beat_at=timezone.now() - 2 * LONG_AGO)
    heartbeats.forget_the_dead()
    assert not Heartbeat.objects.exists()


def test_waits_double_up_to_ten_minutes():
    assert [retry_wait_s(n) for n in (1, 2, 3, 8, 1000)] == [5, 10, 20, 600, 600]
