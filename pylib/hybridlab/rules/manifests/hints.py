"""Which object may have been meant where one is missing; it knows no rule."""

from attrs import define

from hybridlab.model.inventory import Inventory, Key
from hybridlab.rules.wording import nearest

# Where more are missing, their cause is one, and to compare each with all names takes too long.
_MOST = 100


@define
class Meant:
    """Finds names that are written nearly alike, for the first hundred that are missing."""

    inventory: Inventory
    asked: int = 0

    def instead_of(self, key: Key) -> str | None:
        """Return the name of another object of that kind, in the same namespace."""
        self.asked += 1
        if self.asked > _MOST:
            return None
        return nearest(key.name, self.inventory.named(key.group, key.kind, key.namespace))
