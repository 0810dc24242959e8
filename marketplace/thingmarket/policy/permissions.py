"""What a mandate permits to do: actions, times, places, categories, counterparties, data."""

from typing import Final

from thingmarket.identity.effective import Term
from thingmarket.identity.mandates import LEAST_AUTONOMY, Action, Autonomy
from thingmarket.policy.decision import Fact
from thingmarket.policy.question import NOT_STATED, Check, Question, all_allow
from thingmarket.time import utc_minute_of_week


def _announcer_commits_nothing(q: Question) -> bool:
    return q.mandate.autonomy is not Autonomy.ANNOUNCER or LEAST_AUTONOMY[q.act.action] is Autonomy.ANNOUNCER


def _level(q: Question) -> bool:
    return q.mandate.autonomy >= LEAST_AUTONOMY[q.act.action]


def _listed(q: Question) -> bool:
    return q.act.action in q.mandate.actions


def _begun(q: Question) -> bool:
    q.facts.append(Fact("time", q.act.time_ms))
    if q.act.time_ms >= q.mandate.not_before_ms:
        return True
    q.facts.append(Fact("mandate.not_before", q.mandate.not_before_ms))
    return False


def _not_expired(q: Question) -> bool:
    q.facts.append(Fact("mandate.expires", q.mandate.expires_ms))
    return q.act.time_ms < q.mandate.expires_ms


def _window(q: Question) -> bool:
    if q.act.follows or q.reserved is not None:
        return True  # it was agreed or asked for in a permitted hour
    weekday, minute = utc_minute_of_week(q.act.time_ms)
    q.facts.extend((Fact("time.weekday", weekday), Fact("time.minute", minute)))
    return all(week.allows(q.act.time_ms) for week in q.mandate.windows)


def _node(q: Question) -> bool:
    q.facts.append(Fact("node", q.act.node))
    return all_allow(q.mandate.nodes, q.act.node)


def _place(q: Question) -> bool:
    place = q.act.place
    if place is None:
        q.facts.append(Fact("place", NOT_STATED))
        return q.act.action is not Action.BUY  # other acts are about no place unless they say so
    q.facts.extend(
        (
            Fact("place.latitude_e7", place.latitude_e7),
            Fact("place.longitude_e7", place.longitude_e7),
        )
    )
    return all(places.allow(place) for places in q.mandate.geo)


def _category(q: Question) -> bool:
    category = q.act.category
    if not category and q.act.action is not Action.BUY:
        return True  # the act is about no product
    q.facts.append(Fact("category", category))
    for scope in q.mandate.categories:  # noqa: SIM110  all() takes four times as long
        if not scope.allows_code(category):
            return False
    return True


def _counterparty(q: Question) -> bool:
    if not q.act.counterparty and q.act.action is not Action.BUY:
        return True  # the act is towards nobody yet
    q.facts.append(Fact("counterparty", q.act.counterparty))
    return all_allow(q.mandate.counterparties, q.act.counterparty)


def _not_denied(q: Question) -> bool:
    return q.act.counterparty not in q.mandate.deny_counterparties


def _shared_kinds(q: Question) -> bool:
    if q.act.shared is None:
        q.facts.append(Fact("data", NOT_STATED))
        return False
    q.facts.append(Fact("data.kinds", " ".join(q.act.shared.kinds)))
    return all(all_allow(q.mandate.data_scopes, kind) for kind in q.act.shared.kinds)


def _shared_purpose(q: Question) -> bool:
    assert q.act.shared is not None, "DAT-1 comes first"
    q.facts.append(Fact("data.purpose", q.act.shared.purpose))
    return all_allow(q.mandate.data_purposes, q.act.shared.purpose)


def _shared_retention(q: Question) -> bool:
    assert q.act.shared is not None, "DAT-1 comes first"
    asked, allowed = q.act.shared.retention_days, q.mandate.data_retention_days
    q.facts.extend((Fact("data.retention_days", asked), Fact("data.retention_allowed", allowed)))
    return asked <= allowed


# In their order; a rule with a term is looked at only where that term can refuse something.
ACTS: Final[tuple[tuple[str, Check, Term | None], ...]] = (
    ("AUT-0", _announcer_commits_nothing, None),
    ("AUT-1", _level, None),
    ("ACT-1", _listed, None),
    ("TIM-1", _begun, None),
    ("TIM-2", _not_expired, None),
    ("TIM-3", _window, Term.WINDOWS),
    ("NOD-1", _node, None),
    ("GEO-1", _place, Term.PLACES),
    ("CAT-1", _category, None),
    ("PAR-1", _counterparty, None),
    ("PAR-2", _not_denied, Term.DENIED),
)
SHARES: Final[tuple[tuple[str, Check, None], ...]] = (
    ("DAT-1", _shared_kinds, None),
    ("DAT-2", _shared_purpose, None),
    ("DAT-3", _shared_retention, None),
)
