"""Reports without anything kept."""

from datetime import datetime
from typing import Any, TypeVar

from billing.domain.reports.fold import Fold
from billing.services.reports.sources import Asked, Folded

S = TypeVar("S")


class NoKeptFolds:
    """Keeps nothing: each fold begins at the beginning."""

    def before(self, fold: Fold[S, Any], asked: Asked, since: datetime, at: datetime) -> Folded[S]:
        """The empty state."""
        return Folded(fold.empty())

    def passing(self, fold: Fold[S, Any], asked: Asked, folded: Folded[S], following: datetime, at: datetime) -> None:
        """Nothing is kept."""
