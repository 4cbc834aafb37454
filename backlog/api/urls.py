"""The paths of this room, under /api/v1/."""

from django.urls import URLPattern, path, register_converter

from backlog.api import (
    alerts,
    archives,
    attachments,
    code_hosts,
    events,
    exports,
    findings,
    goals,
    grooming,
    imports,
    item_evidence,
    items,
    jobs,
    me,
    moves,
    people,
    products,
    schema,
    terms,
    webhooks,
)


class KeyConverter:
    """A product key, in capitals however it was written."""

    regex = "[A-Za-z][A-Za-z0-9]{1,9}"

    def to_python(self, value: str) -> str:
        return value.upper()

    def to_url(self, value: str) -> str:
        return value


class RefConverter(KeyConverter):
    """The ref of an item, such as MED-12, however it was written."""

    regex = "[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,9}"

    def to_python(self, value: str) -> str:
        key, _, number = value.partition("-")
        return f"{key.upper()}-{int(number)}"


class IdConverter:
    """The number of a run, finding or job; no more digits than a database holds."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(KeyConverter, "key")
register_converter(RefConverter, "ref")
register_converter(IdConverter, "id")

urlpatterns: list[URLPattern] = [
    path("schema/", schema.SchemaView.as_view(), name="api-schema"),
    path("docs/", schema.DocsView.as_view(), name="api-docs"),
    path("me/", me.MeView.as_view(), name="api-me"),
    path("me/tokens/", people.MyTokensView.as_view({"get": "list"}), name="api-my-tokens"),
    path(
        "products/",
        products.ProductsView.as_view({"get": "list", "post": "create"}),
        name="api-products",
    ),
    path(
        "product-imports/",
        archives.ProductImportsView.as_view({"get": "list", "post": "create"}),
        name="api-product-imports",
    ),
    path(
        "product-imports/<id:id>/",
        archives.ProductImportView.as_view({"get": "retrieve", "delete": "destroy"}),
        name="api-product-import",
    ),
    path(
        "product-imports/<id:id>/start/",
        archives.ProductImportView.as_view({"post": "start"}),
        name="api-product-import-start",
    ),
    path(
        "products/<key:key>/",
        products.ProductOneView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api-product",
    ),
    path(
        "products/<key:key>/goals/",
        goals.GoalsView.as_view({"get": "list", "post": "create"}),
        name="api-goals",
    ),
    *(
        path(
            f"goals/<id:id>/{deed}/",
            goals.GoalOneView.as_view({"post": deed}),
            name=f"api-goal-{deed}",
        )
        for deed in ("fulfil", "abandon")
    ),
    path(
        "products/<key:key>/teams/",
        products.TeamsView.as_view({"get": "list", "post": "create"}),
        name="api-teams",
    ),
    path(
        "products/<key:key>/teams/<id:id>/",
        products.TeamsView.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-team",
    ),
    path(
        "products/<key:key>/members/",
        people.MembersView.as_view({"get": "list", "post": "create"}),
        name="api-members",
    ),
    path(
        "products/<key:key>/members/<str:email>/",
        people.MemberView.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-member",
    ),
    path(
        "products/<key:key>/tokens/",
        people.TokensView.as_view({"get": "list", "post": "create"}),
        name="api-tokens",
    ),
    path(
        "products/<key:key>/tokens/<id:id>/",
        people.TokenView.as_view({"delete": "destroy"}),
        name="api-token",
    ),
    path(
        "products/<key:key>/items/",
        items.ItemsView.as_view({"get": "list", "post": "create"}),
        name="api-items",
    ),
    path(
        "products/<key:key>/exports/",
        archives.ProductExportsView.as_view({"get": "list", "post": "create"}),
        name="api-product-exports",
    ),
    path(
        "products/<key:key>/exports/<id:id>/",
        archives.ProductExportView.as_view({"get": "retrieve", "delete": "destroy"}),
        name="api-product-export",
    ),
    path(
        "products/<key:key>/exports/<id:id>/file/",
        archives.ProductExportView.as_view({"get": "file"}),
        name="api-product-export-file",
    ),
    path(
        "products/<key:key>/items/export/",
        exports.ItemsExportView.as_view({"get": "list"}),
        name="api-items-export",
    ),
    path(
        "products/<key:key>/findings/export/",
        exports.FindingsExportView.as_view({"get": "list"}),
        name="api-findings-export",
    ),
    path(
        "products/<key:key>/alert-channels/",
        alerts.AlertChannelsView.as_view({"get": "list", "post": "create"}),
        name="api-alert-channels",
    ),
    path(
        "products/<key:key>/alert-channels/<id:id>/",
        alerts.AlertChannelView.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="api-alert-channel",
    ),
    path(
        "products/<key:key>/alert-channels/<id:id>/test/",
        alerts.AlertChannelView.as_view({"post": "test"}),
        name="api-alert-test",
    ),
    path(
        "products/<key:key>/alert-messages/",
        alerts.AlertMessagesView.as_view({"get": "list"}),
        name="api-alert-messages",
    ),
    path(
        "products/<key:key>/webhooks/",
        webhooks.WebhooksView.as_view({"get": "list", "post": "create"}),
        name="api-webhooks",
    ),
    path(
        "products/<key:key>/webhooks/<id:id>/",
        webhooks.WebhookView.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="api-webhook",
    ),
    *(
        path(
            f"products/<key:key>/webhooks/<id:id>/{deed}/",
            webhooks.WebhookView.as_view({"post": deed}),
            name=f"api-webhook-{deed}",
        )
        for deed in ("rotate", "ping")
    ),
    path(
        "products/<key:key>/webhooks/<id:id>/deliveries/",
        webhooks.DeliveriesView.as_view({"get": "list"}),
        name="api-webhook-deliveries",
    ),
    path(
        "products/<key:key>/webhooks/<id:id>/deliveries/<id:delivery>/",
        webhooks.DeliveriesView.as_view({"get": "retrieve"}),
        name="api-webhook-delivery",
    ),
    path(
        "products/<key:key>/webhooks/<id:id>/deliveries/<id:delivery>/replay/",
        webhooks.DeliveriesView.as_view({"post": "replay"}),
        name="api-webhook-replay",
    ),
    path(
        "products/<key:key>/code-hosts/",
        code_hosts.CodeHostsView.as_view({"get": "list", "post": "create"}),
        name="api-code-hosts",
    ),
    path(
        "products/<key:key>/code-hosts/<id:id>/",
        code_hosts.CodeHostView.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="api-code-host",
    ),
    path(
        "products/<key:key>/code-hosts/<id:id>/rotate/",
        code_hosts.CodeHostView.as_view({"post": "rotate"}),
        name="api-code-host-rotate",
    ),
    path(
        "products/<key:key>/code-hosts/<id:id>/messages/",
        code_hosts.HostMessagesView.as_view({"get": "list"}),
        name="api-code-host-messages",
    ),
    path(
        "products/<key:key>/labels/",
        grooming.LabelsView.as_view({"get": "list", "post": "create"}),
        name="api-labels",
    ),
    path(
        "products/<key:key>/labels/<id:id>/",
        grooming.LabelsView.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-label",
    ),
    path(
        "products/<key:key>/fields/",
        grooming.FieldsView.as_view({"get": "list", "post": "create"}),
        name="api-fields",
    ),
    path(
        "products/<key:key>/fields/<slug:slug>/",
        grooming.FieldsView.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-field",
    ),
    path("products/<key:key>/items/bulk/", grooming.BulkView.as_view(), name="api-bulk"),
    path(
        "products/<key:key>/items/external/<str:source>/<path:external_id>/",
        grooming.ExternalItemView.as_view(),
        name="api-external-item",
    ),
    path("products/<key:key>/items/move/", moves.MoveView.as_view(), name="api-move"),
    path(
        "items/<ref:ref>/",
        items.ItemView.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api-item",
    ),
    path(
        "items/<ref:ref>/restore/",
        items.ItemView.as_view({"post": "restore"}),
        name="api-item-restore",
    ),
    path(
        "items/<ref:ref>/evidence/",
        item_evidence.ItemEvidencesView.as_view({"get": "list"}),
        name="api-item-evidences",
    ),
    path(
        "items/<ref:ref>/evidence/<str:tool>/<path:run_id>/",
        item_evidence.ItemEvidenceView.as_view(),
        name="api-item-evidence",
    ),
    path(
        "items/<ref:ref>/comments/",
        items.CommentsView.as_view({"get": "list", "post": "create"}),
        name="api-comments",
    ),
    path(
        "items/<ref:ref>/comments/<id:id>/",
        attachments.CommentView.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-comment",
    ),
    path(
        "items/<ref:ref>/attachments/",
        attachments.AttachmentsView.as_view({"get": "list", "post": "create"}),
        name="api-attachments",
    ),
    path(
        "items/<ref:ref>/attachments/<id:id>/",
        attachments.AttachmentView.as_view({"get": "retrieve", "delete": "destroy"}),
        name="api-attachment",
    ),
    path(
        "items/<ref:ref>/attachments/<id:id>/file/",
        attachments.AttachmentView.as_view({"get": "file"}),
        name="api-attachment-file",
    ),
    path(
        "items/<ref:ref>/links/",
        grooming.LinksView.as_view({"get": "list", "post": "create"}),
        name="api-links",
    ),
    path(
        "items/<ref:ref>/links/<id:id>/",
        grooming.LinksView.as_view({"delete": "destroy"}),
        name="api-link",
    ),
    path(
        "items/<ref:ref>/activity/",
        items.ItemActivityView.as_view({"get": "list"}),
        name="api-item-activity",
    ),
    path(
        "products/<key:key>/findings/",
        findings.FindingsView.as_view({"get": "list", "post": "create"}),
        name="api-findings",
    ),
    path(
        "products/<key:key>/findings/figures/",
        findings.FindingFiguresView.as_view({"get": "retrieve"}),
        name="api-finding-figures",
    ),
    path(
        "products/<key:key>/findings/decide/",
        findings.FindingsDecideView.as_view({"post": "create"}),
        name="api-findings-decide",
    ),
    path(
        "findings/<id:id>/",
        findings.FindingView.as_view({"get": "retrieve"}),
        name="api-finding",
    ),
    *(
        path(
            f"findings/<id:id>/{deed}/",
            findings.FindingView.as_view({"post": deed}),
            name=f"api-finding-{deed}",
        )
        for deed in ("mute", "resolve", "reopen", "merge", "split", "obsolete", "keep")
    ),
    path(
        "products/<key:key>/terms/",
        terms.TermsView.as_view({"get": "list", "post": "create"}),
        name="api-terms",
    ),
    path(
        "products/<key:key>/terms/<id:id>/",
        terms.TermView.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api-term",
    ),
    *(
        path(
            f"products/<key:key>/terms/<id:id>/{deed}/",
            terms.TermView.as_view({"post": deed}),
            name=f"api-term-{deed}",
        )
        for deed in ("agree", "contest")
    ),
    path(
        "products/<key:key>/terms/<id:term_id>/talk/",
        terms.TermTalkView.as_view({"get": "list", "post": "create"}),
        name="api-term-talk",
    ),
    path(
        "products/<key:key>/terms/<id:term_id>/talk/<id:id>/",
        terms.TermTalkView.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-term-remark",
    ),
    path(
        "products/<key:key>/events/",
        events.EventsView.as_view({"get": "list"}),
        name="api-events",
    ),
    path(
        "products/<key:key>/imports/",
        imports.ImportsView.as_view({"get": "list", "post": "create"}),
        name="api-imports",
    ),
    path(
        "products/<key:key>/imports/<id:id>/",
        imports.ImportView.as_view({"get": "retrieve"}),
        name="api-import",
    ),
    path(
        "products/<key:key>/imports/<id:id>/start/",
        imports.ImportView.as_view({"post": "start"}),
        name="api-import-start",
    ),
    path(
        "products/<key:key>/imports/<id:id>/revert/",
        imports.ImportView.as_view({"post": "revert"}),
        name="api-import-revert",
    ),
    path(
        "products/<key:key>/imports/<id:id>/rows/",
        imports.ImportRowsView.as_view({"get": "list"}),
        name="api-import-rows",
    ),
    path("jobs/<id:id>/", jobs.JobView.as_view({"get": "retrieve"}), name="api-job"),
    path("jobs/<id:id>/cancel/", jobs.JobView.as_view({"post": "cancel"}), name="api-job-cancel"),
]
