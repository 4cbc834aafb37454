"""How Django knows this app."""

from django.apps import AppConfig

from mlscrum.web.rooms import Room, provide_products, register


class BacklogConfig(AppConfig):
    name = "backlog"

    def ready(self) -> None:
        from backlog.queries.items import open_items_badge
        from backlog.queries.people import products_of

        provide_products(products_of)

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
                "Settings",
                "settings",
                "backlog:settings",
                90,
                also=("members", "tokens"),
            )
        )
