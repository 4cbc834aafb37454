"""Rows of the ground floor and what must always hold of them."""

from backlog.models.activity import Activity, Change
from backlog.models.alerts import AlertChannel, AlertMessage, AlertRule
from backlog.models.archives import ProductExport, ProductImport
from backlog.models.backlogs import Backlog
from backlog.models.code_hosts import CodeHost, CodeHostSecret, HostMessage, OnMerge
from backlog.models.digests import Digest, NewsChoice
from backlog.models.findings import (
    EvidenceSource,
    Finding,
    FindingMerge,
    FindingNews,
    KnownCheck,
    Occurrence,
    StoredReport,
    Storm,
)
from backlog.models.glossary import (
    Term,
    TermColumn,
    TermMeaning,
    TermName,
    TermNews,
    TermRemark,
    TermVersion,
)
from backlog.models.grooming import (
    Attachment,
    ExtraField,
    FormerRef,
    Label,
    Link,
    Notification,
    SavedView,
)
from backlog.models.history import FindingTransition, Stay, Transition
from backlog.models.hues import Hue
from backlog.models.imports import Import, ImportLine, Origin
from backlog.models.item_evidence import ItemEvidence
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
    ProductGoal,
    Role,
    Status,
    Team,
)
from backlog.models.search import SearchText
from backlog.models.subjects import Measurement, Subject
from backlog.models.tokens import ApiToken, KeptAnswer
from backlog.models.webhooks import Delivery, Webhook, WebhookNews, WebhookSecret

__all__ = [
    "Activity",
    "ActivityCounter",
    "Actor",
    "ActorKind",
    "ApiToken",
    "AlertChannel",
    "AlertMessage",
    "AlertRule",
    "Attachment",
    "Backlog",
    "Category",
    "Change",
    "CodeHost",
    "CodeHostSecret",
    "Comment",
    "Delivery",
    "Digest",
    "EvidenceSource",
    "ExtraField",
    "Finding",
    "FindingMerge",
    "FindingNews",
    "FindingTransition",
    "FormerRef",
    "Heartbeat",
    "HostMessage",
    "Hue",
    "Import",
    "ImportLine",
    "Invitation",
    "Item",
    "ItemCounter",
    "ItemEvidence",
    "Job",
    "KeptAnswer",
    "Kind",
    "KnownCheck",
    "Label",
    "Link",
    "Measurement",
    "Member",
    "NewsChoice",
    "Notification",
    "Occurrence",
    "OnGreen",
    "OnMerge",
    "Origin",
    "Place",
    "Product",
    "ProductExport",
    "ProductGoal",
    "ProductImport",
    "Role",
    "SavedView",
    "Scope",
    "SearchText",
    "Status",
    "Stay",
    "StoredReport",
    "Storm",
    "Subject",
    "Team",
    "Term",
    "TermColumn",
    "TermMeaning",
    "TermName",
    "TermNews",
    "TermRemark",
    "TermVersion",
    "Transition",
    "User",
    "Webhook",
    "WebhookNews",
    "WebhookSecret",
]
