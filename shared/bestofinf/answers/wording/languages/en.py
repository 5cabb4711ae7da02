"""English."""

from bestofinf.answers.wording.language import Language
from bestofinf.answers.wording.languages.en_related import (
    AKIN,
    IRREGULAR,
    OPPOSITES,
    SYNONYMS,
)

ENGLISH = Language(
    code="en",
    articles="""a an the it its it's they their them theirs he she his her him we our us you your i my me
        this that these those there here one ones so such""",
    be="is are am be been being has have having do does 's 're 've 'm",
    was="was were had did",
    prepositions="""of to in on at by for from with within during into onto upon over under above below
        between among through throughout across along about against around near behind beside
        besides beyond inside outside opposite off out up down away back without towards toward
        via like than per as since till until before after next_to close_to in_front_of on_top_of
        in_honour_of in_honor_of in_memory_of on_behalf_of instead_of because_of due_to owing_to""",
    plain="of to in on at by for from with within during into onto as per via since",
    percents="percentage percent",
    modals="""
        can could able
        may might perhaps possibly probably
        must has_to have_to
        should ought
        will would shall
        """,
    fillers="""unfortunately sadly regrettably fortunately luckily thankfully
        total sum amount amounts amounted number figure figures value answer result fact exactly
        precisely approximately about approx roughly around circa ca currently now today presently
        altogether overall also already fully completely entirely totally take takes took of_the_two
        amount_to amounts_to amounted_to comes_to came_to add_up_to adds_up_to consists_of
        consist_of consisted_of comprise comprises comprised too just simply actually indeed clearly certainly definitely really
        therefore thus hence then well please listed following equal equals come comes came stand
        stands stood lie lies remain remains reach reaches reached officially namely reads in_all in_total a_total_of
        at_present as_follows of_course i_believe i_think i_would_say average""",
    nouns="""statement claim assertion customer customers user users client clients people person persons someone somebody company
        firm organisation organization party parties either everyone anyone buyer buyers item items
        member members name names called named thing things""",
    tells="""say says said state states stated stating specify specifies specified indicate indicates
        indicated show shows shown note notes noted list lists listed report reports reported mention
        mentions mentioned describe describes described give gives given define defined record
        recorded set sets""",
    yes="yes yeah yep correct certainly indeed absolutely definitely affirmative sure of_course",
    no="no nope negative",
    true="true correct right accurate",
    false="false incorrect wrong untrue inaccurate",
    negations="""not no never none nobody nothing nowhere neither nor without cannot hardly scarcely
        barely rarely seldom no_one""",
    withouts="without",
    conditions="""only unless except excepting excluding if but partly partially provided subject
        sometimes mostly mainly usually normally often almost nearly however although though while
        whereas when once depending depends some most few several unlikely yet part parts half up_to
        in_part in_some_cases at_times not_yet not_always as_long_as other_than apart_from""",
    guards="""formerly former previously previous earlier later originally initially instead except
        but however although unless if only planned plans intended intends supposed expected expects
        hoped used_to no_longer until till before after prior other_than apart_from rather_than
        instead_of other another else next last first lack lacks lacking fail fails failed refuse
        refuses refused decline declines declined deny denies denied avoid avoids avoiding unable
        reject rejects rejected""",
    causes="because_of due_to owing_to by for to of",
    comparators="""
        > more_than over above exceeding exceeds greater_than higher_than longer_than in_excess_of upwards_of
        < less_than under below fewer_than lower_than shorter_than
        >= at_least no_less_than not_less_than a_minimum_of minimum_of minimum from
        <= at_most no_more_than not_more_than not_exceeding a_maximum_of maximum_of maximum max
        ~ about around approximately approx roughly circa ca exactly precisely up_to within some
        # nearly almost just_under just_over close_to
        * every each
        """,
    per="per each every / for_each for_every",
    after_amount="a an",
    ordinal="st nd rd th",
    ones="a an",
    between="between",
    ranges="to - – — through",
    rates="""
        day daily
        week weekly
        month monthly
        year yearly annually annual per_annum p.a.
        hour hourly
        """,
    times="""
        1 once
        2 twice
        3 thrice
        """,
    counting="time times",
    joins="and & plus as_well_as",
    ors="or",
    agents="by",
    places="in at",
    at_times="on in at",
    until="by until till before",
    contrasts="not instead_of rather_than unlike as_opposed_to",
    documents="""context document documents text texts passage passages source sources information
        material materials article file files page pages excerpt excerpts datasheet record records
        section sections content contents database knowledge_base provided given available above
        leaflet guide manual handbook policy contract agreement report brochure faq brochure website
        log table list schedule rules""",
    mentions="""mention mentions mentioned say says state states stated specify specifies specified
        indicate indicates indicated describe describes described disclose disclosed stipulate
        stipulates refer refers tell tells discuss discussed explain explains know known determine
        determined answer answered find found""",
    knowledge="""information details detail data reference indication idea sure answer mention
        specifics""",
    sources="""according_to based_on as_stated_in as_per per_the as_of as_described_in as_shown_in
        as_mentioned_in as_specified_in in_accordance_with judging_by from_the_context
        from_the_text in_the_context in_the_text in_the_document""",
    references="""section sections clause clauses page pages paragraph paragraphs article chapter table
        figure fig line row appendix annex note source sources footnote item step slide document p pp
        § no see cf""",
    relatives="""who whom whose which where that as because since so starting beginning billed including plus
        according based see under per after before following when while with at during compared""",
    interrogatives="""
        duration within_what_time within_how_long in_what_time how_long for_how_long since_when until_when how_soon
        frequency how_often how_frequently how_many_times
        count how_many
        amount how_much how_high how_low how_far how_old how_tall how_wide how_deep how_heavy how_large
        amount how_big how_fast how_hot how_cold how_thick how_steep how_loud how_big by_how_much
        date when what_time what_date which_date what_day which_day what_year which_year which_month
        date what_month
        place where
        person who whom whose
        cause why how_come
        name what which
        """,
    quantities="""
        duration period duration length time_limit window term lifetime lifespan notice age warranty wait
        money price cost fee charge fare tariff rent salary wage pay budget revenue turnover income
        money profit loss fine penalty deposit premium amount value sum bill total tax
        share percentage percent share proportion fraction
        amount rate
        measure height width depth length weight mass size area volume capacity distance speed
        measure temperature pressure power voltage current frequency dose dosage density altitude
        measure elevation limit maximum minimum payload load thickness diameter radius population
        count number_of total_number_of count score headcount
        date date day deadline year month birthday time
        """,
    auxiliaries="""is are was were am do does did has have had can could will would shall should may might
        must isn't aren't wasn't weren't don't doesn't didn't hasn't haven't can't couldn't won't""",
    wholes="whom",
    haves="has have had having 've",
    does="do does did",
    perfect="has have had been",
    participles="ed en wn own ung ound ade ept old ent one aid ost aught ought",
    turning="to from by after before until till against than",
    deadlines="""by until till deadline due expire expires expiry valid latest end ends submit
        submitted""",
    units_in="in",
    within="within",
    starts="of from after following upon since",
    verbal="up down out off away back over on in",
    prohibits="must should ought shall",
    changes="""rise fall grow increase decrease drop gain lose shrink sink climb raise cut reduce improve
        worsen change differ vary exceed miss lower""",
    genitives="of to",
    buts="but",
    determiners="a an the its their his her our your my this these",
    chooses="""use uses choose pick select route send go goes classify classified rate rated rating label
        labelled labeled call say assign mark marked decide decision category class best right
        appropriate suitable more be one recommend recommended would""",
    offers="""contain contains contained include includes included provide provides provided given give
        gives available cover covers covered offer offers offered listed list lists present clear
        address addresses addressed there""",
    unknowns="""lacks lack unable unknown unspecified unstated undisclosed unclear unmentioned n/a unavailable""",
    regrets="""sorry unfortunately afraid apologies apologize but however regrettably help question
        based""",
    lacks="""missing lack lacks lacking omit omits omitted absent incomplete error errors mistake mistakes
        defect defects flaw flaws problem problems issue issues fault faults gap gaps""",
    says="""
        duration accept offer grant allow provide give require need apply possible period window time timeframe term length last take long year month week day
        frequency frequency time happen occur take_place takes_place done
        count number number_of total_number_of total count there include contain comprise have
        amount amount sum
        money price cost fee charge rate pay
        share share percentage percent rate
        date date day time year take_place takes_place took_place occur happen deadline
        place place location located situated find lie lies city town based take_place takes_place
        place took_place
        person person name
        cause because cause caused reason due result owing why
        """,
    afterwards="""
        >= or_more or_longer or_above or_over or_higher and_above and_more and_up minimum at_least
        <= or_less or_under or_fewer or_below at_most maximum max
        """,
    hours="""
        720 noon midday
        0 midnight
        """,
    than="than",
    comparatives="er more less fewer worse",
    more="more most",
    less="less least",
    synonyms=SYNONYMS,
    akin=AKIN,
    opposites=OPPOSITES,
    prefixes="un in im ir il non non- dis mis",
    endings="""age ures ure ations ation itions ition ments ment ings ing ers er ors or ed es s ies ied y ions ion al
        able ible ably ibly ability ibility ance ances ence ences ity ly e ier iest est""",
    irregular=IRREGULAR,
    units="""
        business_day business_day business_days working_day working_days workday workdays weekday weekdays
        second sec secs
        minute mins
        hour hrs
        % percent per_cent pct
        points percentage_point percentage_points
        ° degree degrees
        mcg mcg microgram micrograms
        """,
    numerals="""
        0 zero
        1 one
        2 two
        3 three
        4 four
        5 five
        6 six
        7 seven
        8 eight
        9 nine
        10 ten
        11 eleven
        12 twelve
        13 thirteen
        14 fourteen
        15 fifteen
        16 sixteen
        17 seventeen
        18 eighteen
        19 nineteen
        20 twenty
        30 thirty
        40 forty fourty
        50 fifty
        60 sixty
        70 seventy
        80 eighty
        90 ninety
        """,
    hundreds="""
        100 hundred
        1000 thousand k
        1000000 million mn mio mln
        1000000000 billion bn bln
        1000000000000 trillion tn
        12 dozen
        100000 lakh
        10000000 crore
        """,
    half="half",
    linked="and",
    clock="o'clock oclock",
    mornings="am a.m a.m. in_the_morning",
    evenings="pm p.m p.m. in_the_afternoon in_the_evening at_night",
    titles="mr mrs ms dr prof professor sir dame doctor captain",
    inside="of the and de du des del della di da la le el los las van von der den & for",
    ids="""version release number code id identifier address email e-mail phone telephone url link
        reference serial model isbn iban sku account form hotline""",
    orders="""rank ranked ranking sort sorted arrange arranged sequence chronological chronologically
        ascending descending alphabetical alphabetically route path steps respectively""",
    sequences="order",
    nexts="next top",
    ranks="first second third fourth fifth last",
)
