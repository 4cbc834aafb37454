"""How Django knows this app."""

from django.apps import AppConfig

from mlscrum.web.rooms import Room, register


class BacklogConfig(AppConfig):
    name = "backlog"

    def ready(self) -> None:
        from backlog.queries.items import open_item_count

        register(
            Room(
                "Backlog",
                "list-details",
                "backlog:backlog",
                20,
                permission="item.view",
                badge=open_item_count,
                also=("items", "findings", "trash"),
                shortcut="b",
            )
        )
