"""Rows of the ground floor and what must always hold of them."""

from backlog.models.activity import Activity, Change
from backlog.models.backlogs import Backlog
from backlog.models.findings import EvidenceSource, Finding, KnownCheck, Occurrence, StoredReport
from backlog.models.history import Stay, Transition
from backlog.models.items import Comment, Item, Kind
from backlog.models.jobs import Heartbeat, Job
from backlog.models.people import Actor, ActorKind, Scope, User
from backlog.models.products import (
    ActivityCounter,
    Category,
    Invitation,
    ItemCounter,
    Member,
    OnGreen,
    Place,
    Product,
    Role,
    Status,
    Team,
)
from backlog.models.subjects import Measurement, Subject
from backlog.models.tokens import ApiToken, KeptAnswer

__all__ = [
    "Activity",
    "ActivityCounter",
    "Actor",
    "ActorKind",
    "ApiToken",
    "Backlog",
    "Category",
    "Change",
    "Comment",
    "EvidenceSource",
    "Finding",
    "Heartbeat",
    "Invitation",
    "Item",
    "ItemCounter",
    "Job",
    "KeptAnswer",
    "Kind",
    "KnownCheck",
    "Measurement",
    "Member",
    "Occurrence",
    "OnGreen",
    "Place",
    "Product",
    "Role",
    "Scope",
    "Status",
    "Stay",
    "StoredReport",
    "Subject",
    "Team",
    "Transition",
    "User",
]
