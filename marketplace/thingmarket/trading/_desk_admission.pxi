# Whether an order may go to the book, in the order of checks of thingmarket.trading.shape and .admission.

cdef uint32_t REASON_BASE = book_status(0)
cdef uint32_t STATUS_BAD_TIF = frames.STATUS_BAD_TIF
cdef uint32_t STATUS_BAD_FIELD = frames.STATUS_BAD_FIELD
cdef uint32_t STATUS_BAD_PRICE = frames.STATUS_BAD_PRICE
cdef uint32_t STATUS_BAD_QUANTITY = frames.STATUS_BAD_QUANTITY
cdef uint32_t STATUS_SELF_TRADE = frames.STATUS_SELF_TRADE
cdef uint32_t STATUS_WRONG_STATE = frames.STATUS_WRONG_STATE
cdef uint32_t STATUS_UNKNOWN_KIND = frames.STATUS_UNKNOWN_KIND
cdef uint32_t STATUS_UNKNOWN_ORDER = frames.STATUS_UNKNOWN_ORDER
cdef uint32_t STATUS_BAD_EXPIRY = OrderStatus.BAD_EXPIRY
cdef uint32_t STATUS_BAD_ID = OrderStatus.BAD_ID
cdef uint32_t STATUS_TOO_MUCH = OrderStatus.TOO_MUCH
cdef uint32_t STATUS_UNKNOWN_MARKET = OrderStatus.UNKNOWN_MARKET
cdef uint32_t STATUS_OUTSIDE_BAND = OrderStatus.OUTSIDE_BAND
cdef uint32_t STATUS_NOT_PERMITTED = OrderStatus.NOT_PERMITTED
cdef uint32_t STATUS_OVER_PRICE = OrderStatus.OVER_PRICE
cdef uint32_t STATUS_OVER_ORDER = OrderStatus.OVER_ORDER
cdef uint32_t STATUS_NEED_COSIGN = OrderStatus.NEED_COSIGN
cdef uint32_t STATUS_OVER_BUDGET = OrderStatus.OVER_BUDGET
cdef uint32_t STATUS_OVER_DAY_ORDERS = OrderStatus.OVER_DAY_ORDERS
cdef uint32_t STATUS_OVER_OPEN_ORDERS = OrderStatus.OVER_OPEN_ORDERS
cdef uint32_t STATUS_NO_FUNDS = OrderStatus.NO_FUNDS
cdef uint32_t STATUS_OUT_OF_STOCK = OrderStatus.OUT_OF_STOCK


cdef inline bint is_new(const Command* order) noexcept:
    return order.kind == NEW_LIMIT or order.kind == NEW_MARKET


cdef inline bint may_rest(const Command* order) noexcept:
    return order.tif == GTC or order.tif == GTD


cdef inline int64_t worst_price(const Command* order) noexcept:
    return order.price if order.price else 1


cdef inline bint is_good_tif(const Command* order) noexcept:
    cdef bint at_once = (order.tif == IOC or order.tif == FOK) and not order.flags & POST_ONLY
    if order.kind == NEW_MARKET:
        return at_once
    return may_rest(order) or (at_once and order.kind == NEW_LIMIT)


cdef inline bint is_good_expiry(const Command* order, uint64_t now_ms) noexcept:
    """The expiry stands in the place of the account."""
    if order.tif == GTD:
        return now_ms < order.account <= now_ms + LIFE_MS
    return order.account == 0


cdef inline bint is_good_price(const Command* order) noexcept:
    cdef bint anything = order.kind == NEW_MARKET and order.side == SELL + 1
    return (0 if anything else 1) <= order.price <= PRICE_LAST


cdef uint32_t refusal_of_terms(const Command* order, const MarketRow* market, uint64_t now_ms) noexcept:
    """The status of a new or replacing order by itself, 0 when it is good."""
    cdef int64_t cash
    if not is_good_tif(order):
        return STATUS_BAD_TIF
    if not is_good_expiry(order, now_ms):
        return STATUS_BAD_EXPIRY
    if order.quantity == 0:
        return STATUS_BAD_QUANTITY
    if not is_good_price(order):
        return STATUS_BAD_PRICE
    cash = cash_of(market, worst_price(order), order.quantity)
    if cash > LARGEST or cash < -LARGEST or product(market.lot_steps, order.quantity, 1) > MOST_STEPS:
        return STATUS_TOO_MUCH
    if market.state > CONTINUOUS or (market.state < CONTINUOUS and not may_rest(order)):
        return STATUS_WRONG_STATE
    return 0


cdef inline uint32_t refusal_of_permit(
    const PermitRow* permit, const Command* order, int64_t cost
) noexcept:
    if not permit.is_given:
        return STATUS_NOT_PERMITTED
    if permit.refusal:
        return permit.refusal
    if not permit.price_low <= worst_price(order) <= permit.price_high:
        return STATUS_OVER_PRICE
    if <int64_t> order.quantity > permit.lots_max or cost > permit.order_max_minor:
        return STATUS_OVER_ORDER
    return STATUS_NEED_COSIGN if cost > permit.cosign_above_minor else 0


cdef inline bint asks_more(const MarketRow* market, const Command* order, const Rest* present) noexcept:
    """Whether an order wants more lots, or may cost more, than what is left of the one that it replaces."""
    cdef int side = order.side - 1
    return <int64_t> order.quantity > <int64_t> present.remaining or money_hold(
        market, side, worst_price(order), order.quantity
    ) > money_hold(market, side, present.price, present.remaining)


cdef inline uint32_t refusal_of_counters(
    const LedgerRow* money, const Command* order, int64_t cost, bint anew, bint is_full
) noexcept:
    if anew and money.placed >= money.orders_left:
        return STATUS_OVER_DAY_ORDERS
    if order.kind != REPLACE and may_rest(order) and (is_full or money.opened >= money.open_left):
        return STATUS_OVER_OPEN_ORDERS
    if cost and (money.amount_left < money.amount or cost > money.amount_left - money.amount):
        return STATUS_OVER_BUDGET
    return 0


cdef uint32_t admit(
    MarketRow* market,
    LedgerRow* money,
    LedgerRow* goods,
    const Command* order,
    const Rest* present,
    bint is_full,
) noexcept:
    """Reserve what an order of good shape needs beyond `present`, which it replaces, or say why not.

    `is_full` says that no order more of this owner may rest; one that replaces another rests already.
    """
    cdef int side = order.side - 1
    cdef int64_t cost = money_hold(market, side, worst_price(order), order.quantity)
    cdef int64_t steps = goods_hold(market, side, order.quantity)
    cdef uint32_t status = refusal_of_permit(&market.permits[side], order, cost)
    cdef bint anew = present == NULL or asks_more(market, order, present)
    if status:
        return status
    if present != NULL:
        cost = max(cost - money_hold(market, side, present.price, present.remaining), <int64_t> 0)
        steps = max(steps - goods_hold(market, side, present.remaining), <int64_t> 0)
    status = refusal_of_counters(money, order, cost, anew, is_full)
    if status:
        return status
    if market.has_band and not market.band_low <= worst_price(order) <= market.band_high:
        return STATUS_OUTSIDE_BAND
    if cost and cost > money.free[WALLET] - money.reserved[WALLET]:
        return STATUS_NO_FUNDS
    if steps and steps > goods.free[GOODS] - goods.reserved[GOODS]:
        return STATUS_OUT_OF_STOCK
    money.reserved[WALLET] += cost
    goods.reserved[GOODS] += steps
    money.amount += cost
    money.placed += anew
    if order.kind != REPLACE:
        money.opened += may_rest(order)
    return 0
