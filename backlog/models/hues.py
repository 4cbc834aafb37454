"""The colours that a product may give: tokens of the style sheet, never free values."""

from django.db import models


class Hue(models.TextChoices):
    """The colour of a label or a status."""

    GREY = "grey", "Grey"
    RED = "red", "Red"
    ORANGE = "orange", "Orange"
    AMBER = "amber", "Amber"
    GREEN = "green", "Green"
    TEAL = "teal", "Teal"
    CYAN = "cyan", "Cyan"
    BLUE = "blue", "Blue"
    VIOLET = "violet", "Violet"
    PINK = "pink", "Pink"
