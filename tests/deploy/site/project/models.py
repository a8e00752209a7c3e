"""Something to lose."""

from django.db import models


class Row(models.Model):
    """What a visitor was told is stored."""

    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"row {self.pk}"
