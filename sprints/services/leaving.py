"""What of sprints and ceremonies stays where it is as a product leaves, and how they arrive."""

from __future__ import annotations

import re
import secrets
from typing import Any

from backlog.models import Backlog, Product, SavedView
from backlog.services.product_scope import (
    Ids,
    fix,
    leave_out,
    name_id_lists,
    name_ids,
    name_paths,
    on_arrival,
    withhold,
)
from sprints.models import (
    ActionNews,
    Block,
    CalendarFeed,
    Ceremony,
    CeremonyNews,
    GuestLink,
    Outcome,
    Participant,
    Round,
)

OF_A_SPRINT = re.compile(r"(^|&)sprint=(\d{1,18})(?=&|$)")


def register() -> None:
    """Name what is special about the tables of this floor."""
    leave_out(GuestLink, CalendarFeed)  # ways in
    leave_out(CeremonyNews, ActionNews)  # what a person was told there
    # With it the authors of anonymous cards could be found.
    withhold(Ceremony, "secret")
    name_ids(Backlog, "sprint")
    name_ids(Ceremony, "ceremony")
    name_id_lists(Ceremony, "ceremonies", "ceremonies_stay")
    name_ids(Block, "block")
    name_ids(Outcome, "outcome")
    name_ids(Participant, "participant")
    name_ids(Round, "round")
    name_paths(Backlog, "sprints")
    name_paths(Ceremony, "ceremonies")
    fix(SavedView, _sprint_of_view)
    on_arrival(_give_secrets)


def _sprint_of_view(row: dict[str, Any], ids: Ids) -> None:
    def here(found: re.Match[str]) -> str:
        return f"{found.group(1)}sprint={ids('backlog.backlog', int(found.group(2))) or ''}"

    row["query"] = OF_A_SPRINT.sub(here, row["query"])


def _give_secrets(product: Product) -> None:
    """Ceremonies to come have anonymous cards again; what was written before has no author now."""
    for ceremony in product.ceremonies.exclude(state=Ceremony.State.OVER):
        ceremony.secret = secrets.token_hex()
        ceremony.save(update_fields=["secret"])
