"""What people say depends on a dataset."""

from django.db import models

from backlog.models import Item, User
from dataquality.models.datasets import Dataset


class Dependence(models.Model):
    """An item that depends on a dataset, of its own product or of one that shares it."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="dependences")
    item = models.ForeignKey(Item, models.CASCADE, related_name="dependences")
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "item"], name="an_item_depends_on_a_dataset_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.item} on {self.dataset}"
