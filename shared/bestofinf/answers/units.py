"""Units of measurement and how they are spelled."""

from __future__ import annotations

_SPELLINGS = {
    "km": "kilometer kilometers kilometre kilometres",
    "m": "meter meters metre metres",
    "cm": "centimeter centimeters centimetre centimetres",
    "mm": "millimeter millimeters millimetre millimetres",
    "mi": "mile miles",
    "ft": "foot feet",
    "in": "inch inches",
    "yd": "yard yards",
    "kg": "kilogram kilograms",
    "g": "gram grams",
    "mg": "milligram milligrams",
    "lb": "lbs pound pounds",
    "oz": "ounce ounces",
    "t": "ton tons tonne tonnes",
    "L": "l liter liters litre litres",
    "mL": "ml milliliter milliliters millilitre millilitres",
    "s": "sec second seconds",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "wk": "week weeks",
    "mo": "month months",
    "y": "yr yrs year years",
    "gal": "gallon gallons",
    "mph": "mi/h",
    "km/h": "kmh kph",
    "m/s": "",
    "W": "watt watts",
    "mW": "milliwatt milliwatts",
    "kW": "kilowatt kilowatts",
    "MW": "megawatt megawatts",
    "V": "volt volts",
    "A": "ampere amperes amp amps",
    "N": "newton newtons",
    "J": "joule joules",
    "kJ": "kilojoule kilojoules",
    "Pa": "pascal pascals",
    "Hz": "hertz",
    "K": "kelvin",
    "rad": "radian radians",
    "%": "\\% percent pct",
    "$": "dollar dollars usd",
    "¢": "cent cents",
    "€": "euro euros eur",
    "£": "gbp",
    "¥": "yen",
    "°": "degree degrees",
}
_SYMBOL_OF = {
    spelling: symbol
    for symbol, spellings in _SPELLINGS.items()
    for spelling in (symbol, *spellings.split())
}
_NO_UNIT = frozenset(["less", "plus", "minus", "thus", "this", "is", "was", "as", "its", "always"])


def unit_symbol(word: str) -> str:
    """Return the symbol of a unit; empty where the word is none.

    Symbols are told apart by case (mW, MW), spelled-out units are not.
    """
    word = word.strip().rstrip(".")
    return _SYMBOL_OF.get(word) or (_SYMBOL_OF.get(word.lower(), "") if len(word) > 2 else "")


def counted_things(words: str) -> str:
    """Return what is counted, as "apples" in "5 apples"; empty where the words say more."""
    words = " ".join(words.split()).casefold()
    thing = words.removeprefix("square ").removeprefix("cubic ")
    plural = thing.isalpha() and thing.endswith("s") and thing not in _NO_UNIT
    return words if plural else ""
