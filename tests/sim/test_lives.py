"""Every kind of group in every event of its life: how each order stands at each step.

The tables below are read by `tests.sim.lives`, which says what a row means, and which holds at
each step what the desk shows (order, legs, listings, updates, lineage, terms) against the
exchange. `! name` is an alarm that the life raises. Each life is played long by a desk that lives,
and short, in the mirror, by one that is killed after every step; the other two ways are for the
long run.
"""

import pytest

from tests.sim.lives import told

EVENTS = (
    "entry partly filled",
    "entry filled",
    "profit partly taken",
    "profit taken",
    "stopped",
    "stopped at a limit",
    "canceled",
    "leg canceled",
    "expired",
    "rejected",
    "canceled elsewhere",
    "replace refused",
    "replace undone",
)

BRACKET = """
== entry partly filled
submit bracket buy 100 limit=99 tp=110 sl=90 | new 0/100 | held 0/100 | held 0/100 | 0
offer 99 40 | partially_filled 40/100 @99 | held 0/100 | held 0/100 | 40

== entry filled
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 40
offer 99 60 | filled 100/100 @99 | new 0/100 | held 0/100 | 100

== profit partly taken
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
bid 110 30 | filled 100/100 @99 | partially_filled 30/100 @110 | held 0/70 | 70

== profit taken
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
bid 110 30
bid 110 70 | filled 100/100 @99 | filled 100/100 @110 | canceled 0/70 | 0

== stopped
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
bid 110 30
market 90 | filled 100/100 @99 | canceled 30/100 @110 | filled 70/70 @89.99 | 0

== stopped at a limit
submit bracket buy 100 limit=99 tp=110 sl=90 sll=88
offer 99 100
quote 87 91
print 90 | filled 100/100 @99 | canceled 0/100 | new 0/100 | 100
bid 88 60 | filled 100/100 @99 | canceled 0/100 | partially_filled 60/100 @88 | 40
bid 88 40 | filled 100/100 @99 | canceled 0/100 | filled 100/100 @88 | 0

== canceled
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 40
cancel | canceled 40/100 @99 | canceled 0/100 | canceled 0/100 | 40
! unprotected

== leg canceled
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
cancel sl | filled 100/100 @99 | canceled 0/100 | canceled 0/100 | 100

== all canceled while it waits
submit bracket buy 100 limit=99 tp=110 sl=90
cancel_all | canceled 0/100 | canceled 0/100 | canceled 0/100 | 0

== all canceled
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
bid 110 30
cancel_all | filled 100/100 @99 | canceled 30/100 @110 | canceled 0/70 | 70

== refused
submit bracket buy 100 tp=99 sl=90 | rejected 0/100 | - | - | 0

== leg canceled while it waits
submit bracket buy 100 limit=99 tp=110 sl=90
cancel tp | canceled 0/100 | canceled 0/100 | canceled 0/100 | 0

== expired
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 40
close | expired 40/100 @99 | canceled 0/100 | canceled 0/100 | 40
! unprotected

== expired, the legs
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
bid 110 30
close | filled 100/100 @99 | expired 30/100 @110 | expired 0/70 | 70
! unprotected

== rejected
fault async_reject count=1
submit bracket buy 100 limit=99 tp=110 sl=90 | rejected 0/100 | canceled 0/100 | canceled 0/100 | 0

== canceled elsewhere
submit bracket buy 100 limit=99 tp=110 sl=90
elsewhere cancel | canceled 0/100 | canceled 0/100 | canceled 0/100 | 0

== canceled elsewhere, a leg
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
elsewhere cancel tp | filled 100/100 @99 | canceled 0/100 | canceled 0/100 | 100
! unprotected

== replace refused
submit bracket buy 100 limit=99 tp=110 sl=90
replace sl stop=91 | new 0/100 | held 0/100 | held 0/100 | 0

== replace undone
slow
submit bracket buy 100 limit=99 tp=110 sl=90
replace limit=98 | new 0/100 +1 | held 0/100 | held 0/100 | 0
offer 99 100 | filled 100/100 @99 +1 | new 0/100 | held 0/100 | 100
wait 10 | filled 100/100 @99 +1 | new 0/100 | held 0/100 | 100
"""

OCO = """
== profit partly taken
have 100
submit oco sell 100 tp=110 sl=90 | new 0/100 | held 0/100 | 100
bid 110 40 | partially_filled 40/100 @110 | held 0/60 | 60

== profit taken
have 100
submit oco sell 100 tp=110 sl=90
bid 110 40
bid 110 60 | filled 100/100 @110 | canceled 0/60 | 0

== stopped
have 100
submit oco sell 100 tp=110 sl=90
bid 110 40
market 90 | canceled 40/100 @110 | filled 60/60 @89.99 | 0

== stopped at a limit
have 100
submit oco sell 100 tp=110 sl=90 sll=88
quote 87 91
print 90 | canceled 0/100 | new 0/100 | 100
bid 89 100 | canceled 0/100 | filled 100/100 @88 | 0

== canceled
have 100
submit oco sell 100 tp=110 sl=90
bid 110 40
cancel | canceled 40/100 @110 | canceled 0/60 | 60

== leg canceled
have 100
submit oco sell 100 tp=110 sl=90
cancel sl | canceled 0/100 | canceled 0/100 | 100

== expired
have 100
submit oco sell 100 tp=110 sl=90
bid 110 40
close | expired 40/100 @110 | expired 0/60 | 60
! unprotected

== rejected
have 100
fault async_reject count=1
submit oco sell 100 tp=110 sl=90 | rejected 0/100 | canceled 0/100 | 100
! unprotected

== canceled elsewhere
have 100
submit oco sell 100 tp=110 sl=90
elsewhere cancel sl | canceled 0/100 | canceled 0/100 | 100
! unprotected

== replaced elsewhere
have 100
submit oco sell 100 tp=110 sl=90
elsewhere replace limit=105 | new 0/100 +1 | held 0/100 | 100
bid 105 100 | filled 100/100 @105 +1 | canceled 0/100 | 0

== replace refused
have 100
submit oco sell 100 tp=110 sl=90
replace sl qty=50 | new 0/100 | held 0/100 | 100

== replace undone
slow
have 100
submit oco sell 100 tp=110 sl=90
replace limit=111 | new 0/100 +1 | held 0/100 | 100
bid 110 100 | filled 100/100 @110 +1 | canceled 0/100 | 0
wait 10 | filled 100/100 @110 +1 | canceled 0/100 | 0
"""

OTO_TP = """
== entry partly filled
submit oto buy 100 limit=99 tp=110 | new 0/100 | held 0/100 | 0
offer 99 40 | partially_filled 40/100 @99 | held 0/100 | 40

== entry filled
submit oto buy 100 limit=99 tp=110
offer 99 40
offer 99 60 | filled 100/100 @99 | new 0/100 | 100

== profit partly taken
submit oto buy 100 limit=99 tp=110
offer 99 100
bid 110 30 | filled 100/100 @99 | partially_filled 30/100 @110 | 70

== profit taken
submit oto buy 100 limit=99 tp=110
offer 99 100
bid 110 100 | filled 100/100 @99 | filled 100/100 @110 | 0

== canceled
submit oto buy 100 limit=99 tp=110
offer 99 40
cancel | canceled 40/100 @99 | canceled 0/100 | 40
! unprotected

== leg canceled
submit oto buy 100 limit=99 tp=110
offer 99 100
bid 110 30
cancel tp | filled 100/100 @99 | canceled 30/100 @110 | 70

== expired
submit oto buy 100 limit=99 tp=110
offer 99 40
close | expired 40/100 @99 | canceled 0/100 | 40
! unprotected

== rejected
fault async_reject count=1
submit oto buy 100 limit=99 tp=110 | rejected 0/100 | canceled 0/100 | 0

== canceled elsewhere
submit oto buy 100 limit=99 tp=110
offer 99 100
elsewhere cancel tp | filled 100/100 @99 | canceled 0/100 | 100
! unprotected

== replace refused
submit oto buy 100 limit=99 tp=110
replace tp limit=111 | new 0/100 | held 0/100 | 0

== replace undone
slow
submit oto buy 100 limit=99 tp=110
offer 99 100
replace tp limit=111 | filled 100/100 @99 | new 0/100 +1 | 100
bid 110 100 | filled 100/100 @99 | filled 100/100 @110 +1 | 0
wait 10 | filled 100/100 @99 | filled 100/100 @110 +1 | 0
"""

OTO_SL = """
== entry partly filled
submit oto buy 100 limit=99 sl=90 | new 0/100 | held 0/100 | 0
offer 99 40 | partially_filled 40/100 @99 | held 0/100 | 40

== entry filled
submit oto buy 100 limit=99 sl=90
offer 99 40
offer 99 60 | filled 100/100 @99 | new 0/100 | 100

== stopped
submit oto buy 100 limit=99 sl=90
offer 99 100
market 90 | filled 100/100 @99 | filled 100/100 @89.99 | 0

== stopped at a limit
submit oto buy 100 limit=99 sl=90 sll=88
offer 99 100
quote 87 91
print 90 | filled 100/100 @99 | new 0/100 | 100
bid 88 60 | filled 100/100 @99 | partially_filled 60/100 @88 | 40
bid 88 40 | filled 100/100 @99 | filled 100/100 @88 | 0

== canceled
submit oto buy 100 limit=99 sl=90
offer 99 40
cancel | canceled 40/100 @99 | canceled 0/100 | 40
! unprotected

== leg canceled
submit oto buy 100 limit=99 sl=90
offer 99 100
cancel sl | filled 100/100 @99 | canceled 0/100 | 100

== expired
submit oto buy 100 limit=99 sl=90
offer 99 100
close | filled 100/100 @99 | expired 0/100 | 100
! unprotected

== rejected
fault async_reject count=1
submit oto buy 100 limit=99 sl=90 | rejected 0/100 | canceled 0/100 | 0

== canceled elsewhere
submit oto buy 100 limit=99 sl=90
elsewhere cancel sl | canceled 0/100 | canceled 0/100 | 0

== replace refused
submit oto buy 100 limit=99 sl=90
replace sl stop=91 | new 0/100 | held 0/100 | 0

== replace undone
slow
submit oto buy 100 limit=99 sl=90
replace qty=120 | new 0/120 +1 | held 0/100 | 0
offer 99 100 | partially_filled 100/120 @99 +1 | new 0/100 | 100
wait 10 | filled 100/100 @99 +1 | new 0/100 | 100
"""

REPLACED_ORDER = """
== entry partly filled
submit limit buy 100 limit=98 | new 0/100 | 0
replace limit=99 | new 0/100 +1 | 0
offer 99 40 | partially_filled 40/100 @99 +1 | 40
replace qty=90 | partially_filled 40/90 @99 +2 | 40

== entry filled
submit limit buy 100 limit=98
replace limit=99
offer 99 40
replace limit=97
offer 97 60 | filled 100/100 @97.8 +2 | 100

== canceled
submit limit buy 100 limit=98
replace limit=99
offer 99 40
cancel | canceled 40/100 @99 +1 | 40

== canceled while it is replaced
slow
submit limit buy 100 limit=98
replace limit=97 | new 0/100 +1 | 0
cancel | pending_cancel 0/100 +1 | 0
wait 30 | canceled 0/100 +1 | 0

== expired
submit limit buy 100 limit=98
replace limit=99
offer 99 40
close | expired 40/100 @99 +1 | 40

== canceled elsewhere
submit limit buy 100 limit=98
replace limit=99
elsewhere cancel | canceled 0/100 +1 | 0

== replaced elsewhere
submit limit buy 100 limit=98
elsewhere replace limit=99 | new 0/100 +1 | 0
offer 99 100 | filled 100/100 @99 +1 | 100

== replace refused
slow
submit limit buy 100 limit=98
replace limit=97
replace limit=96 | new 0/100 +1 | 0
wait 10 | new 0/100 +1 | 0

== replace undone
slow
submit limit buy 100 limit=99
replace qty=120 | new 0/120 +1 | 0
offer 99 100 | partially_filled 100/120 @99 +1 | 100
wait 10 | filled 100/100 @99 +1 | 100

== replace undone by somebody
slow
submit limit buy 100 limit=99
replace limit=98 | new 0/100 +1 | 0
elsewhere cancel | new 0/100 +1 | 0
wait 30 | new 0/100 +1 | 0

== replace undone after a part was filled
slow
submit limit buy 100 limit=99
replace limit=98
offer 99 40 | partially_filled 40/100 @99 +1 | 40
elsewhere cancel | partially_filled 40/100 @99 +1 | 40
wait 30 | partially_filled 40/100 @99 +1 | 40
offer 99 60 | filled 100/100 @99 +1 | 100

== replace undone by somebody and not told
slow
submit limit buy 100 limit=99
replace limit=98
fault stream_lose
elsewhere cancel
wait 30 | new 0/100 +1 | 0

== replace undone and not told
slow
submit limit buy 100 limit=99
replace qty=120
fault stream_lose
offer 99 100
wait 30 | filled 100/100 @99 +1 | 100
"""

REPLACED_ENTRY = """
== entry partly filled
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99 | new 0/100 +1 | held 0/100 | held 0/100 | 0
offer 99 40 | partially_filled 40/100 @99 +1 | held 0/100 | held 0/100 | 40
replace qty=60 | partially_filled 40/60 @99 +2 | held 0/60 | held 0/60 | 40

== entry filled
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
offer 99 40
replace qty=60
offer 99 20 | filled 60/60 @99 +2 | new 0/60 | held 0/60 | 60

== profit partly taken
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
offer 99 100
bid 110 30 | filled 100/100 @99 +1 | partially_filled 30/100 @110 | held 0/70 | 70

== profit taken
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
offer 99 100
bid 110 100 | filled 100/100 @99 +1 | filled 100/100 @110 | canceled 0/100 | 0

== stopped
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
offer 99 100
market 90 | filled 100/100 @99 +1 | canceled 0/100 | filled 100/100 @89.99 | 0

== stopped at a limit
submit bracket buy 100 limit=98 tp=110 sl=90 sll=88
replace limit=99
offer 99 100
quote 87 91
print 90 | filled 100/100 @99 +1 | canceled 0/100 | new 0/100 | 100
bid 89 100 | filled 100/100 @99 +1 | canceled 0/100 | filled 100/100 @88 | 0

== canceled
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
offer 99 40
cancel | canceled 40/100 @99 +1 | canceled 0/100 | canceled 0/100 | 40
! unprotected

== leg canceled
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
cancel sl | canceled 0/100 +1 | canceled 0/100 | canceled 0/100 | 0

== expired
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
close | expired 0/100 +1 | canceled 0/100 | canceled 0/100 | 0

== canceled elsewhere
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
elsewhere cancel | canceled 0/100 +1 | canceled 0/100 | canceled 0/100 | 0

== replace refused
slow
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=97
replace limit=96 | new 0/100 +1 | held 0/100 | held 0/100 | 0
wait 10 | new 0/100 +1 | held 0/100 | held 0/100 | 0

== replace undone
slow
submit bracket buy 100 limit=98 tp=110 sl=90
replace limit=99
wait 10 | new 0/100 +1 | held 0/100 | held 0/100 | 0
replace limit=97 | new 0/100 +2 | held 0/100 | held 0/100 | 0
offer 99 100 | filled 100/100 @99 +2 | new 0/100 | held 0/100 | 100
wait 10 | filled 100/100 @99 +2 | new 0/100 | held 0/100 | 100
"""

REPLACED_LEG = """
== profit partly taken
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace tp limit=108 | filled 100/100 @99 | new 0/100 +1 | held 0/100 | 100
replace sl stop=92 | filled 100/100 @99 | new 0/100 +1 | held 0/100 +1 | 100
bid 108 30 | filled 100/100 @99 | partially_filled 30/100 @108 +1 | held 0/70 +1 | 70

== profit taken
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace tp limit=108
bid 108 30
replace tp limit=107
bid 107 70 | filled 100/100 @99 | filled 100/100 @107.3 +2 | canceled 0/70 | 0

== stopped
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace sl stop=92
bid 110 30
market 92 | filled 100/100 @99 | canceled 30/100 @110 | filled 70/70 @91.99 +1 | 0

== stopped at a limit
submit bracket buy 100 limit=99 tp=110 sl=90 sll=88
offer 99 100
replace sl stop=92 | filled 100/100 @99 | new 0/100 | held 0/100 +1 | 100
quote 87 93
print 92 | filled 100/100 @99 | canceled 0/100 | new 0/100 +1 | 100
bid 88 100 | filled 100/100 @99 | canceled 0/100 | filled 100/100 @88 +1 | 0

== canceled
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace tp limit=108
cancel | filled 100/100 @99 | new 0/100 +1 | held 0/100 | 100

== leg canceled
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace tp limit=108
cancel tp | filled 100/100 @99 | canceled 0/100 +1 | canceled 0/100 | 100

== expired
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace sl stop=92
replace tp limit=108
close | filled 100/100 @99 | expired 0/100 +1 | expired 0/100 +1 | 100
! unprotected

== canceled elsewhere
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace sl stop=92
elsewhere cancel sl | filled 100/100 @99 | canceled 0/100 | canceled 0/100 +1 | 100
! unprotected

== replace refused
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace tp limit=108
replace tp qty=50 | filled 100/100 @99 | pending_replace 0/100 +1 | held 0/100 | 100
wait 10 | filled 100/100 @99 | new 0/100 +1 | held 0/100 | 100

== replace undone
slow
submit bracket buy 100 limit=99 tp=110 sl=90
offer 99 100
replace tp limit=111 | filled 100/100 @99 | new 0/100 +1 | held 0/100 | 100
bid 110 100 | filled 100/100 @99 | filled 100/100 @110 +1 | canceled 0/100 | 0
wait 10 | filled 100/100 @99 | filled 100/100 @110 +1 | canceled 0/100 | 0
"""

SIMPLE = """
== a notional order
submit market buy - usd=500 | filled 4.999500049/$500 @100.01 | 4.999500049

== a fraction
submit limit buy 2.5 limit=99 | new 0/2.5 | 0
offer 99 1 | partially_filled 1/2.5 @99 | 1
replace limit=98 | partially_filled 1/2.5 @99 +1 | 1
cancel | canceled 1/2.5 @99 +1 | 1

== extended hours
to 16:30
submit limit buy 100 limit=99 ext=yes | new 0/100 | 0
offer 99 40 | partially_filled 40/100 @99 | 40
offer 99 60 | filled 100/100 @99 | 100

== extended hours end
to 16:30
submit limit buy 100 limit=99 ext=yes
offer 99 40 | partially_filled 40/100 @99 | 40
to 20:01 | expired 40/100 @99 | 40

== a day order waits for the open
to 16:30
submit limit buy 100 limit=99 | accepted 0/100 | 0
replace limit=98 | accepted 0/100 | 0
to 09:31 | new 0/100 | 0
offer 99 100 | filled 100/100 @99 | 100

== at the opening
to 20:00
submit market buy 100 tif=opg | accepted 0/100 | 0
to 09:30
print 101 100 | new 0/100 | 0
to 09:40 | filled 100/100 @101 | 100

== at the opening, canceled
to 20:00
submit market buy 100 tif=opg | accepted 0/100 | 0
cancel | canceled 0/100 | 0

== at the opening, below the price
to 20:00
submit limit buy 100 limit=95 tif=opg
to 09:30
print 101 100 | new 0/100 | 0
to 09:40 | canceled 0/100 | 0

== at the close
submit market buy 100 tif=cls | new 0/100 | 0
to 15:59
market 102
print 102 100 | new 0/100 | 0
to 16:10 | filled 100/100 @102 | 100

== at the close, in part
submit limit buy 100 limit=102 tif=cls | new 0/100 | 0
to 15:59
market 102
print 102 40 | new 0/100 | 0
to 16:40 | canceled 40/100 @102 | 40

== good till canceled, over night
submit limit buy 100 limit=99 tif=gtc | new 0/100 | 0
offer 99 40 | partially_filled 40/100 @99 | 40
to 16:30 | partially_filled 40/100 @99 | 40
to 09:31 | partially_filled 40/100 @99 | 40
offer 99 60 | filled 100/100 @99 | 100

== a stop that trails
have 100
submit trailing_stop sell 100 px=2 | new 0/100 | 100
trails 100 98
market 105 | new 0/100 | 100
trails 105 103
market 104 | new 0/100 | 100
trails 105 103
replace trail=3 | new 0/100 +1 | 100
trails 105 102
market 102 | filled 100/100 @101.99 +1 | 0

== a stop that trails by percent
have 100
submit trailing_stop sell 100 pct=2 | new 0/100 | 100
market 104
market 101.92 | filled 100/100 @101.91 | 0

== a stop that trails to the close
have 100
submit trailing_stop sell 100 px=2 | new 0/100 | 100
market 105
close | expired 0/100 | 100
"""

KINDS = {
    "bracket": BRACKET,
    "OCO": OCO,
    "OTO with a profit": OTO_TP,
    "OTO with a stop": OTO_SL,
    "replaced order": REPLACED_ORDER,
    "replaced entry": REPLACED_ENTRY,
    "replaced leg": REPLACED_LEG,
}

_NO_ENTRY = "it has no entry: the order itself takes the profit of a position that is there"
_NO_STOP = "it has no stop"
_NO_PROFIT = "nothing takes its profit"
_NO_LEGS = "it has no legs"
_NOT_YET = "a leg is replaced once its entry is filled: see what is refused of a bracket"
_AS_REPLACE = "what is rejected is not replaced; a rejected successor is a replace undone"

#: What cannot happen, and why.
NEVER = {
    ("OCO", "entry partly filled"): _NO_ENTRY,
    ("OCO", "entry filled"): _NO_ENTRY,
    ("OTO with a profit", "stopped"): _NO_STOP,
    ("OTO with a profit", "stopped at a limit"): _NO_STOP,
    ("OTO with a stop", "profit partly taken"): _NO_PROFIT,
    ("OTO with a stop", "profit taken"): _NO_PROFIT,
    ("replaced order", "profit partly taken"): _NO_LEGS,
    ("replaced order", "profit taken"): _NO_LEGS,
    ("replaced order", "stopped"): _NO_LEGS,
    ("replaced order", "stopped at a limit"): _NO_LEGS,
    ("replaced order", "leg canceled"): _NO_LEGS,
    ("replaced order", "rejected"): _AS_REPLACE,
    ("replaced entry", "rejected"): _AS_REPLACE,
    ("replaced leg", "entry partly filled"): _NOT_YET,
    ("replaced leg", "entry filled"): _NOT_YET,
    ("replaced leg", "rejected"): _AS_REPLACE,
}


def lives_of(kind: str, table: str) -> dict[tuple[str, str], str]:
    """The lives of a table by their headings."""
    parts = (part.partition("\n") for part in table.split("== ")[1:])
    return {(kind, title): rows for title, _, rows in parts}


LIVES = {key: life for kind, table in KINDS.items() for key, life in lives_of(kind, table).items()}
ORDERS = lives_of("order", SIMPLE)


def play(life: str, *, is_short: bool, is_killed: bool) -> None:
    expected = [" | ".join(cell.strip() for cell in row.split("|")) for row in life.splitlines()]
    rows, alarms = told(life, is_short=is_short, is_killed=is_killed)
    happened = [" | ".join(row) for row in rows]
    assert [*happened, *(f"! {alarm}" for alarm in alarms)] == [row for row in expected if row]


def name_of(key: object) -> str:
    return "-".join(key) if isinstance(key, tuple) else ""


def test_every_event_of_every_kind_is_lived_or_cannot_be() -> None:
    assert not LIVES.keys() & NEVER.keys()
    cells = {(kind, event) for kind in KINDS for event in EVENTS}
    assert cells <= LIVES.keys() | NEVER.keys()
    assert NEVER.keys() <= cells


@pytest.mark.parametrize(("key", "life"), LIVES.items(), ids=name_of)
def test_a_long_life_is_told_right_at_each_step(key: tuple[str, str], life: str) -> None:
    play(life, is_short=False, is_killed=False)


@pytest.mark.parametrize(("key", "life"), LIVES.items(), ids=name_of)
def test_a_short_life_is_told_right_by_a_desk_killed_at_each_step(
    key: tuple[str, str], life: str
) -> None:
    play(life, is_short=True, is_killed=True)


@pytest.mark.parametrize(("key", "life"), ORDERS.items(), ids=name_of)
@pytest.mark.parametrize("is_killed", [False, True], ids=["living", "killed"])
def test_an_order_without_legs_is_told_right_at_each_step(
    key: tuple[str, str], life: str, *, is_killed: bool
) -> None:
    play(life, is_short=False, is_killed=is_killed)


@pytest.mark.soak
@pytest.mark.parametrize(("key", "life"), LIVES.items(), ids=name_of)
@pytest.mark.parametrize("is_short", [False, True], ids=["long", "short"])
def test_the_other_ways_are_told_right_too(
    key: tuple[str, str], life: str, *, is_short: bool
) -> None:
    play(life, is_short=is_short, is_killed=not is_short)
