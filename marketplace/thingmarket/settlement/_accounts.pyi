"""The compiled account store for Python: it does what the readable one does, and is no subclass."""

from thingmarket.settlement import accounts

class AccountTable(accounts.AccountTable): ...
