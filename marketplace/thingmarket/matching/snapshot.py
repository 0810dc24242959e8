"""The bytes that a book is hashed and kept as; both kinds write the same ones.

A snapshot, little-endian without padding:

- magic `tmbook01`, then `<QQQ` orders_max, levels_max, number of the last event;
- `<I` number of existing markets, then each of them, numbers ascending:
  `<IB` market, state; for its buys, then its sells, `<Q` count and, best price first, oldest first,
  `<QqQQ` order id, price, remaining quantity, account;
- BLAKE2b-256 over everything before.

The state hash is BLAKE2b-256 over the markets in the same form, then `<Q` number of the last event.
"""
