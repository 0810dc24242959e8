"""Real signatures, each verified once: copies of a message are what a simulation is full of."""

from thingmarket.identity import keys


class Signatures:
    """Remembers what was verified, within one run."""

    def __init__(self) -> None:
        """Start with nothing verified."""
        self._known: dict[tuple[bytes, bytes, bytes], bool] = {}

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """As `keys.verify`."""
        name = (public_key, message, signature)
        good = self._known.get(name)
        if good is None:
            good = self._known[name] = keys.verify(public_key, message, signature)
        return good
