"""Units, times and amounts in words: what people read where messages carry codes and counts."""

from typing import Final

from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

# UN/CEFACT Recommendation 20 code -> (one of it, many of it); the common ones, others stay codes.
UNIT_WORDS: Final[dict[str, tuple[str, str]]] = {
    "C62": ("piece", "pieces"),
    "H87": ("piece", "pieces"),
    "EA": ("piece", "pieces"),
    "PR": ("pair", "pairs"),
    "DZN": ("dozen", "dozens"),
    "SET": ("set", "sets"),
    "NMP": ("pack", "packs"),
    "E48": ("service", "services"),
    "MGM": ("milligram", "milligrams"),
    "GRM": ("gram", "grams"),
    "KGM": ("kilogram", "kilograms"),
    "TNE": ("tonne", "tonnes"),
    "MLT": ("millilitre", "millilitres"),
    "CLT": ("centilitre", "centilitres"),
    "LTR": ("litre", "litres"),
    "HLT": ("hectolitre", "hectolitres"),
    "MMT": ("millimetre", "millimetres"),
    "CMT": ("centimetre", "centimetres"),
    "MTR": ("metre", "metres"),
    "KMT": ("kilometre", "kilometres"),
    "CMK": ("square centimetre", "square centimetres"),
    "MTK": ("square metre", "square metres"),
    "MTQ": ("cubic metre", "cubic metres"),
    "SEC": ("second", "seconds"),
    "MIN": ("minute", "minutes"),
    "HUR": ("hour", "hours"),
    "DAY": ("day", "days"),
    "WEE": ("week", "weeks"),
    "MON": ("month", "months"),
    "ANN": ("year", "years"),
    "WTT": ("watt", "watts"),
    "KWT": ("kilowatt", "kilowatts"),
    "WHR": ("watt hour", "watt hours"),
    "KWH": ("kWh", "kWh"),
    "MWH": ("MWh", "MWh"),
    "VLT": ("volt", "volts"),
    "AMP": ("ampere", "amperes"),
    "HTZ": ("hertz", "hertz"),
    "CEL": ("degree Celsius", "degrees Celsius"),
    "BAR": ("bar", "bar"),
    "LUM": ("lumen", "lumens"),
    "2N": ("decibel", "decibels"),
    "AD": ("byte", "bytes"),
    "2P": ("kilobyte", "kilobytes"),
    "4L": ("megabyte", "megabytes"),
    "E34": ("gigabyte", "gigabytes"),
    "P1": ("percent", "percent"),
}

_SPANS: Final = (
    (DAY_MS, "day"),
    (HOUR_MS, "hour"),
    (MINUTE_MS, "minute"),
    (SECOND_MS, "second"),
    (1, "millisecond"),
)


def unit_word(code: str, *, one: bool = False) -> str:
    """The name of a unit, of one or of many of it; a code that is not common stays a code."""
    words = UNIT_WORDS.get(code)
    return code if words is None else words[0 if one else 1]


def span_words(span_ms: int) -> str:
    """A span of time in its two largest units: `2 days`, `1 day 4 hours`, `0 seconds`."""
    sign, left, parts = "-" if span_ms < 0 else "", abs(span_ms), list[str]()
    for length_ms, name in _SPANS:
        count, left = divmod(left, length_ms)
        if count:
            parts.append(f"{count} {name}" + ("" if count == 1 else "s"))
        if len(parts) == 2:
            break
    return sign + (" ".join(parts) or "0 seconds")
