"""Templates of suites that a product keeps."""

from django.db import models

from backlog.models import Product, User


class SuiteTemplate(models.Model):
    """Checks with places for columns. `slots` are `{"key", "label", "types"}`; a place stands in
    `expectations` as `{key}`."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="suite_templates")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    about = models.CharField(max_length=500, blank=True)
    slots = models.JSONField(default=list)
    expectations = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "slug"], name="suite_template_in_product")
        ]

    def __str__(self) -> str:
        return self.name
