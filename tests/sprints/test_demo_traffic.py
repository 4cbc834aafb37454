"""The demo product of a diverse team: city traffic, with its sprints."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from backlog.models import Item, Term, Transition, User
from backlog.services import demo
from sprints.models import Ceremony, Outcome, Sprint
from sprints.queries.dialogue import dialogue_of
from sprints.queries.overviews import past_sprints


@pytest.mark.parametrize("moment", ["2026-11-25 10:00+00:00", "2026-11-30 08:01+00:00"])
def test_the_city_has_a_past_a_sprint_that_runs_and_the_next(
    db: None, monkeypatch: pytest.MonkeyPatch, client: Client, moment: str
) -> None:
    now = datetime.fromisoformat(moment)
    monkeypatch.setattr(timezone, "now", lambda: now)
    (product,) = demo.load(["CITY"])
    told = [(one.committed, one.completed, one.added) for one in past_sprints(product)]
    assert told == [(18, 20, 2), (18, 13, 0)]
    running = Sprint.objects.get(backlog__state="active")
    assert running.backlog.items.count() == 4  # with what the last sprint left
    assert Sprint.objects.get(backlog__state="planned").backlog.items.count() == 2
    review = Ceremony.objects.get(kind="review", state="over")
    states = Counter(review.outcomes.values_list("state", flat=True))
    assert states == {"converted": 9, "declined": 1, "captured": 2}
    into = Counter(review.outcomes.filter(state="converted").values_list("into", flat=True))
    assert into == {"item": 6, "criterion": 1, "term": 1, "expectation": 1}
    assert review.sprint is not None
    figures = dialogue_of(review.sprint)
    assert (figures.coverage, round(figures.conversion or 0)) == (75, 82)
    assert round(figures.median_days or 0, 1) == 2
    client.force_login(User.objects.get(email="dora@demo.example"))
    page = client.get("/p/CITY/items/CITY-1/").content.decode()
    assert 'class="term"' in page  # the old item explains what peak hour means by now
    term = Term.objects.get(word="peak hour")
    assert (term.state, "by district" in term.definition) == ("agreed", True)
    assert not Transition.objects.filter(at__gt=now).exists()
    assert not Item.objects.filter(created_at__gt=now).exists()
    assert not Outcome.objects.filter(created_at__gt=now).exists()
    assert demo.remove().gone == ("CITY",)
