"""Units and currencies: which of them measure the same, and by how much.

Names of units are those of CLDR. Only exact conversions stand here: a month is no number of days.
"""

from __future__ import annotations

from fractions import Fraction

_SAME = """
    seconds duration-second 1
    seconds duration-millisecond 1/1000
    minutes duration-minute 1
    minutes duration-hour 60
    days duration-day 1
    days duration-week 7
    months duration-month 1
    months duration-quarter 3
    months duration-year 12
    months duration-decade 120
    months duration-century 1200
    meters length-kilometer 1000
    meters length-meter 1
    meters length-decimeter 1/10
    meters length-centimeter 1/100
    meters length-millimeter 1/1000
    meters length-micrometer 1/1000000
    meters length-nanometer 1/1000000000
    miles length-mile 1
    feet length-foot 1
    inches length-inch 1
    yards length-yard 1
    nautical-miles length-nautical-mile 1
    light-years length-light-year 1
    grams mass-tonne 1000000
    grams mass-kilogram 1000
    grams mass-gram 1
    grams mass-milligram 1/1000
    grams mass-microgram 1/1000000
    tons mass-ton 1
    pounds-of-mass mass-pound 1
    ounces mass-ounce 1
    carats mass-carat 1
    square-meters area-square-kilometer 1000000
    square-meters area-hectare 10000
    square-meters area-square-meter 1
    square-meters area-square-centimeter 1/10000
    square-miles area-square-mile 1
    square-feet area-square-foot 1
    acres area-acre 1
    liters volume-cubic-meter 1000
    liters volume-hectoliter 100
    liters volume-liter 1
    liters volume-deciliter 1/10
    liters volume-centiliter 1/100
    liters volume-milliliter 1/1000
    liters volume-cubic-centimeter 1/1000
    cubic-kilometers volume-cubic-kilometer 1
    cubic-feet volume-cubic-foot 1
    gallons volume-gallon 1
    pints volume-pint 1
    cups volume-cup 1
    barrels volume-barrel 1
    meters-a-second speed-meter-per-second 1
    kilometers-an-hour speed-kilometer-per-hour 1
    miles-an-hour speed-mile-per-hour 1
    knots speed-knot 1
    celsius temperature-celsius 1
    fahrenheit temperature-fahrenheit 1
    kelvin temperature-kelvin 1
    watts power-gigawatt 1000000000
    watts power-megawatt 1000000
    watts power-kilowatt 1000
    watts power-watt 1
    watts power-milliwatt 1/1000
    horsepower power-horsepower 1
    watt-hours energy-kilowatt-hour 1000
    joules energy-kilojoule 1000
    joules energy-joule 1
    calories energy-kilocalorie 1000
    volts electric-volt 1
    amperes electric-ampere 1
    amperes electric-milliampere 1/1000
    ohms electric-ohm 1
    hertz frequency-gigahertz 1000000000
    hertz frequency-megahertz 1000000
    hertz frequency-kilohertz 1000
    hertz frequency-hertz 1
    pascals pressure-megapascal 1000000
    pascals pressure-kilopascal 1000
    pascals pressure-hectopascal 100
    pascals pressure-pascal 1
    bars pressure-bar 1
    bars pressure-millibar 1/1000
    pounds-per-square-inch pressure-pound-force-per-square-inch 1
    newtons force-newton 1
    kilobytes digital-kilobyte 1
    megabytes digital-megabyte 1
    gigabytes digital-gigabyte 1
    terabytes digital-terabyte 1
    bits digital-bit 1
    bytes digital-byte 1
    pixels graphics-pixel 1
    megapixels graphics-megapixel 1
    degrees angle-degree 1
    radians angle-radian 1
    lumens light-lumen 1
    lux light-lux 1
    % concentr-percent 1
    ‰ concentr-permille 1
    points - 1
    business-days - 1
    times - 1
    """

MEASURES: dict[str, tuple[str, Fraction]] = {
    name: (symbol, Fraction(factor))
    for symbol, name, factor in (line.split() for line in _SAME.strip().splitlines())
    if name != "-"
}
"""What a unit is counted in, and how many of these it is, by its name in CLDR."""

BASES = frozenset(line.split()[0] for line in _SAME.strip().splitlines())
"""What is counted in, as written in keys."""

_SYMBOLS = """
    duration-hour h hr hrs
    duration-minute min mins
    duration-second s sec secs
    duration-millisecond ms
    length-kilometer km
    length-meter m
    length-decimeter dm
    length-centimeter cm
    length-millimeter mm
    length-micrometer µm μm
    length-nanometer nm
    length-mile mi
    length-foot ft
    length-yard yd
    mass-kilogram kg kilo kilos
    mass-gram g
    mass-milligram mg
    mass-microgram µg μg mcg ug
    mass-tonne t
    mass-pound lb lbs
    mass-ounce oz
    volume-liter l
    volume-deciliter dl
    volume-centiliter cl
    volume-milliliter ml
    area-square-meter m² m2 sqm
    area-square-centimeter cm²
    area-square-kilometer km²
    area-hectare ha
    volume-cubic-meter m³ m3
    volume-cubic-centimeter cm³
    speed-kilometer-per-hour km/h kmh kph
    speed-meter-per-second m/s
    speed-mile-per-hour mph mi/h
    temperature-celsius °c ℃ celsius
    temperature-fahrenheit °f ℉ fahrenheit
    temperature-kelvin k kelvin
    power-watt w
    power-kilowatt kw
    power-gigawatt gw
    energy-kilowatt-hour kwh
    energy-joule j
    energy-kilojoule kj
    energy-kilocalorie kcal
    electric-volt v
    electric-ampere a
    electric-milliampere ma
    electric-ohm ω
    frequency-hertz hz
    frequency-kilohertz khz
    frequency-megahertz mhz
    frequency-gigahertz ghz
    pressure-pascal pa
    pressure-hectopascal hpa
    pressure-kilopascal kpa
    pressure-bar bar
    pressure-millibar mbar
    pressure-pound-force-per-square-inch psi
    force-newton n
    digital-kilobyte kb
    digital-megabyte mb
    digital-gigabyte gb
    digital-terabyte tb
    graphics-pixel px
    graphics-megapixel mp
    light-lumen lm
    light-lux lx
    concentr-percent %
    concentr-permille ‰
    angle-degree °
    """

SYMBOLS = {
    symbol: unit
    for unit, *symbols in (line.split() for line in _SYMBOLS.strip().splitlines())
    for symbol in symbols
}
"""Units by their symbols, in small letters; the same in every language."""

CASED = {
    "mW": "power-milliwatt", "MW": "power-megawatt", "mPa": "", "MPa": "pressure-megapascal",
    "Mm": "", "mg": "mass-milligram", "Mg": "",
}  # fmt: skip
"""Symbols that mean another unit, or none that is known, where their letters are large or small."""

CAPITALS = frozenset(
    [
        "L",
        "mL",
        "dL",
        "cL",
        "K",
        "W",
        "kW",
        "KW",
        "GW",
        "V",
        "A",
        "mA",
        "N",
        "J",
        "kJ",
        "Hz",
        "kHz",
        "KHz",
        "MHz",
        "GHz",
        "Pa",
        "hPa",
        "kPa",
        "KB",
        "kB",
        "MB",
        "GB",
        "TB",
        "PSI",
        "Km",
        "KM",
        "Kg",
        "KG",
        "CM",
        "kWh",
        "KWh",
        "KWH",
        "MP",
    ]
)
"""Symbols of at most three letters with capitals; any other with a capital is no unit."""

CURRENCIES = (
    "USD", "EUR", "GBP", "JPY", "CNY", "CHF", "INR", "KRW", "RUB", "BRL", "CAD", "AUD", "MXN",
    "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "TRY", "ILS", "ZAR", "SGD", "HKD", "NZD", "THB",
)  # fmt: skip
"""Codes of currencies, ISO 4217."""

SIGNS = {
    "$": "USD", "us$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW",
    "₽": "RUB", "r$": "BRL", "ca$": "CAD", "c$": "CAD", "a$": "AUD", "au$": "AUD", "₺": "TRY",
    "₪": "ILS", "zł": "PLN", "kč": "CZK", "元": "CNY", "円": "JPY", "￥": "JPY", "fr.": "CHF",
    "hk$": "HKD", "nz$": "NZD", "s$": "SGD", "฿": "THB", "dollar": "USD", "dollars": "USD",
    "euro": "EUR", "euros": "EUR", "pound": "GBP", "pounds": "GBP", "yen": "JPY", "yuan": "CNY",
    "rmb": "CNY", "pounds sterling": "GBP", "us dollar": "USD", "us dollars": "USD",
}  # fmt: skip
"""Signs and everyday names of currencies, in every language; a pound after a price is money."""

SIGN_OF = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
"""Currencies that are written with a sign in a normal form, as everywhere in this package."""
