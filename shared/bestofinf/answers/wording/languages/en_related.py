"""English words that say the same or the opposite, and forms that no rule gives."""

SYNONYMS = """
    open opening
    start begin commence beginning kick_off
    end finish conclude conclusion
    terminate termination
    close shut closure
    expire expiry expiration lapse run_out
    found establish create set_up sets_up
    build construct erect
    make manufacture produce
    buy purchase acquire take_over takes_over took_over taken_over takeover
    sell vend
    hire recruit
    locate situate
    live reside
    move relocate transfer
    leave depart
    write author pen
    discover find
    lead head run direct manage
    die pass_away
    cost price
    spend expense
    weigh weight
    deliver delivery
    ship shipping shipment
    return give_back send_back
    keep retain
    store save
    inspect check examine
    replace swap exchange
    approve approval authorise authorize
    allow permit let permissible
    forbid prohibit ban
    need require necessary
    include contain comprise consist
    support handle
    recommend advise suggest
    participate attend participant take_part took_part taking_part taken_part
    sign signature
    publish release
    finance fund
    happen occur take_place held
    rule regulation
    award prize
    big large
    tall high height
    long length
    wide width breadth
    deep depth
    fast quick
    fall drop decline decrease sink reduce reduction go_down
    rise grow increase climb go_up growth
    salary wage
    job position post role
    ceo chief_executive chief_executive_officer
    boss head
    duration period timeframe
    latest current newest
    maximum limit cap
    share percentage percent proportion
    email e-mail
    phone telephone
    responsible accountable
    damage harm
    refund reimburse money_back
    cancel call_off
    late delay
    accept take
    supply supplier provide
    lend loan
    beat defeat win
    submit hand_in
    pupil student
    employee worker
"""

AKIN = """
    locate situate base lie headquarter headquarters
    happen occur take_place held place
    responsible charge accountable
    open opening launch inaugurate inauguration
    end finish conclude conclusion terminate termination
    expire expiry expiration end lapse run_out valid
    employ work staff
    arrive reach
    cost price fee charge rate pay fare tariff bill
    spend expense cost pay
    deliver delivery ship shipping shipment arrive order parcel
    keep retain store hold save archive
    use apply
    publish release issue appear
    big large size
    old age
    far distance away
    fast speed quick
    heavy weigh weight
    hot temperature warm
    salary wage earn
    last take duration
    duration period window time timeframe term length
    deadline due submit
    email e-mail address
    phone telephone number call hotline
    succeed successor follow
    car vehicle
    send submit hand_in
    staff employee worker
    compatible work
"""

OPPOSITES = """
    allow forbid
    allow prohibit
    allow ban
    permit forbid
    permit prohibit
    cover exclude
    include exclude
    accept reject
    accept refuse
    approve reject
    approve deny
    open close
    open shut
    start end
    start stop
    begin end
    begin finish
    pass fail
    succeed fail
    win lose
    buy sell
    arrive depart
    arrive leave
    enter exit
    enter leave
    rise fall
    rise drop
    increase decrease
    increase reduce
    grow shrink
    grow fall
    gain lose
    lend borrow
    employ dismiss
    hire fire
    issue expire
    install remove
    add remove
    introduce remove
    fix introduce
    enable disable
    on off
    before after
    first last
    early late
    maximum minimum
    most least
    more less
    high low
    tall short
    long short
    big small
    large small
    wide narrow
    deep shallow
    heavy light
    fast slow
    old young
    old new
    cheap expensive
    cheap dear
    strong weak
    hot cold
    warm cold
    warm cool
    easy difficult
    easy hard
    good bad
    good poor
    better worse
    best worst
    safe dangerous
    safe unsafe
    near far
    rich poor
    thick thin
    bright dark
    loud quiet
    clean dirty
    dry wet
    full empty
    true false
    right wrong
    public private
    free paid
    mandatory optional
    required optional
    alive dead
    born die
    present absent
    same different
    recommend discourage
    agree disagree
    like dislike
    attend miss
    keep delete
    keep discard
    send receive
    give receive
    give take
    import export
    internal external
    upper lower
    north south
    east west
    internal external
    left right
    agree contradict
    consistent contradict
    consistent contradictory
    support contradict
    legal forbidden
"""

IRREGULAR = """
    weigh weight weights weighed weighs
    high height heights higher highest highly
    long length lengths longer longest
    wide width widths wider widest
    deep depth depths deeper deepest
    old age aged ages older oldest
    die death dead died dies dying
    choose choice chose chosen choices
    sell sale sold sales seller
    lose loss lost losses loser
    grow growth grew grown
    advise advice adviser
    begin began begun beginning
    write wrote written writer writing
    give gave given
    take took taken
    make made maker
    buy bought buyer
    bring brought
    build built builder
    send sent sender
    spend spent spending
    lend lent lender
    leave left
    lead led leader leadership
    hold held holder
    keep kept keeper
    find found_ finding
    win won winner
    run ran runner
    come came
    go went gone
    become became
    begin began begun
    choose chose
    know knew known knowledge
    see saw seen
    speak spoke spoken speaker
    teach taught teacher
    think thought
    tell told
    meet met meeting
    pay paid payment
    say said
    sit sat
    stand stood
    drive drove driven driver
    fly flew flown flight
    break broke broken
    steal stole stolen
    fall fell fallen
    rise rose risen raise
    draw drew drawn
    wear wore worn
    eat ate eaten
    drink drank drunk
    sing sang sung singer song
    swim swam swum
    feel felt
    hear heard
    read reader
    lay laid
    lie lay lain
    catch caught
    fight fought
    sink sank sunk
    shrink shrank shrunk
    bear bore born birth
    beat beaten
    bite bit bitten
    hide hid hidden
forbid forbade forbidden
    ride rode ridden rider
    show shown
    strike struck
    throw threw thrown
    understand understood
    wake woke woken
    feed fed
    set setting
    expense expensive
    child children
    man men
    woman women
    foot feet
    person people
    strong strength strengthen
    hot heat heated
    true truth
    prove proof
    believe belief
    receive receipt received
    decide decision decided
    produce production producer product
    deliver delivery delivered
    succeed success successful successor
    apply application applicant applied
    analyse analysis
    large larger largest
    responsible responsibility
    maximum max maximal
    minimum min minimal
    recommend recommendation
    refund refundable refunded
    found founder founding foundation
    press pressure
    cheap cheaper cheapest
    new newer newest news
    univers university
    gener general generally
"""
