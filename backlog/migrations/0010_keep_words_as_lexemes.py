"""On PostgreSQL the words of an item are kept as lexemes, so that no search splits a text again."""

from django.db import migrations

LEXEMES = [
    """
    ALTER TABLE backlog_searchtext ADD COLUMN lexemes tsvector
    GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED
    """,
    "DROP INDEX backlog_searchtext_words",
    "CREATE INDEX backlog_searchtext_lexemes ON backlog_searchtext USING gin (lexemes)",
]
WORDS = [
    "ALTER TABLE backlog_searchtext DROP COLUMN lexemes",
    """
    CREATE INDEX backlog_searchtext_words ON backlog_searchtext
    USING gin (array_to_tsvector(string_to_array(words, ' ')))
    """,
]


def keep_lexemes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in LEXEMES:
            schema_editor.execute(statement)


def split_words(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in WORDS:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("backlog", "0009_import_items")]
    operations = [migrations.RunPython(keep_lexemes, split_words)]
