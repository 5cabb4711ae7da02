"""German."""

from bestofinf.answers.wording.language import Language

GERMAN = Language(
    code="de",
    decimal=",",
    inverts=True,
    pointed=True,
    compounds=True,
    articles="""der die das den dem des ein eine einen einem einer eines er sie es ihn ihm ihr ihre ihren
        ihrem ihrer seine seinen sein seinem seiner wir uns unser unsere man ich du ihnen diese dieser
        dieses diesen diesem jene dies dort hier da davon dafür dazu darin daran damit welche welcher
        welches sich so solche ja_doch""",
    be="""ist sind bin bist sei seien wird werden worden geworden haben hat habe gehabt gewesen sein""",
    was="war waren wurde wurden hatte hatten",
    prepositions="""in im ins an am ans auf aus bei beim von vom zu zum zur mit nach für um gegen über unter
        vor hinter neben zwischen durch ohne bis ab seit während wegen laut pro je per gegenüber nahe
        außerhalb innerhalb oberhalb unterhalb entlang trotz statt anstatt anstelle als wie in_der_nähe
        aufgrund infolge dank""",
    plain="in im ins an am ans auf aus bei beim von vom zu zum zur mit für um durch ab seit als pro je per",
    percents="prozent prozentsatz",
    modals="""
        können kann könnt könnte könnten dürfen darf dürfte
        müssen muss muß müsste
        sollen soll sollte sollten
        wollen will
        möglicherweise vielleicht eventuell
        """,
    fillers="""leider bedauerlicherweise glücklicherweise
        insgesamt gesamt summe betrag beträgt betragen betrug beträge zahl anzahl wert antwort lautet
        lauten genau ungefähr etwa circa ca zirka rund derzeit aktuell heute jetzt auch schon bereits
        einfach eigentlich tatsächlich wirklich sicher natürlich also daher demnach somit folgende
        folgender folgendes bitte liegt liegen lag steht stehen handelt misst gilt gelten geltend heißt heißen
        heisst nämlich dauert dauern kommt kommen kam voll vollständig völlig ganz offiziell
        verfügt_über verfügen_über spätestens genommen durchschnittlich belaufen beläuft eher wohl""",
    nouns="""kunde kunden nutzer benutzer personen person mensch menschen leute firma unternehmen
        organisation partei käufer artikel mitglied mitglieder aussage behauptung name""",
    tells="""sagt steht angegeben nennt genannt genannte erwähnt verzeichnet festgelegt definiert zeigt gibt
        gegeben berichtet""",
    yes="ja jawohl genau richtig korrekt stimmt gewiss natürlich sicher selbstverständlich doch",
    no="nein",
    true="wahr richtig korrekt stimmt zutreffend",
    false="falsch unwahr unzutreffend unrichtig",
    negations="""nicht nie niemals kein keine keinen keinem keiner keines niemand nichts nirgends nirgendwo
        weder ohne keineswegs keinesfalls kaum selten""",
    withouts="ohne",
    conditions="""nur außer ausgenommen sofern falls wenn aber jedoch allerdings teilweise zum_teil teils
        manche manchmal einige meist meistens gewöhnlich bedingt lediglich vorausgesetzt soweit
        solange fast beinahe noch_nicht erst mit_ausnahme bis_zu es_sei_denn sobald""",
    guards="""früher ehemals ehemalig ehemaliger ehemalige vormals zuvor vorher später ursprünglich zunächst
        anfangs anstatt stattdessen außer sondern aber jedoch sofern falls nur wenn geplant plant
        vorgesehen nicht_mehr bis vor nach nachdem bevor andere anderer anderes nächste
        nächster letzte letzter erste erster erst lehnt lehnte ablehnt abgelehnt verweigert verweigerte
        verboten vermeiden vermeidet""",
    comparators="""
        > mehr_als über länger_als höher_als größer_als
        < weniger_als unter kürzer_als niedriger_als kleiner_als
        >= mindestens wenigstens zumindest ab minimum
        <= höchstens maximal maximum
        ~ etwa ungefähr circa ca rund genau exakt bis_zu innerhalb_von binnen
        # fast beinahe knapp
        * alle jede jeden jeder
        """,
    per="pro je jede jeden jeder jedes / jeweils",
    after_amount="im in_der am die der das",
    rates="""
        day täglich
        week wöchentlich
        month monatlich
        year jährlich
        hour stündlich
        """,
    times="""
        1 einmal
        2 zweimal
        3 dreimal
        4 viermal
        """,
    counting="mal",
    joins="und sowie & plus",
    ors="oder",
    agents="von vom durch",
    places="in im an am",
    at_times="am im an in um ab seit",
    until="bis zum spätestens",
    contrasts="nicht statt anstatt anstelle",
    documents="""dokument dokumente dokumenten text texte texten kontext quelle quellen unterlagen unterlage
        abschnitt datei seite angabe angaben angebot vertrag handbuch anleitung richtlinie bericht
        vorgabe ordnung satzung broschüre plan liste tabelle""",
    mentions="""erwähnt erwähnen sagt sagen angegeben genannt nennt spezifiziert beschrieben steht hervor
        weiß wissen bekannt beantworten beantwortet bestimmen ermitteln finden gefunden""",
    knowledge="""information informationen angabe angaben auskunft antwort hinweis hinweise daten idee
        ahnung erwähnung""",
    offers="""enthält enthalten enthalten gibt geben gegeben verfügbar vorhanden liefert liefern bietet
        vorliegend""",
    unknowns="unbekannt unklar ungenannt",
    regrets="leider entschuldigung tut leid hierzu dazu darüber hierüber keinerlei keine frage",
    sources="""laut gemäß nach_angaben basierend_auf gemäss zufolge dem_text_zufolge entsprechend
        aus_dem_text im_text im_dokument im_kontext wie_im siehe""",
    references="""abschnitt seite absatz kapitel tabelle abbildung abb punkt ziffer artikel anhang anlage
        quelle § siehe vgl s paragraf paragraph klausel nr""",
    relatives="""der die das welcher welche welches dem den wo weil da wie wobei nachdem bevor während siehe
        laut gemäß inklusive zuzüglich ab seit mit bei nach unter so""",
    interrogatives="""
        duration wie_lange seit_wann_ bis_wann_ wie_lang für_wie_lange
        frequency wie_oft wie_häufig
        count wie_viele wieviele für_wie_viele
        amount wie_viel wieviel um_wie_viel wie_hoch wie_groß wie_weit wie_alt wie_schwer wie_breit
        amount wie_tief wie_schnell wie_warm wie_heiß wie_teuer wie_dick wie_stark
        date wann bis_wann seit_wann ab_wann an_welchem_tag um_wie_viel_uhr in_welchem_jahr zu_welchem_datum
        place wo wohin woher
        person wer wen wem wessen von_wem für_wen an_wen mit_wem durch_wen
        cause warum weshalb wieso weswegen aus_welchem_grund
        name was welche welcher welches welchen welchem woraus womit wofür wozu
        """,
    quantities="""
        duration dauer frist laufzeit garantie kündigungsfrist zeitraum probezeit gewährleistung
        money preis kosten gebühr gehalt miete umsatz gewinn verlust betrag beitrag rabatt_ budget
        share prozent prozentsatz anteil quote
        measure höhe breite länge tiefe gewicht größe fläche volumen entfernung geschwindigkeit
        measure temperatur leistung dosis alter
        count anzahl zahl
        date datum termin tag jahr monat uhrzeit
        """,
    auxiliaries="""ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können darf dürfen
        muss müssen soll sollen gibt gilt bin sollte""",
    wholes="wen wem",
    haves="hat haben hatte hatten",
    perfect="hat haben worden",
    participles="t en",
    turning="auf nach vor bis gegen als um zu bei",
    deadlines="""bis frist fällig spätestens ende endet ablauf läuft gültig bezahlt gezahlt muss zahlen""",
    units_in="in",
    changes="steigen fallen sinken wachsen zunehmen abnehmen ändern senken erhöhen",
    within="innerhalb innerhalb_von binnen",
    starts="nach ab seit von vom",
    passives="wird werden wurde wurden worden",
    genitives="von vom",
    buts="sondern",
    separable="statt",
    determiners="der die das den dem ein eine einen seine seiner ihre ihr sein",
    chooses="""nehmen nimm verwenden nutzen nutze wählen wähle benutzen einstufen eingestuft bewerten bewertet
        würde ich kategorie klasse beste besten geeignet empfehlen empfehle gehört""",
    lacks="""fehlt fehlen fehlend fehlende fehlenden fehler mangel mängel problem probleme lücke lücken
        unvollständig""",
    says="""
        duration dauer frist zeit zeitraum laufzeit jahr monat tag woche stunde dauert
        frequency häufigkeit geschieht erfolgt findet statt
        count zahl anzahl gesamt gibt verfügt hat zählt
        amount betrag summe
        money preis kosten kostet gebühr zahlt zahlen bezahlen
        share anteil prozent
        date datum termin tag zeit zeitpunkt jahr fand statt erfolgte frist fällig zahlbar
        place ort stadt liegt befindet gelegen statt
        person name verfasser
        cause grund weil wegen ursache verursacht
        """,
    than="als",
    comparatives="er ere eren erer mehr weniger",
    more="mehr am meisten",
    less="weniger",
    synonyms="""
        öffnen aufmachen
        schließen zumachen
        beginnen anfangen starten beginn start anfang
        enden aufhören ende
        leiten führen chef leiter leitung geschäftsführer
        kaufen erwerben übernehmen kauf übernahme
        gründen gründung gründer
        kosten preis
        zahlen bezahlen entrichten zahlung zahlbar
        bauen errichten
        liegen befinden
        wohnen leben
        entwerfen entwurf
        schreiben verfassen autor verfasser
        brauchen benötigen erforderlich nötig notwendig
        erlauben gestatten zulassen dürfen zulässig gestattet erlaubt
        verbieten untersagen
        liefern lieferung
        dauern dauer
        kündigen kündigung
        stattfinden findet_statt
        """,
    akin="""
        öffnen eröffnen aufmachen
        kosten preis gebühr
        stammen entwerfen entwurf
        arbeiten beschäftigen mitarbeiter
        """,
    opposites="""
        öffnen schließen
        eröffnen schließen
        beginnen enden
        erlauben verbieten
        erlaubt verboten
        dürfen verboten
        steigen fallen
        steigen sinken
        kaufen verkaufen
        hoch niedrig
        lang kurz
        groß klein
        alt jung
        alt neu
        teuer günstig
        teuer billig
        schnell langsam
        schwer leicht
        warm kalt
        gut schlecht
        früh spät
        offen geschlossen
        kostenlos kostenpflichtig
        gewinnen verlieren
        bestehen durchfallen
        vor nach
        vorher nachher
        mehr weniger
        maximal minimal
        enthalten ausgeschlossen
        annehmen ablehnen
        """,
    prefixes="un in ir miss nicht",
    beginnings="ge",
    endings="""ungen ung ieren iert ierte eten ete et est en er em es e n st t te ten ter s lich ig bar heit
        keit schaft nd""",
    irregular="""
        leit leitet geleitet leiten leiter leitung
        dürf darf dürfen dürfte
        müss muss müssen muß müsste
        könn kann können könnte
        sei ist sind war
        gross groß größer größte größe
        hoch höher höchste höhe hohe hohen
        lang länger längste länge lange langen
        alt älter älteste alter alte
        öffn geöffnet öffnet öffnen öffnung öffnete
        eröffn eröffnet eröffnen eröffnung eröffnete
        schliess geschlossen schließt schließen schloss
        find findet fand gefunden finden
        stamm stammt stammen stammte
        zahl zahlt gezahlt zahlen zahlbar
        nehm nimmt genommen nehmen
        entwerf entworfen entwarf entwurf
        schreib geschrieben schrieb schreiben
        gründ gegründet gründete gründer gründung
        verbiet verboten verbietet verbieten
        """,
    units="""
        business-days werktag werktage werktagen arbeitstag arbeitstage arbeitstagen
        duration-day tagen
        duration-month monaten monats
        duration-year jahren
        % prozent
        points prozentpunkt prozentpunkte prozentpunkten
        ° grad
        temperature-celsius grad_celsius
        """,
    ordinal="",
    ones="ein eine einen einem einer",
    between="zwischen",
    ranges="bis - –",
    numerals="""
        0 null
        1 eins ein eine einen einem einer
        2 zwei zwo
        3 drei
        4 vier
        5 fünf
        6 sechs
        7 sieben
        8 acht
        9 neun
        10 zehn
        11 elf
        12 zwölf
        13 dreizehn
        14 vierzehn
        15 fünfzehn
        16 sechzehn
        17 siebzehn
        18 achtzehn
        19 neunzehn
        20 zwanzig
        30 dreißig dreissig
        40 vierzig
        50 fünfzig
        60 sechzig
        70 siebzig
        80 achtzig
        90 neunzig
        """,
    hundreds="""
        100 hundert
        1000 tausend tsd
        1000000 million millionen mio
        1000000000 milliarde milliarden mrd
        1000000000000 billion billionen bio
        1000000000000000 billiarde billiarden
        1000000000000000000 trillion trillionen
        12 dutzend
        """,
    half="halbe halben halbes halber",
    linked="",
    clock="uhr",
    mornings="morgens vormittags",
    evenings="abends nachmittags",
    hours="""
        720 mittag mittags
        0 mitternacht
        """,
    titles="herr frau dr prof",
    inside="von der des und zu am im für & van de",
    ids="""version nummer code kennung adresse e-mail email telefon telefonnummer link url seriennummer
        aktenzeichen modell formular artikelnummer bestellnummer""",
    afterwards="""
        >= oder_mehr und_mehr mindestens
        <= oder_weniger höchstens maximal
        """,
    particles="",
    causes="wegen aufgrund durch infolge",
    orders="""reihenfolge rangfolge rangliste sortiere sortieren sortiert ordne ordnen geordnet chronologisch
        chronologische chronologischer aufsteigend aufsteigender absteigend absteigender alphabetisch
        alphabetischer route pfad schritte schritten jeweils""",
    nexts="nächsten nächste top",
    ranks="erste ersten erster erstes zweite zweiten zweiter dritte dritten dritter letzte letzten",
)
