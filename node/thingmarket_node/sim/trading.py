"""The scenario `trading`: things trade at three order books, beside the purchases of the other scenario."""

from thingmarket_node.sim.actors import Client, Place
from thingmarket_node.sim.buyers import Buyer
from thingmarket_node.sim.owners import Owner
from thingmarket_node.sim.people import Square
from thingmarket_node.sim.purchase import Run
from thingmarket_node.sim.sellers import Seller
from thingmarket_node.sim.traders import Operator, Trader


class TradingRun(Run):
    """One seed with two to four traders, one shop, and perhaps one buyer."""

    def _people(self, place: Place) -> list[Client]:
        world, square = self.world, Square()
        homes = [Owner(place, f"traders-{number}") for number in range(world.between(2, 3))]
        shop = Owner(place, "shop-owner")
        seller = Seller(place, "shop", shop, square)
        traders: list[Buyer] = [
            Trader(place, f"trader-{number}", homes[number % len(homes)], square, [seller])
            for number in range(world.between(2, 4))
        ]
        if world.chance(300):
            traders.append(Buyer(place, "printer", homes[0], square, [seller]))
        operator = Operator(place)
        self._owners = [*homes, shop]
        for home in homes:
            home.neighbours = [other for other in self._owners if other is not home]
        world.after(world.between(0, 3_000), "operator begins", operator.begin)
        people = [*self._owners, seller, *traders, operator]
        square.people = {one.party: one for one in people}
        return list(people)

    def marks(self) -> dict[str, int]:
        """Also how often what is rare at a book came about."""
        memory = self.auditor.reference.oracle.memory
        sold = [sale for sale in memory.sales.values() if sale.market]
        parts = [part.state for sale in sold for part in sale.parts]
        return {
            **super().marks(),
            "frames": sum(seat.last_frame for seat in memory.seats.values()),
            "trades": memory.traded,
            "halts": memory.halted,
            "swept": memory.swept,
            "promised": len(sold),
            "handed_over": parts.count("ACCEPTED"),
            "never_came": parts.count("FAILED"),
            **memory.statuses,
        }
