# Orders of one owner never cross while a market gathers, as thingmarket.trading.own_prices says.

cdef int learn_own_prices(Desk desk, uint64_t owner) except -1:
    """The best prices of the owner in those markets of the frame that gather."""
    cdef const OrderBook* book = &desk.book.book
    cdef int32_t found = index_of(&desk.owner_index, owner)
    cdef int32_t slot = desk.owners[found].first if found >= 0 else 0
    cdef MarketRow* market
    while slot:
        market = &desk.markets[index_of(&desk.market_index, market_at(book, slot).number)]
        if market.frame == desk.frame:
            note_own_price(market, book.levels[book.orders[slot].level].place & 1, desk.rests[slot].price)
        slot = desk.rests[slot].own_after
    return 0


cdef inline void note_own_price(MarketRow* market, int side, int64_t price) noexcept:
    """An order of the sender's owner rests; only those in markets that gather count."""
    cdef int64_t best = market.own_best[side]
    if market.state < CONTINUOUS and (best == 0 or (price > best if side == BUY else price < best)):
        market.own_best[side] = price


cdef inline uint32_t refusal_of_own(const MarketRow* market, const Command* order) noexcept:
    """An auction does not look at whose orders meet, so an owner's never cross before it. [ORD-14]"""
    cdef int64_t best = market.own_best[SELL if order.side - 1 == BUY else BUY]
    if market.state >= CONTINUOUS or best == 0:
        return 0
    if order.price >= best if order.side - 1 == BUY else order.price <= best:
        return STATUS_SELF_TRADE
    return 0
