"""What trade comes to, reckoned a second time in the plainest way: the judge of the market's outcomes.

It shares the values of the wire with the market, and none of its tables, rules, indexes and ledger.
"""
