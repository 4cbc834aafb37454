"""How Django knows this app."""

from functools import partial

from django.apps import AppConfig

from mlscrum.lib import live
from mlscrum.web.explaining import provide_explainer
from mlscrum.web.metrics import register as register_figures
from mlscrum.web.rooms import (
    Office,
    Room,
    SettingsTab,
    provide_products,
    provide_unread,
    register,
    register_office,
    register_settings,
)


class BacklogConfig(AppConfig):
    name = "backlog"

    def ready(self) -> None:
        from backlog.access.jobs import as_allowed
        from backlog.models import (
            AlertChannel,
            Attachment,
            CodeHostSecret,
            Digest,
            FindingNews,
            Import,
            ProductExport,
            ProductImport,
            TermNews,
            WebhookNews,
            WebhookSecret,
        )
        from backlog.queries import (
            dependents,
            finding_news,
            item_evidence,
            lineage,
            metrics,
            news,
            panels,
            storage,
            term_news,
        )
        from backlog.queries import webhooks as told_of_webhooks
        from backlog.queries.events import Deeds, announce, carry_ids
        from backlog.queries.items import open_items_badge
        from backlog.queries.notifications import unread_count
        from backlog.queries.people import products_of
        from backlog.queries.terms import contested_badge, explainer_of
        from backlog.services import (
            alerts,
            code_messages,
            digests,
            housekeeping,
            import_reverts,
            imports,
            jobs,
            leaving,
            product_exports,
            product_imports,
            secret_keys,
            stored_files,
            webhook_delivery,
            webhooks,
        )
        from backlog.services import term_news as told_of_terms
        from backlog.services.findings import news as told_of_findings

        live.provide(Deeds())
        register_figures(partial(metrics.figures, jobs.queues))
        secret_keys.register(AlertChannel, "address")
        secret_keys.register(WebhookSecret, "secret")
        secret_keys.register(Digest, "chat_address")
        secret_keys.register(CodeHostSecret, "secret")
        stored_files.register(Attachment, "file")
        stored_files.register(Import, "file")
        stored_files.register(ProductExport, "file")
        stored_files.register(ProductImport, "file")
        leaving.register()
        jobs.register(
            product_exports.JOB_KIND,
            as_allowed(
                "product.export",
                product_exports.make_export,
                actor_of=product_exports.actor_of,
            ),
        )
        jobs.register(product_imports.JOB_KIND, product_imports.carry_out)
        housekeeping.register(product_exports.forget_exports)
        housekeeping.register(product_imports.forget_archives)
        carry_ids("finding", "import")
        provide_products(products_of)
        provide_unread(unread_count)
        provide_explainer(explainer_of)
        news.register(
            news.Source(
                "findings",
                FindingNews,
                finding_news.unseen,
                finding_news.rows,
                told_of_findings.mark_seen,
            )
        )
        panels.register(item_evidence.panel_of)
        jobs.register(imports.CHECK_KIND, imports.try_out)
        jobs.register(
            imports.IMPORT_KIND,
            as_allowed("import.run", imports.carry_out, actor_of=imports.actor_of),
        )
        jobs.register(
            import_reverts.REVERT_KIND,
            as_allowed(
                "import.run", import_reverts.revert, actor_of=import_reverts.reverting_actor_of
            ),
        )
        housekeeping.register(imports.forget_files)
        jobs.register(housekeeping.JOB_KIND, housekeeping.carry_out, max_attempts=1)
        news.register(
            news.Source(
                "terms", TermNews, term_news.unseen, term_news.rows, told_of_terms.mark_seen
            )
        )
        jobs.register(
            alerts.JOB_KIND,
            alerts.deliver,
            max_attempts=alerts.MAX_ATTEMPTS,
            on_failure=alerts.delivery_failed,
        )
        housekeeping.register(alerts.forget_messages)
        jobs.register(
            digests.JOB_KIND,
            digests.deliver,
            max_attempts=digests.MAX_ATTEMPTS,
            on_failure=digests.delivery_failed,
        )
        housekeeping.register_often(digests.send_due)
        announce("Items", "item", "items")
        announce("Findings and evidence", "evidence", "finding", "findings")
        announce("Glossary", "term")
        announce("Product and its goal", "product", "goal", "status", "label", "field")
        announce("Members and tokens", "member", "token")
        announce("Imports, alerts and webhooks", "import", "alerts", "webhook")
        announce("Code hosts", "code_host")
        jobs.register(
            webhooks.JOB_KIND, webhook_delivery.deliver, queue=webhooks.QUEUE, max_attempts=3
        )
        housekeeping.register(webhooks.forget_deliveries)
        housekeeping.register(code_messages.forget_messages)
        housekeeping.register_often(webhooks.tell)
        news.register(
            news.Source(
                "webhooks",
                WebhookNews,
                told_of_webhooks.unseen,
                told_of_webhooks.rows,
                webhooks.mark_seen,
            )
        )
        lineage.register("item", "Items", 10, dependents.items_of_findings)
        lineage.register("term", "Glossary", 40, dependents.terms_of)

        register_office(Office("People", "users", "people", 10))
        register_office(Office("Storage", "database", "storage", 30))
        for order, source in enumerate(storage.OWN):
            storage.register(source.__name__, order, source)
        register(
            Room(
                "Backlog",
                "list-details",
                "backlog:backlog",
                20,
                permission="item.view",
                badge=open_items_badge,
                also=("items", "findings", "trash"),
                shortcut="b",
            )
        )
        register(
            Room(
                "Epics",
                "bolt",
                "backlog:epics",
                21,
                permission="item.view",
                shortcut="e",
                is_within=True,
            )
        )
        register(
            Room(
                "Glossary",
                "vocabulary",
                "backlog:glossary",
                45,
                permission="term.view",
                badge=contested_badge,
                shortcut="t",
            )
        )
        register(
            Room(
                "Settings",
                "settings",
                "backlog:settings",
                90,
                also=("members", "tokens", "imports", "exports", "teams", "agendas"),
            )
        )
        register_settings(
            SettingsTab("settings", "Product", "backlog:settings", 10),
            SettingsTab("workflow", "Workflow", "backlog:workflow", 20),
            SettingsTab("definitions", "Definitions", "backlog:definitions", 30),
            SettingsTab("labels", "Labels", "backlog:labels", 40),
            SettingsTab("fields", "Fields", "backlog:fields", 50),
            SettingsTab("alerts", "Alerts", "backlog:alerts", 55, "alert.edit"),
            SettingsTab("webhooks", "Webhooks", "backlog:webhooks", 57, "webhook.edit"),
            SettingsTab("code-hosts", "Code hosts", "backlog:code-hosts", 58, "code_host.edit"),
            SettingsTab("members", "Members", "backlog:members", 60, "member.view"),
            SettingsTab("imports", "Import", "backlog:imports", 80),
            SettingsTab("exports", "Export", "backlog:exports", 85, "product.export"),
            SettingsTab("tokens", "Tokens", "backlog:tokens", 90, "token.view"),
        )
