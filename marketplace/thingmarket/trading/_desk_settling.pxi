# Events of the book become holds and payments, as thingmarket.trading.settling says.

cdef inline int note_price(Desk desk, MarketRow* market, const Event* event) except -1:
    """What a market traded in the call in hand."""
    if market.call != desk.call:
        desk.traded = <uint32_t*> grown(
            desk.traded, sizeof(uint32_t), &desk.traded_room, desk.traded_count + 1
        )
        desk.traded[desk.traded_count] = market.number
        desk.traded_count += 1
        market.call = desk.call
        market.low = market.high = event.price
        market.fee_minor = 0
        market.traded = 0
    if event.price < market.low:
        market.low = event.price
    if event.price > market.high:
        market.high = event.price
    market.last = event.price
    market.traded += event.quantity
    return 0


cdef int hold(
    Desk desk, MarketRow* market, const Rest* rest, int side, uint64_t order_id, int64_t lots
) except -1:
    """Set aside money and goods for so many lots of an order, or free them when below zero."""
    cdef int64_t sign = -1 if lots < 0 else 1
    cdef int64_t money = sign * money_hold(market, side, rest.price, <uint64_t> (sign * lots))
    cdef int64_t goods = sign * goods_hold(market, side, <uint64_t> (sign * lots))
    cdef int held = 0
    if money:
        held = hold_amount(desk.accounts, rest.wallet, desk.ledgers[market.money].clearing, money)
        tally_of(desk, order_id, market.money).held_minor += money
    if goods:
        held |= hold_amount(desk.accounts, rest.goods, desk.ledgers[market.goods].clearing, goods)
    assert held == 0, "an order holds what its owner has, and frees what it held"
    return 0


cdef int take(
    Desk desk, MarketRow* market, int32_t slot, int side, uint64_t order_id, uint64_t lots
) except -1:
    """Free a part of a resting order; when nothing is left of it, it has ended."""
    cdef Rest* rest = &desk.rests[slot]
    assert lots <= rest.remaining, "no order is filled by more than it is"
    hold(desk, market, rest, side, order_id, -<int64_t> lots)
    rest.remaining -= <uint32_t> lots
    if rest.remaining == 0:
        leave_seat(desk, slot, order_id)
        leave_owner(desk, slot, owner_of(desk, rest, side))
        tally_of(desk, order_id, market.money).ended += 1
    return 0


cdef TallyRow* tally_of(Desk desk, uint64_t order_id, int32_t ledger) except NULL:
    """The tally of an order's slot in a money ledger; the pointer holds until the next call."""
    cdef uint64_t key = (order_id >> COUNTER_BITS) << 32 | <uint64_t> ledger
    cdef int32_t found = index_of(&desk.tally_index, key)
    if found >= 0:
        return &desk.tallies[found]
    found = desk.tally_index.count
    desk.tallies = <TallyRow*> grown(desk.tallies, sizeof(TallyRow), &desk.tallies_room, found + 1)
    put_index(&desk.tally_index, key, found)
    memset(&desk.tallies[found], 0, sizeof(TallyRow))
    desk.tallies[found].slot = <uint32_t> (order_id >> COUNTER_BITS)
    desk.tallies[found].ledger = desk.ledgers[ledger].number
    return &desk.tallies[found]


cdef int came_to_rest(Desk desk, MarketRow* market, int32_t slot, const Event* event) except -1:
    cdef Rest* rest
    if slot >= desk.rests_room:
        desk.rests = <Rest*> grown(desk.rests, sizeof(Rest), &desk.rests_room, slot + 1)
    rest = &desk.rests[slot]
    rest.wallet = desk.ledgers[market.money].own[WALLET]
    rest.goods = desk.ledgers[market.goods].own[GOODS]
    rest.price = event.price
    rest.remaining = <uint32_t> event.quantity
    join_seat(desk, slot, event.taker)
    join_owner(desk, slot, owner_of(desk, rest, event.side - 1))
    hold(desk, market, rest, event.side - 1, event.taker, event.quantity)
    tally_of(desk, event.taker, market.money).opened += 1
    return 0


cdef int was_replaced(Desk desk, MarketRow* market, int32_t slot, const Event* event) except -1:
    """The whole new order holds before it trades: its sender was asked for the increase."""
    cdef Rest* rest = &desk.rests[slot]
    hold(desk, market, rest, event.side - 1, event.taker, -<int64_t> rest.remaining)
    rest.price = event.price
    rest.remaining = <uint32_t> event.quantity
    hold(desk, market, rest, event.side - 1, event.taker, event.quantity)
    return 0


cdef int pay(Desk desk, MarketRow* market, int32_t buyer, int32_t seller, int64_t cash) except -1:
    """The cash leg: a price below zero is paid by the seller, and brings no fee."""
    cdef int64_t fee = fee_of(cash, market.fee_basis_points) if cash > 0 else 0
    cdef int paid = 0
    if cash - fee > 0:
        paid = move_amount(desk.accounts, buyer, seller, cash - fee)
    if fee:
        paid |= move_amount(desk.accounts, buyer, desk.ledgers[market.money].fees, fee)
    if cash < 0:
        paid |= move_amount(desk.accounts, seller, buyer, -cash)
    assert paid == 0, "a fill costs at most what its order held"
    market.fee_minor += fee
    return 0


cdef int traded(Desk desk, MarketRow* market, const Event* event, const Slots* slots) except -1:
    """Both sides are freed for the quantity, then what is due moves at the price of the trade."""
    cdef bint taker_buys = event.side == BUY + 1  # in an auction the maker buys
    cdef uint64_t buy = event.taker if taker_buys else event.maker
    cdef uint64_t sell = event.maker if taker_buys else event.taker
    cdef int32_t buy_slot = slots.taker if taker_buys else slots.maker
    cdef int32_t sell_slot = slots.maker if taker_buys else slots.taker
    cdef int32_t wallets[2]
    cdef int32_t stocks[2]
    cdef int64_t cash = cash_of(market, event.price, event.quantity)
    filled(desk, market, buy_slot, BUY, buy, event.quantity, &wallets[BUY], &stocks[BUY])
    filled(desk, market, sell_slot, SELL, sell, event.quantity, &wallets[SELL], &stocks[SELL])
    note_price(desk, market, event)
    tally_of(desk, buy, market.money).fills += 1
    tally_of(desk, sell, market.money).fills += 1
    if market.is_escrow:
        tell_fill(desk, event, buy, sell, wallets[BUY], wallets[SELL], cash)
        return 0
    pay(desk, market, wallets[BUY], wallets[SELL], cash)
    moved = move_amount(
        desk.accounts, stocks[SELL], stocks[BUY], product(market.lot_steps, event.quantity, 1)
    )
    assert moved == 0, "a fill delivers at most what its order held"
    if cash:
        tally_of(desk, buy if cash > 0 else sell, market.money).paid_minor += cash if cash > 0 else -cash
    return 0


cdef int filled(
    Desk desk, MarketRow* market, int32_t slot, int side, uint64_t order_id, uint64_t lots,
    int32_t* wallet, int32_t* goods,
) except -1:
    """Free what an order held for a fill, if it rested, and say where its owner's money and goods are."""
    if slot:
        wallet[0] = desk.rests[slot].wallet
        goods[0] = desk.rests[slot].goods
        return take(desk, market, slot, side, order_id, lots)
    wallet[0] = desk.ledgers[market.money].own[WALLET]
    goods[0] = desk.ledgers[market.goods].own[GOODS]
    return 0


cdef int tell_fill(
    Desk desk, const Event* event, uint64_t buy, uint64_t sell, int32_t buyer, int32_t seller, int64_t cash
) except -1:
    desk.fills.append(
        EscrowFill(
            market=event.market,
            seq=event.seq,
            price=event.price,
            quantity=event.quantity,
            buy_order=buy,
            sell_order=sell,
            buyer_owner=desk.accounts.rows[buyer].owner,
            seller_owner=desk.accounts.rows[seller].owner,
            cash_minor=cash,
        )
    )
    return 0


cdef int settle(Desk desk, size_t since) except -1:
    """Settle the events of one command, from the one at `since` on."""
    cdef const Event* event
    cdef const Slots* slots
    cdef MarketRow* market
    cdef size_t at
    for at in range(since, desk.events.count):
        event = &desk.events.items[at]
        slots = &desk.events.slots[at]
        if event.kind == REJECTED or event.kind == STATE:
            continue
        market = &desk.markets[index_of(&desk.market_index, event.market)]
        if event.kind == TRADE:
            traded(desk, market, event, slots)
        elif event.kind == NEW:
            came_to_rest(desk, market, slots.taker, event)
        elif event.kind == REPLACED:
            was_replaced(desk, market, slots.taker, event)
        elif slots.taker:  # an order that never rested held nothing
            take(
                desk, market, slots.taker, event.side - 1, event.taker,
                desk.rests[slots.taker].remaining - (event.quantity if event.kind == REDUCED else 0),
            )
    return 0
