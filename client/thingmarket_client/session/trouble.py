"""What goes wrong on the way: nobody said yes or no."""


class Trouble(Exception):
    """The network, or a node in pain. `status` is the name of a gRPC status."""

    def __init__(self, status: str, details: str) -> None:
        """Keep what gRPC said."""
        super().__init__(f"{status}: {details}")
        self.status = status
