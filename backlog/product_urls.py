"""The paths of products: their backlog, items, people and settings."""

from django.urls import URLPattern, path

from backlog.views import (
    alerts,
    archives,
    backlog,
    code_hosts,
    definitions,
    epics,
    extra_fields,
    findings,
    glossary,
    goals,
    imports,
    item_parts,
    items,
    labels,
    live,
    my_work,
    products,
    transfer,
    trash,
    undo,
    webhooks,
    workflow,
)

app_name = "backlog"
urlpatterns: list[URLPattern] = [
    # Products and people
    path("products/", products.products, name="products"),
    path("products/new/", products.product_new, name="product-new"),
    path("products/import/", archives.product_imports, name="product-imports"),
    path("products/import/<int:import_id>/", archives.product_import, name="product-import"),
    path(
        "products/import/<int:import_id>/discard/",
        archives.product_import_discard,
        name="product-import-discard",
    ),
    path("p/<str:key>/", products.product, name="product"),
    path("p/<str:key>/live/", live.stream, name="live"),
    path("p/<str:key>/settings/", products.settings, name="settings"),
    path("p/<str:key>/settings/goal/", goals.goal, name="goal"),
    path("p/<str:key>/settings/goal/<int:goal_id>/fulfil/", goals.goal_fulfil, name="goal-fulfil"),
    path(
        "p/<str:key>/settings/goal/<int:goal_id>/abandon/", goals.goal_abandon, name="goal-abandon"
    ),
    path("p/<str:key>/settings/export/", archives.exports, name="exports"),
    path("p/<str:key>/settings/export/<int:export_id>/", archives.export_file, name="export-file"),
    path(
        "p/<str:key>/settings/export/<int:export_id>/delete/",
        archives.export_delete,
        name="export-delete",
    ),
    path("p/<str:key>/settings/workflow/", workflow.workflow, name="workflow"),
    path("p/<str:key>/settings/workflow/<slug:status_slug>/", workflow.status_edit, name="status"),
    path(
        "p/<str:key>/settings/workflow/<slug:status_slug>/move/",
        workflow.status_move,
        name="status-move",
    ),
    path(
        "p/<str:key>/settings/workflow/<slug:status_slug>/delete/",
        workflow.status_delete,
        name="status-delete",
    ),
    path("p/<str:key>/settings/definitions/", definitions.definitions, name="definitions"),
    path("p/<str:key>/settings/alerts/", alerts.alerts, name="alerts"),
    path(
        "p/<str:key>/settings/alerts/<int:channel_id>/", alerts.alert_channel, name="alert-channel"
    ),
    path(
        "p/<str:key>/settings/alerts/<int:channel_id>/test/", alerts.alert_test, name="alert-test"
    ),
    path(
        "p/<str:key>/settings/alerts/<int:channel_id>/delete/",
        alerts.alert_delete,
        name="alert-delete",
    ),
    path("p/<str:key>/settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("p/<str:key>/settings/webhooks/<int:webhook_id>/", webhooks.webhook, name="webhook"),
    *(
        path(
            f"p/<str:key>/settings/webhooks/<int:webhook_id>/{deed}/",
            getattr(webhooks, f"webhook_{deed}"),
            name=f"webhook-{deed}",
        )
        for deed in ("rotate", "ping", "replay", "switch", "delete")
    ),
    path("p/<str:key>/settings/code-hosts/", code_hosts.code_hosts, name="code-hosts"),
    path(
        "p/<str:key>/settings/code-hosts/<int:code_host_id>/",
        code_hosts.code_host,
        name="code-host",
    ),
    *(
        path(
            f"p/<str:key>/settings/code-hosts/<int:code_host_id>/{deed}/",
            getattr(code_hosts, f"code_host_{deed}"),
            name=f"code-host-{deed}",
        )
        for deed in ("rotate", "delete")
    ),
    path("p/<str:key>/settings/labels/", labels.labels, name="labels"),
    path("p/<str:key>/settings/labels/<int:label_id>/", labels.label_edit, name="label"),
    path(
        "p/<str:key>/settings/labels/<int:label_id>/merge/", labels.label_merge, name="label-merge"
    ),
    path(
        "p/<str:key>/settings/labels/<int:label_id>/delete/",
        labels.label_delete,
        name="label-delete",
    ),
    path("p/<str:key>/settings/fields/", extra_fields.fields, name="fields"),
    path("p/<str:key>/settings/fields/<slug:field_slug>/", extra_fields.field_edit, name="field"),
    path(
        "p/<str:key>/settings/fields/<slug:field_slug>/move/",
        extra_fields.field_move,
        name="field-move",
    ),
    path(
        "p/<str:key>/settings/fields/<slug:field_slug>/delete/",
        extra_fields.field_delete,
        name="field-delete",
    ),
    path("p/<str:key>/members/", products.members, name="members"),
    path("p/<str:key>/members/<int:member_id>/role/", products.member_role, name="member-role"),
    path(
        "p/<str:key>/members/<int:member_id>/remove/", products.member_remove, name="member-remove"
    ),
    path(
        "p/<str:key>/invitations/<int:invitation_id>/revoke/",
        products.invitation_revoke,
        name="invitation-revoke",
    ),
    path("p/<str:key>/tokens/", products.tokens, name="tokens"),
    path("p/<str:key>/tokens/<int:token_id>/revoke/", products.token_revoke, name="token-revoke"),
    # Imports
    path("p/<str:key>/imports/", imports.imports, name="imports"),
    path("p/<str:key>/imports/<int:import_id>/", imports.one_import, name="import"),
    path("p/<str:key>/imports/<int:import_id>/read/", imports.import_read, name="import-read"),
    path("p/<str:key>/imports/<int:import_id>/start/", imports.import_start, name="import-start"),
    path(
        "p/<str:key>/imports/<int:import_id>/cancel/", imports.import_cancel, name="import-cancel"
    ),
    path(
        "p/<str:key>/imports/<int:import_id>/discard/",
        imports.import_discard,
        name="import-discard",
    ),
    path(
        "p/<str:key>/imports/<int:import_id>/revert/", imports.import_revert, name="import-revert"
    ),
    path(
        "p/<str:key>/imports/<int:import_id>/report/", imports.import_report, name="import-report"
    ),
    # The backlog
    path("p/<str:key>/backlog/", backlog.backlog, name="backlog"),
    path("p/<str:key>/backlog/rows/", backlog.backlog_rows, name="backlog-rows"),
    path("p/<str:key>/backlog/export/", backlog.backlog_export, name="backlog-export"),
    path("p/<str:key>/backlog/figures/", backlog.backlog_figures, name="backlog-figures"),
    path("p/<str:key>/backlog/parents/", backlog.backlog_parents, name="backlog-parents"),
    path("p/<str:key>/backlog/filter/<str:facet>/", backlog.backlog_facet, name="backlog-facet"),
    path("p/<str:key>/backlog/edit/", backlog.backlog_edit, name="backlog-edit"),
    path("p/<str:key>/backlog/move/", backlog.backlog_move, name="backlog-move"),
    path("p/<str:key>/backlog/delete/", backlog.backlog_delete, name="backlog-delete"),
    path("p/<str:key>/backlog/paste/", backlog.backlog_paste, name="backlog-paste"),
    path("p/<str:key>/backlog/views/", backlog.view_save, name="view-save"),
    path(
        "p/<str:key>/backlog/views/<int:view_id>/delete/", backlog.view_delete, name="view-delete"
    ),
    path("p/<str:key>/backlog/take/", backlog.inbox_take, name="inbox-take"),
    path("p/<str:key>/epics/", epics.epics, name="epics"),
    path("p/<str:key>/epics/<str:ref>/", epics.epic_items, name="epic-items"),
    path("p/<str:key>/trash/", trash.trash, name="trash"),
    path("p/<str:key>/trash/restore/", trash.trash_restore, name="trash-restore"),
    path("p/<str:key>/undo/", undo.undo, name="undo"),
    # Items
    path("p/<str:key>/items/new/", items.item_new, name="item-new"),
    path("p/<str:key>/items/<str:ref>/", items.item, name="item"),
    path("p/<str:key>/items/<str:ref>/set/", items.item_set, name="item-set"),
    path("p/<str:key>/items/<str:ref>/move/", items.item_move, name="item-move"),
    path("p/<str:key>/items/<str:ref>/transfer/", transfer.item_transfer, name="item-transfer"),
    path("p/<str:key>/items/<str:ref>/criteria/", item_parts.item_criteria, name="item-criteria"),
    path("p/<str:key>/items/<str:ref>/links/", item_parts.item_link, name="item-link"),
    path(
        "p/<str:key>/items/<str:ref>/links/<int:link_id>/remove/",
        item_parts.item_unlink,
        name="item-unlink",
    ),
    path("p/<str:key>/items/<str:ref>/comments/", item_parts.item_comment, name="item-comment"),
    path(
        "p/<str:key>/items/<str:ref>/comments/<int:comment_id>/edit/",
        item_parts.comment_edit,
        name="comment-edit",
    ),
    path(
        "p/<str:key>/items/<str:ref>/comments/<int:comment_id>/delete/",
        item_parts.comment_delete,
        name="comment-delete",
    ),
    path("p/<str:key>/items/<str:ref>/attachments/", item_parts.item_attach, name="item-attach"),
    path(
        "p/<str:key>/items/<str:ref>/attachments/<int:attachment_id>/",
        item_parts.attachment,
        name="attachment",
    ),
    path(
        "p/<str:key>/items/<str:ref>/attachments/<int:attachment_id>/remove/",
        item_parts.attachment_remove,
        name="attachment-remove",
    ),
    path(
        "p/<str:key>/items/<str:ref>/runs/<int:evidence_id>/remove/",
        item_parts.item_evidence_remove,
        name="item-evidence-remove",
    ),
    path("p/<str:key>/items/<str:ref>/watch/", item_parts.item_watch, name="item-watch"),
    path(
        "p/<str:key>/items/<str:ref>/suggestions/",
        item_parts.item_suggestions,
        name="item-suggestions",
    ),
    path("p/<str:key>/markdown/", item_parts.markdown_preview, name="markdown-preview"),
    path("p/<str:key>/items/<str:ref>/delete/", items.item_delete, name="item-delete"),
    path("p/<str:key>/items/<str:ref>/restore/", items.item_restore, name="item-restore"),
    path(
        "p/<str:key>/items/<str:ref>/confirm-done/",
        items.item_confirm_done,
        name="item-confirm-done",
    ),
    path("p/<str:key>/items/<str:ref>/status/", my_work.my_work_status, name="my-work-status"),
    # The glossary
    path("p/<str:key>/glossary/", glossary.glossary, name="glossary"),
    path("p/<str:key>/glossary/export/", glossary.glossary_export, name="glossary-export"),
    path("p/<str:key>/glossary/import/", glossary.glossary_import, name="glossary-import"),
    path("p/<str:key>/glossary/<int:term_id>/", glossary.term, name="term"),
    path("p/<str:key>/glossary/<int:term_id>/card/", glossary.term_card, name="term-card"),
    path("p/<str:key>/glossary/<int:term_id>/edit/", glossary.term_edit, name="term-edit"),
    path("p/<str:key>/glossary/<int:term_id>/agree/", glossary.term_agree, name="term-agree"),
    path("p/<str:key>/glossary/<int:term_id>/contest/", glossary.term_contest, name="term-contest"),
    path("p/<str:key>/glossary/<int:term_id>/delete/", glossary.term_delete, name="term-delete"),
    path("p/<str:key>/glossary/<int:term_id>/columns/", glossary.term_columns, name="term-columns"),
    path("p/<str:key>/glossary/<int:term_id>/talk/", glossary.term_say, name="term-say"),
    path(
        "p/<str:key>/glossary/<int:term_id>/talk/<int:remark_id>/edit/",
        glossary.remark_edit,
        name="remark-edit",
    ),
    path(
        "p/<str:key>/glossary/<int:term_id>/talk/<int:remark_id>/delete/",
        glossary.remark_delete,
        name="remark-delete",
    ),
    # Findings
    path("p/<str:key>/findings/", findings.findings, name="findings"),
    path("p/<str:key>/findings/export/", findings.findings_export, name="findings-export"),
    path("p/<str:key>/findings/decide/", findings.findings_decide, name="findings-decide"),
    path("p/<str:key>/findings/triage/", findings.triage, name="triage"),
    path("p/<str:key>/findings/undo/", findings.findings_undo, name="findings-undo"),
    path("p/<str:key>/findings/<int:finding_id>/", findings.finding, name="finding"),
    path("p/<str:key>/findings/<int:finding_id>/keep/", findings.finding_keep, name="finding-keep"),
    path(
        "p/<str:key>/findings/<int:finding_id>/split/",
        findings.finding_split,
        name="finding-split",
    ),
    path("p/<str:key>/findings/<int:finding_id>/file/", findings.finding_file, name="finding-file"),
    path("p/<str:key>/findings/<int:finding_id>/mute/", findings.finding_mute, name="finding-mute"),
    path(
        "p/<str:key>/findings/<int:finding_id>/resolve/",
        findings.finding_resolve,
        name="finding-resolve",
    ),
    path(
        "p/<str:key>/findings/<int:finding_id>/priority/",
        findings.finding_priority,
        name="finding-priority",
    ),
    path(
        "p/<str:key>/findings/<int:finding_id>/reopen/",
        findings.finding_reopen,
        name="finding-reopen",
    ),
    path(
        "p/<str:key>/findings/<int:finding_id>/obsolete/",
        findings.finding_obsolete,
        name="finding-obsolete",
    ),
]
