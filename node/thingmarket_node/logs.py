"""How a node logs: lines for people or one JSON object a line, and each step of a trade with its contract."""

import datetime
import json
import logging
from collections.abc import Iterable
from typing import Any, Final

from thingmarket.market.entries import NoticeKind
from thingmarket.trading.frame import statuses_of
from thingmarket_node.core.messages import Published
from thingmarket_node.metrics import trades_of
from thingmarket_node.refused_orders import refusals

TRADES: Final = logging.getLogger("thingmarket.trades")
"""Off unless asked for: a line for every contract that an entry changed, and for every refusal."""

_FACTS: Final = (
    *("contract", "entry", "state", "actor", "owner", "act", "code", "rule"),
    *("market", "orders", "taken", "trades", "refusals"),
)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, text, and the facts of a trade."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "text": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FACTS if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(*, as_json: bool, trades: bool) -> None:
    """Choose the form of the root's lines, and whether trades are logged."""
    if as_json:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())
    TRADES.setLevel(logging.INFO if trades else logging.NOTSET)


def log_trades(outcomes: Iterable[Published]) -> None:
    """Log what durable entries did to contracts, and what was refused; nothing unless trades are on."""
    if TRADES.level != logging.INFO:  # of its own, whatever the root's is
        return
    for one in outcomes:
        act = one.command.type_id.name if one.command else "TIMERS_DUE"
        facts = {"entry": one.seq, "actor": one.sender, "owner": one.owner, "act": act}
        for contract, *_ in one.trades:
            name, state = contract.id.hex(), contract.state.value
            extra = {**facts, "contract": name, "state": state}
            TRADES.info("contract %s is %s after %s, entry %d", name, state, act, one.seq, extra=extra)
        if one.outcome.statuses or one.outcome.events:
            _log_orders(one, facts)
        if one.outcome.code:
            extra = {**facts, "code": one.outcome.code, "rule": one.outcome.rule}
            TRADES.info("%s refused: %s, entry %d", act, one.outcome.reason, one.seq, extra=extra)


def _log_orders(one: Published, facts: dict[str, Any]) -> None:
    """Log what an entry did in the books: what came of how many orders, and trades; new states."""
    statuses = statuses_of(one.outcome.statuses)
    orders, trades = len(statuses), trades_of(one)
    found: dict[str, Any] = {"orders": orders, "taken": statuses.count(0), "trades": trades}
    text = f"{_counted(orders, 'order')}, {found['taken']} taken, {_counted(trades, 'trade')}"
    if refused := refusals(statuses, one.outcome.decision):
        found["refusals"] = refused
        text += f", refused {', '.join(f'{count} {why}' for why, count in refused.items())}"
    TRADES.info("%s, entry %d", text, one.seq, extra={**facts, **found})
    for notice in one.outcome.notices:
        if notice.kind is NoticeKind.MARKET:
            market = int.from_bytes(notice.reference, "big")
            extra = {**facts, "market": market, "state": notice.state}
            TRADES.info("market %d is %s, entry %d", market, notice.state, one.seq, extra=extra)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
