"""What of the ground floor stays where it is as a product leaves, and what names rows by number."""

from __future__ import annotations

from typing import Any

from backlog.models import (
    Activity,
    AlertChannel,
    AlertMessage,
    AlertRule,
    ApiToken,
    Backlog,
    CodeHost,
    CodeHostSecret,
    Delivery,
    Digest,
    Finding,
    FindingMerge,
    FindingNews,
    Heartbeat,
    HostMessage,
    Import,
    ImportLine,
    Invitation,
    Item,
    Job,
    KeptAnswer,
    Link,
    NewsChoice,
    Notification,
    Occurrence,
    ProductExport,
    ProductGoal,
    ProductImport,
    SearchText,
    StoredReport,
    Team,
    Term,
    TermNews,
    TermRemark,
    User,
    Webhook,
    WebhookNews,
    WebhookSecret,
)
from backlog.services.product_scope import (
    Ids,
    fix,
    keeps_ids,
    leave_out,
    name_id_lists,
    name_ids,
    name_paths,
)


def register() -> None:
    """Name what is special about the tables of this floor."""
    leave_out(ApiToken, Invitation, KeptAnswer)  # ways in
    leave_out(AlertChannel, AlertRule, AlertMessage)  # secret addresses
    leave_out(Webhook, WebhookSecret, WebhookNews, Delivery)
    leave_out(CodeHost, CodeHostSecret, HostMessage)
    leave_out(Job, Heartbeat, Import, ImportLine, ProductExport, ProductImport)  # work of a house
    leave_out(Notification, FindingNews, TermNews, NewsChoice, Digest)  # told there, and how
    leave_out(SearchText)  # made anew
    keeps_ids(Activity, "data")
    keeps_ids(Finding, "evidence")
    keeps_ids(Occurrence, "evidence")
    keeps_ids(StoredReport, "filed", "observations")
    keeps_ids(FindingMerge, "before")
    name_ids(Team, "team")
    name_ids(ProductGoal, "goal")
    name_ids(Term, "term")
    name_ids(TermRemark, "remark")
    name_ids(Finding, "finding", "merged_into_id")
    name_id_lists(Finding, "findings", "opened", "aliases")
    name_ids(Item, "item_id", "handed_over")
    name_ids(Link, "link")
    name_ids(User, "user", "person", "resolved_by_id", "priority_set_by_id")
    name_id_lists(Backlog, "rebalanced")
    name_ids(Import, "import")
    name_paths(Finding, "findings")
    name_paths(Term, "glossary")
    fix(Activity, _places)


def _places(row: dict[str, Any], ids: Ids) -> None:
    """Where items were and went, as `services.ranks.Placed` has it; and findings with changes."""
    data = row["data"]
    moved = data.get("moved")
    if isinstance(moved, list):
        data["moved"] = [_placed(place, ids) for place in moved]
    changed = data.get("findings_changed")
    if isinstance(changed, list):
        data["findings_changed"] = [
            [ids("backlog.finding", pair[0]), *pair[1:]] if isinstance(pair, list) else pair
            for pair in changed
        ]


def _placed(place: Any, ids: Ids) -> Any:
    if not isinstance(place, list) or len(place) != 6:
        return place
    item, start, start_rank, above, end, end_rank = place
    return [
        ids("backlog.item", item),
        ids("backlog.backlog", start),
        start_rank,
        ids("backlog.item", above),
        ids("backlog.backlog", end),
        end_rank,
    ]
