"""Words of items, the index of each database over them, and the words of what is there already."""

import django.db.models.deletion
from django.db import migrations, models

from backlog.rules.search import indexed_words

ON_POSTGRESQL = """
CREATE INDEX backlog_searchtext_words ON backlog_searchtext
USING gin (array_to_tsvector(string_to_array(words, ' ')))
"""
ON_SQLITE = [
    """
    CREATE VIRTUAL TABLE backlog_searchindex USING fts5(
        words, content='backlog_searchtext', content_rowid='item_id', tokenize='ascii',
        detail='none', prefix='1 2 3'
    )
    """,
    """
    CREATE TRIGGER backlog_searchtext_added AFTER INSERT ON backlog_searchtext BEGIN
        INSERT INTO backlog_searchindex(rowid, words) VALUES (new.item_id, new.words);
    END
    """,
    """
    CREATE TRIGGER backlog_searchtext_gone AFTER DELETE ON backlog_searchtext BEGIN
        INSERT INTO backlog_searchindex(backlog_searchindex, rowid, words)
        VALUES ('delete', old.item_id, old.words);
    END
    """,
    """
    CREATE TRIGGER backlog_searchtext_changed AFTER UPDATE ON backlog_searchtext BEGIN
        INSERT INTO backlog_searchindex(backlog_searchindex, rowid, words)
        VALUES ('delete', old.item_id, old.words);
        INSERT INTO backlog_searchindex(rowid, words) VALUES (new.item_id, new.words);
    END
    """,
]


def add_index(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in [ON_POSTGRESQL] if on_postgresql else ON_SQLITE:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX backlog_searchtext_words")
        return
    for trigger in ("added", "gone", "changed"):
        schema_editor.execute(f"DROP TRIGGER backlog_searchtext_{trigger}")
    schema_editor.execute("DROP TABLE backlog_searchindex")


def fill(apps, schema_editor):
    Item = apps.get_model("backlog", "Item")
    SearchText = apps.get_model("backlog", "SearchText")
    items = Item.objects.select_related("product").prefetch_related("comments")
    SearchText.objects.bulk_create(
        (
            SearchText(
                item=item,
                words=indexed_words(
                    [
                        f"{item.product.key}-{item.number}",
                        item.title,
                        item.description,
                        *(comment.text for comment in item.comments.all()),
                    ]
                ),
            )
            for item in items.iterator(chunk_size=500)
        ),
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [("backlog", "0005_tie_given_fingerprints_to_their_subject")]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_text",
                        serialize=False,
                        to="backlog.item",
                    ),
                ),
                ("words", models.TextField()),
            ],
        ),
        migrations.RunPython(add_index, drop_index),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
