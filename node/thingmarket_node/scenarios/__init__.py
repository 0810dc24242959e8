"""Whole stories with processes of their own, each with what must have come of it."""
