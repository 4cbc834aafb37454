"""Ceremonies as calendars read them (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from icalendar import Alarm, Calendar, Event

from mlscrum.lib import clock
from sprints.models import Ceremony
from sprints.queries.ceremonies import ends_at

PRODUCT_ID = "-//ML Scrum//Ceremonies//EN"


def calendar_of(ceremonies: Iterable[Ceremony], *, name: str = "") -> bytes:
    """A file with an event for each ceremony, which has its time box as its length; calendars
    tell one from another by its UID, which never changes."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT_ID)
    calendar.add("version", "2.0")
    if name:
        calendar.add("x-wr-calname", name)
    for ceremony in ceremonies:
        calendar.add_component(_event(ceremony))
    return bytes(calendar.to_ical())


def _event(ceremony: Ceremony) -> Event:
    key = ceremony.product.key
    page = reverse("sprints:ceremony", args=[key, ceremony.pk])
    event = Event()
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    event.add("uid", f"ceremony-{ceremony.pk}@{host}")
    event.add("dtstamp", clock.now())
    event.add("dtstart", ceremony.starts_at)
    event.add("dtend", ends_at(ceremony))
    event.add("summary", f"{key}: {ceremony.title}")
    event.add("sequence", ceremony.version)
    event.add("url", settings.BASE_URL.rstrip("/") + page)
    if ceremony.place:
        event.add("location", ceremony.place)
    if ceremony.sprint is not None:
        event.add("description", f"{ceremony.get_kind_display()} of {ceremony.sprint}")
    if ceremony.remind_minutes is not None:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", ceremony.title)
        alarm.add("trigger", -timedelta(minutes=ceremony.remind_minutes))
        event.add_component(alarm)
    return event
