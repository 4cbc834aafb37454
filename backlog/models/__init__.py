"""Rows of the ground floor and what must always hold of them."""

from backlog.models.activity import Activity, Change
from backlog.models.backlogs import Backlog
from backlog.models.findings import EvidenceSource, Finding, KnownCheck, Occurrence, StoredReport
from backlog.models.grooming import (
    Attachment,
    ExtraField,
    FormerRef,
    Hue,
    Label,
    Link,
    Notification,
    SavedView,
)
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
from backlog.models.search import SearchText
from backlog.models.subjects import Measurement, Subject
from backlog.models.tokens import ApiToken, KeptAnswer

__all__ = [
    "Activity",
    "ActivityCounter",
    "Actor",
    "ActorKind",
    "ApiToken",
    "Attachment",
    "Backlog",
    "Category",
    "Change",
    "Comment",
    "EvidenceSource",
    "ExtraField",
    "Finding",
    "FormerRef",
    "Heartbeat",
    "Hue",
    "Invitation",
    "Item",
    "ItemCounter",
    "Job",
    "KeptAnswer",
    "Kind",
    "KnownCheck",
    "Label",
    "Link",
    "Measurement",
    "Member",
    "Notification",
    "Occurrence",
    "OnGreen",
    "Place",
    "Product",
    "Role",
    "SavedView",
    "Scope",
    "SearchText",
    "Status",
    "Stay",
    "StoredReport",
    "Subject",
    "Team",
    "Transition",
    "User",
]
