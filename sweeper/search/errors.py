"""What can be wrong with what a search is given."""

from sweeper.errors import SweeperError


class WarmStartError(SweeperError):
    """`search.warm_start` names something that says nothing about this search."""

    def __init__(self, message: str) -> None:
        super().__init__(f"search.warm_start: {message}")
