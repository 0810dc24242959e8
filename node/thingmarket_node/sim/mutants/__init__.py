"""Cores that are broken on purpose: what the simulator is worth is how many of them it finds.

Each mutant changes one thing of the code under test, while one run lasts and in this process alone. All of
them must be killed within `hunting.SEEDS_MAX` seeds.
"""

from typing import Final

from thingmarket_node.sim.mutants.authority import AUTHORITY
from thingmarket_node.sim.mutants.deliveries import DELIVERIES
from thingmarket_node.sim.mutants.durability import DURABILITY
from thingmarket_node.sim.mutants.money import MONEY
from thingmarket_node.sim.mutants.once import ONCE
from thingmarket_node.sim.mutants.orders import ORDERS
from thingmarket_node.sim.mutants.patches import Mutant, Patches
from thingmarket_node.sim.mutants.trading import TRADING

MUTANTS: Final = (*DURABILITY, *ONCE, *ORDERS, *AUTHORITY, *MONEY, *TRADING, *DELIVERIES)

__all__ = ["MUTANTS", "Mutant", "Patches"]
