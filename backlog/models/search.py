"""What of an item's texts can be found: rows of their own, which the databases index."""

from django.db import models

from backlog.models.items import Item


class SearchText(models.Model):
    """The words of an item's title, ref, description and comments, as `rules.search` splits them.

    Migrations add what each database needs: a generated column of lexemes with GIN on PostgreSQL,
    FTS5 on SQLite. A table of its own, so that no later change of items rebuilds it, which on
    SQLite would lose the triggers.
    """

    item = models.OneToOneField(Item, models.CASCADE, primary_key=True, related_name="search_text")
    words = models.TextField()

    def __str__(self) -> str:
        return self.words[:80]
