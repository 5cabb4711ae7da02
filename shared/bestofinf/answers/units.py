"""Units of measurement and how they are spelled."""

from __future__ import annotations

import re

from bestofinf.answers.languages import SCALES

PER = "per|pro|par|por|a|an|al|every|each|je"
"""Words before what an amount is counted by, as a pattern: "$20 per month"."""

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
    "GW": "gigawatt gigawatts",
    "kWh": "kilowatt-hour kilowatt-hours",
    "mA": "milliampere milliamperes",
    "Ω": "ohm ohms",
    "kN": "kilonewton kilonewtons",
    "cal": "calorie calories",
    "kcal": "kilocalorie kilocalories",
    "kPa": "kilopascal kilopascals",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "dB": "decibel decibels",
    "ha": "hectare hectares",
    "acre": "acres",
    "ms": "millisecond milliseconds",
    "nm": "nanometer nanometers nanometre nanometres",
    "bit": "bits",
    "byte": "bytes",
    "kB": "KB kilobyte kilobytes",
    "MB": "megabyte megabytes",
    "GB": "gigabyte gigabytes",
    "TB": "terabyte terabytes",
    "mol": "mole moles",
    "point": "points",
    "pp": "",
    "‰": "permille",
    "%": "\\% percent percentage pct",
    "$": "dollar dollars usd",
    "¢": "cent cents",
    "€": "euro euros eur",
    "£": "gbp",
    "¥": "yen",
    "°": "degree degrees",
    "°C": "celsius",
    "°F": "fahrenheit",
}
# In German, French, Spanish, Italian, Portuguese and Russian. No word of two letters, which may be English.
_ELSEWHERE = {
    "km": "kilometern kilomètre kilomètres kilómetro kilómetros chilometro chilometri quilômetro quilômetros quilómetro"
    " quilómetros километр километра километров",
    "m": "metern mètre mètres metro metros metri метр метра метров",
    "kg": "kilogramm kilo kilos kilogramme kilogrammes kilogramo kilogramos chilogrammo chilogrammi quilograma quilogramas"
    " килограмм килограмма килограммов",
    "s": "sekunde sekunden seconde secondes segundo segundos secondo secondi секунда секунды секунд",
    "min": "minuten minuto minutos minuti минута минуты минут",
    "h": "stunde stunden heure heures hora horas ora ore час часа часов",
    "d": "tag tage tagen jour jours día días dia dias giorno giorni день дня дней",
    "wk": "woche wochen semaine semaines semana semanas settimana settimane неделя недели недель",
    "mo": "monat monate monaten mois mes meses mês mese mesi месяц месяца месяцев",
    "y": "jahr jahre jahren ans année années año años ano anos anno anni год года лет",
    "%": "prozent",
    "$": "dólar dólares dollari доллар доллара долларов",
    "€": "евро",
}
_SYMBOL_OF = {
    spelling: symbol
    for table in (_SPELLINGS, _ELSEWHERE)
    for symbol, spellings in table.items()
    for spelling in (symbol, *spellings.split())
}
_NO_UNIT = frozenset(
    [
        "less",
        "plus",
        "minus",
        "thus",
        "this",
        "is",
        "was",
        "as",
        "its",
        "always",
        "unless",
        "perhaps",
        "times",
        "yes",
    ]
)


def unit_symbol(word: str) -> str:
    """Return the symbol of a unit; empty where the word is none.

    Symbols are told apart by case (mW, MW), spelled-out units are not.
    """
    word = word.strip().rstrip(".")
    return _SYMBOL_OF.get(word) or (_SYMBOL_OF.get(word.lower(), "") if len(word) > 2 else "")


COUNTERS = sorted(
    [
        "公斤",
        "千克",
        "毫克",
        "克",
        "吨",
        "公里",
        "千米",
        "米",
        "厘米",
        "毫米",
        "平方米",
        "平方厘米",
        "立方米",
        "小时",
        "分钟",
        "秒",
        "秒钟",
        "天",
        "周",
        "星期",
        "个月",
        "月",
        "年",
        "岁",
        "元",
        "美元",
        "欧元",
        "日元",
        "人",
        "个",
        "只",
        "页",
        "颗",
        "本",
        "件",
        "袋",
        "升",
        "毫升",
        "度",
        "次",
        "分",
        "块",
        "张",
        "条",
        "辆",
        "棵",
        "双",
        "箱",
        "瓶",
        "杯",
        "盒",
        "台",
        "名",
        "位",
        "支",
        "枝",
        "头",
        "匹",
        "朵",
        "根",
        "片",
        "里",
        "斤",
        "角",
        "円",
        "ドル",
        "時間",
        "分間",
        "秒間",
        "日",
        "日間",
        "週間",
        "か月",
        "ヶ月",
        "歳",
        "冊",
        "枚",
        "個",
        "匹",
        "台",
        "人",
        "回",
        "グラム",
        "キロ",
        "メートル",
        "センチ",
        "リットル",
        "원",
        "개",
        "명",
        "마리",
        "시간",
        "분",
        "초",
        "일",
        "주",
        "달",
        "년",
        "살",
        "권",
        "장",
        "그램",
        "킬로그램",
        "미터",
        "킬로미터",
        "센티미터",
        "리터",
        "달러",
        "번",
    ],
    key=len,
    reverse=True,
)


def counter(word: str) -> str:
    """Return the unit or counter that a Chinese, Japanese or Korean word begins with; else empty."""
    return "" if word.isascii() else next((c for c in COUNTERS if word.startswith(c)), "")


def counted_things(words: str) -> str:
    """Return what is counted, as "apples" in "5 apples"; empty where the words say more."""
    words = " ".join(words.split()).casefold()
    thing = words.removeprefix("square ").removeprefix("cubic ")
    plural = thing.isalpha() and thing.endswith("s") and thing not in _NO_UNIT
    return words if plural and not re.fullmatch(SCALES, thing) else ""
