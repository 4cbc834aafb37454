"""The floors of the house hold for foreign keys too, which import-linter can't see."""

from django.apps import apps

FLOORS = {"backlog": 1, "sprints": 2, "dataquality": 2}


def test_a_foreign_key_never_points_up_or_sideways() -> None:
    arrows = [
        (model._meta.app_label, field.related_model._meta.app_label)
        for model in apps.get_models()
        if model._meta.app_label in FLOORS
        for field in model._meta.get_fields()
        if field.concrete and field.is_relation and field.related_model
    ]
    assert ("dataquality", "backlog") in arrows
    wrong = [(a, b) for a, b in arrows if a != b and FLOORS.get(b, 0) >= FLOORS[a]]
    assert wrong == []
