"""The compiled desk for Python: it does what the readable one does, and is no subclass."""

from thingmarket.trading import desk

class Desk(desk.Desk): ...
