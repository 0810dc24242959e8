"""What is asked of the tables of the projection, for one owner at a time."""

from typing import Final

from thingmarket.limits import DAY_MS, SPENDING_ROWS_MAX

ORDERS: Final = """
SELECT seq, time_ms, actor, offer, product, category, quantity_steps, currency, total_minor, code, rule,
    reference FROM orders
WHERE owner = :owner AND seq < :before_seq AND time_ms >= :since_ms AND time_ms < :until_ms
    AND (:actor = '' OR actor = :actor) AND substr(category, 1, length(:category)) = :category
ORDER BY seq DESC LIMIT :limit
"""
DECISIONS: Final = """
SELECT seq, time_ms, actor, act, verdict, rules, code, reason, reference FROM decisions
WHERE owner = :owner AND seq < :before_seq AND time_ms >= :since_ms AND time_ms < :until_ms
    AND (:actor = '' OR actor = :actor)
ORDER BY seq DESC LIMIT :limit
"""
CONTRACTS: Final = """
SELECT id, state, buyer_owner = :owner, CASE buyer_owner WHEN :owner THEN buyer ELSE seller END AS actor,
    CASE buyer_owner WHEN :owner THEN seller_owner ELSE buyer_owner END, product, title, category,
    quantity_steps, currency, total_minor, returned_minor, created_ms, seq FROM contracts
WHERE (buyer_owner = :owner OR seller_owner = :owner)
    AND (seq < :before_seq OR (seq = :before_seq AND id < :before_contract))
    AND created_ms >= :since_ms AND created_ms < :until_ms AND (:actor = '' OR actor = :actor)
    AND substr(category, 1, length(:category)) = :category AND (:state = '' OR state = :state)
ORDER BY created_ms DESC, seq DESC, id DESC LIMIT :limit
"""
_OF_SIDE: Final = """
    SELECT seq, place, time_ms, {side} AS actor, {bought} AS bought, market, {order} AS own_order,
        price_ticks, lots, cash_minor, fee_minor FROM trades
    WHERE {side}_owner = (SELECT number FROM parties WHERE id = :owner)
        AND time_ms >= :since_ms AND time_ms < :until_ms
        AND (seq < :before_seq OR (seq = :before_seq AND place < :before_index))
        AND (:actor = '' OR {side} = (SELECT number FROM parties WHERE id = :actor))
        AND {order} BETWEEN :first_order AND :last_order
        AND (:category = '' OR market IN
            (SELECT number FROM markets WHERE substr(category, 1, length(:category)) = :category))
"""
_BUYS: Final = _OF_SIDE.format(side="buyer", bought=1, order="buy_order")
_SELLS: Final = _OF_SIDE.format(side="seller", bought=0, order="sell_order")
TRADES: Final = f"""
SELECT seq, place, time_ms, id, bought, market, product, category, own_order, price_ticks, lots,
    lots * lot_steps, unit, unit_scale, currency, cash_minor, CASE bought WHEN 1 THEN 0 ELSE fee_minor END,
    at_once
FROM ({_BUYS} UNION ALL {_SELLS} ORDER BY time_ms DESC, seq DESC, place DESC LIMIT :limit)
JOIN markets ON markets.number = market JOIN parties ON parties.number = actor
ORDER BY seq DESC, place DESC
"""  # noqa: S608  text of ours
_TRADED: Final = """
    SELECT id AS actor, category, currency, time_ms AS made_ms, 0 AS orders, 1 AS trades,
        MAX({paid}, 0) AS spent, 0 AS returned, MAX({earned}, 0) AS income, {fee} AS fee
    FROM trades JOIN markets ON markets.number = market JOIN parties ON parties.number = {side}
    WHERE {side}_owner = (SELECT number FROM parties WHERE id = :owner) AND at_once
        AND time_ms >= :since_ms AND time_ms < :until_ms
"""
# What a price below zero costs, the seller pays and the buyer earns.
_BOUGHT: Final = _TRADED.format(side="buyer", paid="cash_minor", earned="-cash_minor", fee="0")
_SOLD: Final = _TRADED.format(side="seller", paid="-cash_minor", earned="cash_minor", fee="fee_minor")
SPENDING: Final = f"""
SELECT actor, category, currency, made_ms / {DAY_MS} * {DAY_MS} AS day_ms, SUM(orders), SUM(spent),
    SUM(returned), SUM(trades), SUM(income), SUM(fee)
FROM (
    SELECT buyer AS actor, category, currency, created_ms AS made_ms, 1 AS orders, 0 AS trades,
        total_minor AS spent, returned_minor AS returned, 0 AS income, 0 AS fee FROM contracts
    WHERE buyer_owner = :owner AND created_ms >= :since_ms AND created_ms < :until_ms
    UNION ALL {_BOUGHT} UNION ALL {_SOLD})
WHERE (:actor = '' OR actor = :actor) AND substr(category, 1, length(:category)) = :category
GROUP BY day_ms, actor, category, currency ORDER BY day_ms, actor, category, currency
LIMIT {SPENDING_ROWS_MAX + 1}
"""  # noqa: S608  text and numbers of ours
