"""The paths of products: their backlog, items, people and settings."""

from django.urls import URLPattern, path

from backlog.views import backlog, findings, items, products

app_name = "backlog"
urlpatterns: list[URLPattern] = [
    # Products and people
    path("products/", products.products, name="products"),
    path("products/new/", products.product_new, name="product-new"),
    path("p/<str:key>/", products.product, name="product"),
    path("p/<str:key>/settings/", products.settings, name="settings"),
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
    # The backlog
    path("p/<str:key>/backlog/", backlog.backlog, name="backlog"),
    path("p/<str:key>/backlog/move/", backlog.backlog_move, name="backlog-move"),
    path("p/<str:key>/backlog/take/", backlog.inbox_take, name="inbox-take"),
    path("p/<str:key>/trash/", backlog.trash, name="trash"),
    # Items
    path("p/<str:key>/items/new/", items.item_new, name="item-new"),
    path("p/<str:key>/items/<str:ref>/", items.item, name="item"),
    path("p/<str:key>/items/<str:ref>/edit/", items.item_edit, name="item-edit"),
    path("p/<str:key>/items/<str:ref>/status/", items.item_status, name="item-status"),
    path("p/<str:key>/items/<str:ref>/points/", items.item_points, name="item-points"),
    path("p/<str:key>/items/<str:ref>/assignees/", items.item_assignees, name="item-assignees"),
    path("p/<str:key>/items/<str:ref>/move/", items.item_move, name="item-move"),
    path("p/<str:key>/items/<str:ref>/comments/", items.item_comment, name="item-comment"),
    path("p/<str:key>/items/<str:ref>/delete/", items.item_delete, name="item-delete"),
    path("p/<str:key>/items/<str:ref>/restore/", items.item_restore, name="item-restore"),
    path(
        "p/<str:key>/items/<str:ref>/confirm-done/",
        items.item_confirm_done,
        name="item-confirm-done",
    ),
    # Findings
    path("p/<str:key>/findings/", findings.findings, name="findings"),
    path("p/<str:key>/findings/decide/", findings.findings_decide, name="findings-decide"),
    path("p/<str:key>/findings/<int:finding_id>/", findings.finding, name="finding"),
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
