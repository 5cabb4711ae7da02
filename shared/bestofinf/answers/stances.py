"""Whose answer it is: words that make what is announced another's, an earlier one, or a wrong one.

"The wrong answer is B", "They say the answer is B" and "I first thought B" name B and do not
choose it. What qualifies an answer in English must be known to leave it the answer; in other
languages it must not be a word that is known to take it back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bestofinf.answers.conditions import CONDITIONS, word_pattern
from bestofinf.answers.languages import NEGATION

WINDOW = 120
"""Characters before an announcement that can belong to its clause."""

_SAYING = (
    r"say|says|said|saying|think|thinks|thought|believes?|believed|claim(?:s|ed)?|guess(?:es|ed)?|argue[sd]?"
    r"|assume[sd]?|answer(?:s|ed)?|suggest(?:s|ed)?|insist(?:s|ed)?|wrote|writes?|told|picks?|picked|choose[s]?|chose|selects?"
    r"|selected|maintain(?:s|ed)?|feels?|felt|holds?|held|votes?|voted|prefers?|preferred|propose[sd]?|expect(?:s|ed)?"
)
_OTHERS = (
    r"they|he|she|you|people|some|many|most|others?|someone|somebody|some\s+people|every(?:one|body)|no\s?(?:one|body)|nobody"
    r"|one|students?|users?|teachers?|friends?|experts?|critics|models?|candidates?|\w+[’']s|\w+\s+of\s+(?:them|us|you)"
)
_HELPING = r"(?:\w+ly\s+|might\s+|would\s+|may\s+|could\s+|can\s+|will\s+|often\s+|also\s+|have\s+|has\s+|had\s+|all\s+|now\s+|first\s+){0,3}"
_ENGLISH = (
    rf"(?:{_OTHERS})\s+{_HELPING}(?:{_SAYING})|i\s+{_HELPING}(?:thought|said|guessed|assumed|answered|picked|chose|selected"
    r"|supposed|felt|voted)|(?:first|second|third)\s+(?:thought|guess\w*|choice|pick\w*|instinct|impression|best|answer\w*|think"
    r"|believ\w*|assum\w*)|wrong\w*|incorrect\w*|false\w*|mistake\w*|untrue|invalid|bogus"
    r"|(?<!no\s)(?<!without\s)(?<!without\sa\s)doubt\w*|unlikely|improbable|least\s+(?:likely|probable|plausible)|worst"
    r"|opposite\s+of(?=\W*$)|tempt\w*|(?:their|his|her|your|\w+[’']s)\s+(?:\w+\s+)?(?:answer|choice|guess|pick|option)|trap"
    r"|distractors?|misconceptions?|ruled\s+out|common\s+(?:answer|guess|choice|mistake)"
    r"|(?:not|\w*n[’']t|never)\s+(?:think|believe|say|said|agree|true|clear|certain|sure|mean|correct|right|the\s+case|likely|possible)"
    r"|hypothe\w+|would\s+have|alleged\w*|supposedly|pretend\w*"
)
_WRONG = {
    "en": _ENGLISH,
    "de": "falsch\\w*|unrichtig\\w*|inkorrekt\\w*|verkehrt\\w*|angeblich\\w*|vermeintlich\\w*|unwahrscheinlich\\w*"
    "|schlechteste\\w*|zweitbeste\\w*|sagen|sagt|sagten?|behaupt\\w*|mein(?:en|t|ten|te)|glaub(?:en|t|te|ten)|dach(?:te|ten)"
    "|denk(?:en|t)|hielt\\w*|\\w*zweif\\w+",
    "fr": "faux|fausse\\w*|mauvaise?s?|incorrecte?s?|erronée?s?|inexacte?s?|disent|dit|disait|pens(?:ent|ait|ais|aient|é)"
    "|croi(?:ent|t)|croyai\\w*|prétend\\w*|affirm\\w+|improbable\\w*|pires?|moins\\s+probable|doute\\w*",
    "es": "incorrect[oa]s?|equivocad[oa]s?|fals[oa]s?|err[óo]ne[oa]s?|mal[oa]s?|errad[oa]s?|dicen|dice|dij\\w+|piensan?|pensé"
    "|pensaba\\w*|pensó|cre(?:en|í|ía\\w*)|afirma\\w*|peor|improbable|menos\\s+probable|dud[oa]\\w*",
    "it": "sbagliat\\w*|errat\\w*|fals\\w+|scorrett\\w*|incorrett\\w*|dicono|dice|disse\\w*|pensano|pensavo|pensato|pensa"
    "|credono|credevo|crede|sostengono|afferm\\w+|peggiore|improbabile|meno\\s+probabile|dubit\\w+",
    "pt": "errad\\w*|incorret\\w*|fals\\w+|equivocad\\w*|dizem|diz|disse\\w*|pensam?|pensei|pensava\\w*|acham?|achei|achava"
    "|acreditam?|afirma\\w*|pior|improvável|menos\\s+provável|duvid\\w+",
    "nl": "fout\\w*|verkeerd\\w*|onjuist\\w*|incorrect\\w*|onwaar|zeggen|zegt|zei\\w*|denken|denkt|dacht\\w*|beweren|beweert"
    "|slechtste|onwaarschijnlijk\\w*|betwijfel\\w*",
    "ru": "неверн\\w*|неправильн\\w*|ошибочн\\w*|ложн\\w*|говорят|говорит|сказал\\w*|думают|думает|думал\\w*|считают|считает"
    "|считал\\w*|утвержда\\w*|худш\\w*|маловероятн\\w*|сомнева\\w+",
    "sv": "fel\\w*|inkorrekt\\w*|säger|trodde",
    "da": "forkert\\w*|ukorrekt\\w*|siger|troede",
    "fi": "väär\\w+|virheelli\\w+|sanovat|luulin",
    "pl": "błędn\\w*|nieprawidłow\\w*|niepoprawn\\w*|fałszyw\\w*|zł[aey]|mówią|myślał\\w*",
    "cs": "špatn\\w*|nesprávn\\w*|chybn\\w*|nespravn\\w*|říkají|myslel\\w*",
    "hu": "hibás|rossz|helytelen|téves|mondják|azt hittem",
    "ro": "greșit\\w*|gresit\\w*|incorect\\w*|fals\\w*|spun|credeam",
    "el": "λάθος|λανθασμέν\\w*|εσφαλμέν\\w*|λένε",
    "tr": "yanlış\\w*|hatalı|diyorlar",
    "uk": "неправильн\\w*|хибн\\w*|помилков\\w*|невірн\\w*|кажуть|думав|думала",
    "bg": "грешн\\w*|неправилн\\w*|неверн\\w*|казват",
    "ar": "الخاطئة|خاطئ\\w*|الخطأ|غير|يقول\\w*|قال\\w*|ظن\\w*|اعتقد\\w*|ظننت",
    "fa": "نادرست|غلط|اشتباه|می‌گویند",
    "ur": "غلط",
    "he": "שגוי\\w*|השגויה|אומרים",
    "hi": "गलत|ग़लत|कहते|कहता|सोचा",
    "mr": "चुकीचे|चुकीचं|चूक",
    "bn": "ভুল",
    "te": "తప్పు",
    "ta": "தவறான",
    "vi": "sai|họ nói|họ bảo",
    "id": "salah|keliru|kata mereka|mereka (?:bilang|berkata|mengatakan)|katanya",
    "tl": "maling|mali|sabi nila",
    "sw": "mbaya|kosa|isiyo",
    "zh": "错|錯|误|誤|不正确|不正確|(?:他们|他們|她们|他|她|有人|大家|人们|人們|别人|別人|[许很]多人|学生|學生)[都也还]?(?:说|說|认为|認為|觉得|覺得|以为|以為|猜)"
    "|常见错|常見錯|最差|干扰|怀疑|懷疑",
    "ja": "間違|誤|違|不$|不正解|と思った|と思って|と言う|と言って|と言われ",
    "ko": "오$|오답|틀린|틀렸|잘못|라고\\s?(?:말|했|생각했)",
    "th": "ผิด|พวกเขาบอก",
}  # fmt: skip
_EARLIER = {
    "en": "used to|at first|previous\\w*|initial\\w*|originally|original (?:answer|guess|choice)|earlier|formerly|whether",
    "de": "vorherig\\w*|vorige\\w*|frühere?\\w*|ursprünglich\\w*|zuerst|anfangs|ob",
    "fr": "précédente?s?|initiale?s?|initialement|d['’]abord|au début|auparavant|leurs?",
    "es": "anterior\\w*|inicial\\w*|primero|al principio|antes",
    "it": "precedent\\w*|inizial\\w*|all['’]inizio",
    "pt": "anterior\\w*|inicial\\w*|no início|antes",
    "nl": "hun|vorige?|eerdere?|aanvankelijk\\w*|eerst",
    "ru": "их|предыдущ\\w*|прежн\\w*|первоначальн\\w*|изначальн\\w*|сначала|сперва|раньше",
    "ar": "السابق\\w*", "hi": "पिछला|पहले", "vi": "lúc đầu", "id": "awalnya",
    "zh": "之前的|先前|原来|原來|最初|一开始|一開始|起初",
    "ja": "以前の|前の|最初|はじめ",
    "ko": "이전|처음",
}  # fmt: skip
_OWN = re.compile(
    r"final|correct|right|best|simplest|exact|numerical|numeric|short|shortest|only|likely|probable"
    r"|expected|overall|requested|required|desired|complete|full|simplified|closest|nearest"
    r"|approximate|rounded|actual|true|proper|appropriate|accurate|single|definitive|ultimate|direct"
    r"|quick|brief|concise|revised|corrected|updated|official|accepted|preferred|verified|optimal"
    r"|plausible|chosen|selected|most|more|very|multiple|choice|decimal|integer|fractional|simple"
    r"|unique|total|resulting|computed|calculated|derived|consistent|logical|obvious|clear|suitable"
    r"|valid|general|specific|main|new|current|whole|mathematical|symbolic|literal|precise|text|boxed"
    r"|formatted|winning"
)
"""English words that leave an answer what it is; any other between article and noun may not."""
_DETERMINERS = frozenset({"the", "my", "our", "this", "that", "its", "a", "an", "is", "as"})
_LEADING = re.compile(
    r"so|thus|therefore|hence|then|and|finally|now|here|ok|okay|yes|well|also|again|overall"
    r"|consequently|accordingly|step|solution|conclusion|result|problem|question|q|exercise|part|task"
)
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?|[\d.]+")
_CLAUSE = re.compile(
    r"[,.;:!?\n—–|，。；：！？、$]|(?<!\w)(?:but|so|therefore|thus|hence|and|while|because|since|yet|however|where|then|sondern|aber"
    r"|mais|donc|sino|pero|quindi|mas|maar|dus|но|поэтому|also|daher)(?!\w)|而是|但|因此|所以",
    re.I,
)


_PLAIN = re.compile(
    r"(?:^|[.,;!?\n])\s{0,3}(?:so\s(?:that\s)?|thus\s|therefore\s|hence\s)?the\s(?:final\s|correct\s)?\Z",
    re.I,
)
"""The commonest words before "answer", read quickly; "^" is the beginning of a reply."""

_IN = {
    code: re.compile(
        word_pattern(
            code, "|".join(filter(None, (words, _EARLIER.get(code), CONDITIONS.get(code))))
        ),
        re.I,
    )
    for code, words in _WRONG.items()
}
TAKEN_BACK = re.compile("|".join(pattern.pattern for pattern in _IN.values()), re.I)
"""What takes an answer back, in any of the languages."""

_DISOWNED = {code: re.compile(word_pattern(code, words), re.I) for code, words in _WRONG.items()}
_DISOWNED_ANYWHERE = re.compile("|".join(p.pattern for p in _DISOWNED.values()), re.I)

RETRACTS = re.compile(
    r"\s*(?:(?:but\s+)?(?:(?:that|this)(?:\s+one)?|it|which|das|ce|c['’]|eso|esto|ciò)\s*(?:['’]s|is|was|would\s+be|ist|war|est|es)\s+"
    r"(?:clearly\s+|obviously\s+|all\s+)?)?"
    r"(?:no|nope|wrong|incorrect|false|mistaken|a\s+mistake|an\s+error|not\s+(?:right|correct|true|it)|falsch|nicht\s+richtig|faux"
    r"|nein|non|incorrecto|falso|errado|sbagliato|but\s+no|wait|correction|edit|scratch\s+that|sorry|oops|(?:actually|hmm+),?\s+(?:no|wait)"
    r"|let\s+me\s+(?:re)?check(?:\s+again)?"
    r"|(?:they|people|some|he|she|you|many|others)\s+(?:say|said|think|thought|claim\w*|says)"
    r"|(?:i|i\s+first)\s+(?:thought|guessed|said)|sagen\s+sie|disent-ils)(?:\s+at\s+first|\s+initially|\s+wait)?\s*(?=[,.;:!?—–-]|$)",
    re.I,
)
"""A clause that takes back the one before."""


def is_own(text: str, start: int, mark: str) -> bool:
    """Return whether an English announcement that begins at a place gives the speaker's answer.

    Args:
        text: The reply.
        start: Where the announcement begins.
        mark: The announcement: "Your answer:" is a heading, "your answer is" is not.
    """
    if _PLAIN.search(text, max(0, start - 24), start):
        return True
    clause = _clause(text, start)
    words = [word[0].lower() for word in _WORD.finditer(clause)]
    place = len(words)
    while place and _leaves(words, place - 1):
        place -= 1
    if place == 0:
        return True
    last = words[place - 1]
    if last == "your" and place == 1 and mark.rstrip("*_ ")[-1:] in (":", "："):
        return True
    if last == "my" and place == len(words) and re.search(r"\bwas\b", mark, re.I):
        return False
    if place == 1 and last in _DETERMINERS:
        return True
    if last not in _DETERMINERS and not _LEADING.fullmatch(last):
        heads = words[max(0, place - 4) : place - 1]
        if (
            place <= 2
            or "'" in last.replace("’", "'")
            or last in ("their", "his", "her", "your", "whose")
            or not _DETERMINERS.isdisjoint(heads)
        ):
            return False
    return _IN["en"].search(clause) is None and not re.search(
        r"(?<!\w)(?:not|never|n[’']t)(?:\s+\w+){0,2}\s*$", clause, re.I
    )


def disowns(text: str, code: str | None) -> bool:
    """Return whether words say of what stands among them that it is wrong, or what others say.

    Args:
        text: The words.
        code: Of their language; None where it is not known.
    """
    pattern = _DISOWNED_ANYWHERE if code is None else _DISOWNED.get(code)
    return pattern is not None and pattern.search(text) is not None


def takes_back(text: str, code: str) -> bool:
    """Return whether a short reply in a language leaves what it names to others, or denies it."""
    pattern = _IN.get(code)
    return pattern is not None and pattern.search(text) is not None


def _leaves(words: Sequence[str], place: int) -> bool:
    """Return whether a word before "answer" leaves it what it is."""
    word = words[place]
    if word in ("possible", "plausible", "reasonable"):
        return place > 0 and words[place - 1] in ("only", "best", "most")
    return _OWN.fullmatch(word) is not None or word[0].isdigit()


def is_taken_back(text: str, start: int, words: str, codes: Sequence[str]) -> bool:
    """Return whether an announcement in another language gives no answer of the speaker.

    Args:
        text: The reply.
        start: Where the noun begins.
        words: What stands between the noun and its verb or colon.
        codes: Of the languages whose it may be.
    """
    clause = _clause(text, start)
    patterns = [_IN[code] for code in codes if code in _IN]
    if any(pattern.search(clause) or pattern.search(words) for pattern in patterns):
        return True
    return NEGATION.search(" ".join(clause.lower().split()[-2:])[-16:]) is not None


def _clause(text: str, end: int) -> str:
    """Return what stands before a place in its clause."""
    before = text[max(0, end - WINDOW) : end]
    before = before[max(before.rfind(". "), before.rfind("\n")) + 1 :]  # quickly
    return _CLAUSE.split(before)[-1]
