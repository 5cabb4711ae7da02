"""The words by which replies in many languages announce, conclude, deny and compare.

A language that is not in the table announces nothing: its replies vote where they are boxed or
nothing but an answer. English has patterns of its own in `finding`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """Words of one language, parted by bars; a blank may be any white space.

    Attributes:
        answer: Nouns for the answer, in the forms that announce it.
        be: What stands between the noun and the answer; a colon always may.
        so: What begins a conclusion.
        guard: What changes or denies a number beside it: a sentence with one has no plain value.
        common: Words by which a text of this language is known among those in its script.
        blanks: Whether words are set apart by blanks.
    """

    answer: str
    be: str = ""
    so: str = ""
    guard: str = ""
    common: str = ""
    blanks: bool = True


LETTER = "[\\w\u0300-\u036f\u0900-\u0dff]"
"""What belongs to a word: letters, digits, and the vowel signs of Indian scripts."""

LANGUAGES = {
    "en": Language(  # announces by patterns of its own, see `finding`
        "",
        "",
        "so|thus|therefore|hence|in conclusion|in total|altogether|consequently|finally|overall"
        "|conclusion|we find that|we get|this means|it follows that",
        "not|no|never|neither|nor|cannot|\\w+n[’']t|without|than|least|most|over|under|above|below"
        "|about|around|approximately|roughly|nearly|almost|between|up to|within|except|or|either"
        "|unless|(?<!equal\\s)(?<!equals\\s)to(?=\\s+[$*]*\\d)|half|twice|double|triple|times|more|less|fewer|minus|plus|only if|if|wrong|incorrect|needs?\\s+to"
        "|such\\s+that|suppose|assume|assuming|claims?|claimed",
        common="the|is|and|that|there|are|this|with|have|has|we|it|for|answer|result",
    ),
    "de": Language(
        "antwort",
        "ist|lautet|wäre|sind|lauten|war",
        "also|daher|deshalb|deswegen|somit|folglich|demnach|damit|insgesamt|fazit|schließlich",
        "nicht|kein\\w*|weder|auf|nie|niemals|als|mindestens|höchstens|über|unter|fast|etwa|ungefähr"
        "|circa|ca|rund|bis|zwischen|oder|außer|ohne|halb\\w*|doppelt\\w*|mal|mehr|weniger|wenn|falls",
        common="der|die|das|und|ist|ein|eine|wir|zu|den|mit|hat|sind",
    ),
    "fr": Language(
        "réponse|reponse",
        "est|serait|sera|sont|était",
        "donc|ainsi|par conséquent|en conclusion|finalement|alors|au total|conclusion",
        "ne|n[’']\\w+|pas|ni|aucun\\w*|jamais|plus|moins|environ|presque|près|entre|ou|jusqu\\w*"
        "|sauf|sans|à(?=\\s+\\d)|à peu près|fois|moitié|double|si|autour",
        common="le|les|est|et|des|une|il|du|dans|nous|pour|elle|au",
    ),
    "es": Language(
        "respuesta",
        "es|sería|será|son|era",
        "por lo tanto|por tanto|entonces|así que|así|en total|en conclusión|luego|finalmente"
        "|conclusión",
        "no|ni|nunca|ning\\w+|más|menos|mínimo|máximo|aproximadamente|casi|cerca|entre|o|u|hasta"
        "|salvo|sin|a(?=\\s+\\d)|unos|unas|alrededor|mitad|doble|veces|si",
        common="el|los|es|y|las|una|para|tiene|del|con|hay",
    ),
    "it": Language(
        "risposta",
        "è|e'|sarebbe|sarà|sono|era",
        "quindi|dunque|perciò|pertanto|in totale|in conclusione|infine|allora|conclusione",
        "non|né|mai|nessun\\w*|più|meno|almeno|massimo|minimo|circa|quasi|tra|fra|o|oppure|fino"
        "|metà|doppio|volte|se|senza|a(?=\\s+\\d)",
        common="il|è|di|che|gli|della|ha|sono|del|nel|quindi",
    ),
    "pt": Language(
        "resposta",
        "é|seria|será|são|era",
        "portanto|logo|assim|então|por isso|no total|em conclusão|por fim|conclusão",
        "não|nem|nunca|nenhum\\w*|mais|menos|mínimo|máximo|cerca|quase|aproximadamente|entre|ou"
        "|até|a(?=\\s+\\d)|para(?=\\s+\\d)|metade|dobro|vezes|se|sem",
        common="os|é|uma|são|tem|com|dos|da|do|das|há",
    ),
    "nl": Language(
        "antwoord",
        "is|luidt|zou|zijn|was",
        "dus|daarom|derhalve|in totaal|kortom|ten slotte|conclusie",
        "niet|geen|noch|nooit|dan|minstens|hoogstens|ongeveer|bijna|circa|tussen|of|tot|minste"
        "|meer|minder|helft|keer|als|zonder",
        common="het|een|van|zijn|heeft|er|met|hij|voor",
    ),
    "sv": Language("svar|svaret", "är|blir|vore"),
    "da": Language("svar|svaret", "er|bliver|var"),
    "fi": Language("vastaus", "on|olisi"),
    "pl": Language("odpowiedź|odpowiedzią", "to|jest|brzmi"),
    "cs": Language("odpověď|odpoveď", "je|zní|znie"),
    "hu": Language("válasz|a válasz"),
    "ro": Language("răspuns|răspunsul|raspuns|raspunsul", "este|e|ar fi"),
    "el": Language("απάντηση", "είναι"),
    "tr": Language("cevap|yanıt|cevabı|cevabımız", ""),
    "ru": Language(
        "ответ",
        "равен|равна|равно|составляет|такой|это|—|–",
        "итак|таким образом|следовательно|поэтому|значит|итого|в итоге|вывод",
        "не|нет|ни|никогда|более|менее|больше|меньше|минимум|максимум|около|почти|примерно"
        "|приблизительно|между|или|до|кроме|без|половина|вдвое|раз|раза|если|свыше|ровно ли",
    ),
    "uk": Language("відповідь", "дорівнює|становить|це|—|–"),
    "bg": Language("отговор|отговорът", "е|ще бъде"),
    "ar": Language(
        "الإجابة|إجابة|الاجابة|اجابة|الجواب|جواب",
        "هي|هو|هى",
        "لذا|لذلك|إذن|إذا|وبالتالي|بالتالي|وهكذا|ومن ثم|في النهاية|ختاما|الخلاصة",
        "ليس|ليست|لا|لم|لن|ما|أكثر|اكثر|أقل|اقل|حوالي|تقريبا|بين|أو|او|حتى|إلا|دون|بدون|نصف|ضعف"
        "|مرات|إن|لو|على الأقل|غير",
    ),
    "fa": Language("پاسخ|جواب", "است|برابر است با"),
    "ur": Language("جواب", "ہے|یہ ہے"),
    "he": Language("תשובה|התשובה", "היא|הוא"),
    "hi": Language(
        "उत्तर|जवाब",
        "होगा|यह है",
        "इसलिए|अतः|अत|तो|इस प्रकार|इस तरह|कुल मिलाकर|निष्कर्ष",
        "नहीं|न|मत|ना|अधिक|ज़्यादा|ज्यादा|कम|लगभग|करीब|क़रीब|बीच|या|तक|सिवाय|बिना|आधा|आधे|दोगुना|गुना|यदि|अगर|से",
    ),
    "mr": Language("उत्तर", "आहे"),
    "bn": Language("উত্তর|জবাব", "হল|হলো|হবে|হচ্ছে"),
    "te": Language("సమాధానం|జవాబు"),
    "ta": Language("பதில்|விடை"),
    "th": Language("คำตอบ", "คือ|เป็น", blanks=False),
    "vi": Language(
        "đáp án|câu trả lời|trả lời|đáp số|dap an|tra loi",
        "là",
        "vậy|do đó|vì vậy|vì thế|tóm lại|kết luận|tổng cộng|như vậy",
        "không|chẳng|chưa|hơn|ít|nhiều|khoảng|gần|giữa|hoặc|hay|đến|trừ|nửa|gấp|lần|nếu|tối",
        common="là|của|và|có|các|một|được|những",
    ),
    "id": Language(
        "jawaban|jawabannya|jawapan|jawapannya",
        "adalah|ialah|yaitu",
        "jadi|oleh karena itu|maka|dengan demikian|kesimpulannya|kesimpulan|totalnya",
        "tidak|bukan|tak|lebih|kurang|sekitar|hampir|kira-kira|antara|atau|hingga|sampai|kecuali"
        "|tanpa|setengah|kali|jika|paling|belum",
        common="yang|dan|adalah|ini|itu|dari|dengan|untuk|memiliki",
    ),
    "tl": Language("sagot", "ay"),
    "sw": Language("jibu", "ni"),
    "yo": Language("ìdáhùn|idáhùn|idahun|àdáhùn|àmọ̀nà|ànúgọ|àṣàyàn", "ni|jẹ́|jẹ"),
    "ha": Language("amsa|amsar", "ita ce|shi ne|ce|ne"),
    "ig": Language("azịza|aziza", "bụ"),
    "zu": Language("impendulo", "ithi"),
    "zh": Language(
        "答案|答复|答覆|答曰|答|解答",
        "应该是|應該是|应为|應為|就是|便是|应是|是|为|為|选|選",
        "因此|所以|于是|於是|故|综上|綜上|总之|總之|结论|結論|由此|可见|最终|最後|最后|总共|一共",
        "不|没|沒|非|超过|超過|至少|至多|最多|最少|以上|以下|多于|多於|少于|少於|大于|大於|小于|小於"
        "|高于|低于|大约|大約|约|約|近|几乎|左右|之间|之間|或|除了|一半|倍|增加|减少|減少|增至|降至|(?<!得)到|如果|若|未",
        blanks=False,
    ),
    "ja": Language(
        "答え|答|回答|解答|正解",
        "は",
        "よって|したがって|従って|つまり|ゆえに|だから|それで|結局|結論|以上より|合計",
        "ない|ません|なく|以上|以下|未満|超|約|およそ|ほぼ|程度|くらい|ぐらい|より|または|あるいは|もし"
        "|半分|倍|少なくとも|間|除|増|減",
        blanks=False,
    ),
    "ko": Language(
        "정답|답변|대답|답|해답",
        "은|는|이",
        "따라서|그러므로|그래서|결국|결론|즉|고로",
        "아[니닙닌님]|않|없|못|이상|이하|미만|초과|약|대략|거의|정도|보다|또는|혹은|사이|절반|반|배|만약|적어도|최대|최소|증가|감소",
        blanks=False,
    ),
}  # fmt: skip

VERB_LAST = frozenset(["bn", "fa", "hi", "mr", "ta", "te", "tr", "ur"])
"""Languages whose sentence may set the answer right behind the noun, and the verb behind both."""

COMMA_DECIMALS = frozenset(
    [
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "es",
        "fi",
        "fr",
        "hu",
        "id",
        "it",
        "nl",
        "pl",
        "pt",
        "ro",
        "ru",
        "sv",
        "tr",
        "uk",
        "vi",
    ]
)
"""Languages that write 1.234,5: in them neither 1.234 nor 1,234 says which number it is."""

NEGATION = re.compile(
    rf"(?<!{LETTER})(?:nicht|kein\w*|ne|n[’']\w+|pas|no|non|não|nao|niet|geen|not|не|нет|ні|لا|ليس\w*|غير|नहीं"
    r"|không|bukan|tidak|inte|ikke|ei|nie|není|nem|nu|δεν|değil|לא|نہیں|نیست|নয়|না|కాదు|இல்லை|hindi"
    rf"|sio|si|nne|ba)(?!{LETTER})|不|没|沒|非|ない|ません|なく|아[니닙닌님]|않|ไม่"
)
"""What denies an announcement, before its verb or after."""

BECAUSE = re.compile(
    r"(?:[,，、]|(?<!\s))\s+(?:weil|denn|da|car|parce\s+que?|puisque|porque|pues|ya\s+que|perché|poiché|pois|já\s+que"
    r"|omdat|want|потому|так\s+как|поскольку|لأن\w*|क्योंकि|vì|karena|eftersom|ponieważ|protože|çünkü)\s"
    r"|[，,。、；;]?\s?(?:因为|因為|由于|由於|なぜなら|왜냐하면)"
)
"""Where an answer ends and its reason begins."""

SCALES = (
    r"\s?[万萬亿億兆千百十만억조천多余餘几幾数數打]|\s?(?:ダース|[분分]의|分の)|[-\s]*(?:hundred|thousand|[mb]illion|trillion|quadrillion|dozen|score|gross|pair|ten|lakh"
    r"|crore|grand)s?(?![^\W\d_])|[-\s]*(?:mn|mln|mio|mill|bn|bln|mrd|md|bio|tn|trn|tsd|тыс|млн|млрд|трлн"
    r"|hunderte?|tausende?|dutzend|schock|million\w*|mill?iard\w*|bi|billion\w*|billiard\w*|trillion\w*"
    r"|millón|millones|milh\w+|bilh\w+|trilh\w+|bill[oó]n\w*|millardos?|mil|mille|milliers?|millares?|milhares?|centaines?|dizaines?|douzaines?|vingtaines?"
    r"|centenar(?:es)?|docenas?|decenas?|mila|milion[ei]|migliaia|centinai[ao]|dozzin[ae]|decin[ae]|d[úu]zias?|centenas?|dezenas?"
    r"|duizend\w*|honderd\w*|miljoen\w*|miljard\w*|biljoen\w*|dozijn|тысяч\w*|миллион\w*|миллиард\w*|сотн\w+|сотен|десят\w+|дюжин\w*"
    r"|juta|ribu|nghìn|triệu|tỷ|ألف|مليون|लाख|करोड़|हज़ार|हजार"
    r"|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|hundredths?|thousandths?|[mb]illionths?"
    r"|drittel|viertel|fünftel|sechstel|siebtel|achtel|neuntel|zehntel|hundertstel|tausendstel|\w+ièmes?|tiers|quarts?"
    r"|tercios?|cuart[oa]s?|quintos?|sextos?|s[ée]ptimos?|octavos?|novenos?|d[ée]cim[oa]s?|cent[ée]sim[oai]s?|mil[ée]sim[oai]s?"
    r"|terz[oi]|quart[oi]|quint[oi]|decim[oi])\.?(?![^\W\d_])"
)
"""What follows a number and makes it a multiple or a part."""

CLOSING_VERBS = re.compile(
    r"(?<!\s)\s*(?:です|でした|である|だ|になります|となります|であります|입니다|이다|이에요|예요|입니다만"
    r"|है|हैं|होगा|ہے|است|'?[dt][ıiuü]r)\s*$"
)
"""Verbs behind the answer, in languages that end a sentence with them."""

FINAL = (
    r"final\w{0,2}|correct|right|best|short|exact|revised|corrected|simplified|selected|chosen|endgültige?|richtige?|korrekte?"
    r"|correcte?|exacte?|correcta|corretta|correta|definitiv\w{0,2}|rätt|riktigt?|slutlig\w?|ostateczna|prawidłowa|poprawna"
    r"|правильный|верный|окончательный|итоговый|nihai|doğru|cuối\s+cùng|đúng|akhir|benar|النهائية|الصحيحة|अंतिम|सही|juiste"
    r"|goede|最终|最終的な|最終|最后|最後的?|正确的?|正しい|최종"
)
"""What may stand beside a noun for the answer in a heading, and leaves it what it is."""

RESULTS = (
    r"results?|solution|conclusion|verdict|final\s+value|final\s+choice|ergebnis|endergebnis|lösung|fazit|résultat"
    r"|resultado|solución|conclusión|risultato|soluzione|conclusione|solução|conclusão|resultaat|oplossing|conclusie"
    r"|результат|итог|решение|вывод|结果|結果|结论|結論|결과|결론|total|sum|gesamt|insgesamt|summe"
)
"""Nouns for what comes out in the end: of a heading or a label they say less than one for the answer."""
