"""Every limit of the protocol, each with the reason for its number."""

from typing import Final

# --- numbers
INTEGER_MAX: Final = 2**53 - 1  # survives JSON and every language's double
LEDGER_AMOUNT_MAX: Final = 2**62  # two of them still fit an int64

# --- messages
MESSAGE_BYTES_MAX: Final = 256 * 1024  # one gRPC message, after decompression
PAGE_BYTES_MAX: Final = 200 * 1024  # rows in one answer; what stands beside them has the rest of a message
COMMAND_BYTES_MAX: Final = 48 * 1024  # one signed command; a log entry stays under 65,535 bytes
ENTRY_BYTES_MAX: Final = 65_535  # a tile bundle of the log uses 16-bit lengths
SIGNATURES_MAX: Final = 4  # signatures on one envelope
REASON_CHARS_MAX: Final = 120  # the text of a refusal

# --- text
ID_CHARS_MAX: Final = 128  # ascii ids
NAME_CHARS_MAX: Final = 64  # display names, titles
TITLE_CHARS_MAX: Final = 120

# --- time, milliseconds
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
CLOCK_SKEW_MS: Final = 30 * SECOND_MS  # a header's `created` may be this far from the node's time
COMMAND_LIFE_MS: Final = 300 * SECOND_MS  # `expires` - `created`
CLOCK_JUMP_MS: Final = 60 * SECOND_MS  # more than this against the monotonic clock stops sequencing
KEY_AGE_MS: Final = 24 * HOUR_MS  # an idempotency key older than this is refused unless remembered
FORGET_STEP_MS: Final = MINUTE_MS  # answers are forgotten in steps, so timers stay few
TIME_MIN_MS: Final = 1_577_836_800_000  # 2020-01-01: earlier times are a broken clock
TIME_MAX_MS: Final = 4_102_444_800_000  # 2100-01-01

# --- sessions
SESSIONS_MAX: Final = 4_096  # handshaken sessions of one node
SESSIONS_PER_PARTY_MAX: Final = 8  # a party's oldest session ends when it opens one more
HANDSHAKES_MAX: Final = 1_024  # challenges that wait for their proof
HANDSHAKE_LIFE_MS: Final = 10 * SECOND_MS
HANDSHAKE_BYTES_MAX: Final = 512  # a challenge has about 270 bytes, a proof 190
SESSION_LIFE_MS: Final = 24 * HOUR_MS
SEQUENCE_WINDOW: Final = 1_024  # parallel calls of one session may overtake each other by this much
RATE_PER_SECOND: Final = 2_000  # commands of one session, sustained
RATE_BURST: Final = 4_000
ORDER_RATE_PER_SECOND: Final = 20_000  # orders of one party, sustained: a tenth of a node's time
ORDER_RATE_BURST: Final = 40_000  # 40 full frames at once, 0.2 s of a node
ORDERS_OF_MASS_CANCEL: Final = 25  # that one counts as: it looks at up to 10,000 orders, 60 us
ORDERS_OF_FOK: Final = 5  # that one counts as: it looks at up to 4,096 makers, 25 us
BAD_SIGNATURE_COST: Final = 10  # a bad signature costs as much work as a good one, and earns nothing
ANONYMOUS_RATE_PER_SECOND: Final = 200  # handshakes of one node, sustained
WATCHES_PER_SESSION_MAX: Final = 2
WATCH_QUEUE_MAX: Final = 256  # groups with news that wait for a slow watcher before it is cut off
STREAM_SESSIONS_MAX: Final = 1_024  # sessions that speak on one stream of commands
STREAM_COMMANDS_MAX: Final = 64  # commands in one message of a stream: what is verified in one turn
STREAM_IN_FLIGHT_MAX: Final = 1_024  # unanswered commands of one stream; then BUSY
STREAM_ANSWERS_MAX: Final = 2_048  # answers that wait for a slow reader, about 3 MB, before he is cut off
STREAM_WRITE_MS: Final = 20 * SECOND_MS  # who does not take one message for so long is cut off
STREAM_IDLE_MS: Final = 10 * SECOND_MS  # a stream on which nobody speaks ends; the next command opens one
TLS_LEAF_LIFE_MS: Final = 72 * HOUR_MS  # a stolen leaf key is worth no more than this
TLS_LEAF_BACKDATED_MS: Final = DAY_MS  # a device whose clock is a day late still connects, and is told
TLS_LEAF_RENEW_MS: Final = DAY_MS  # age at which a new leaf is issued: a day early then connects too

# --- sequencing and journal
WAITING_MAX: Final = 16_384  # commands that wait for the journal; then BUSY
GROUP_ENTRIES_MAX: Final = 4_096
GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
TIMERS_PER_ENTRY_MAX: Final = 512  # as many offers end in some 20 ms, with 54 KB of outcome
GROUPS_IN_FLIGHT_MAX: Final = 2  # one being encoded, one being written
SNAPSHOT_EVERY_ENTRIES: Final = 256  # some 40 ms of replay
SNAPSHOT_SHARE: Final = 128  # nor before the log has grown by this part, so that snapshots stay few
SNAPSHOT_GROWTH: Final = 4  # a snapshot holds changes until the log has grown so often, then all of it
SNAPSHOT_WHOLE_ENTRIES: Final = 8_192  # up to here one whole snapshot is enough
SNAPSHOT_PART_BYTES: Final = 128 * 1024  # written between two groups, which wait for it
SNAPSHOT_BREATH_BYTES: Final = 32 * 1024  # written at a stretch, up to a millisecond
SNAPSHOTS_KEPT: Final = 2  # one may turn out to be damaged
WAL_PAGES_MAX: Final = 4_096  # 16 MiB of write-ahead log; folding it in stops the writer for about 20 ms
ANSWERS_PER_SENDER_MAX: Final = 4_096
ANSWERS_OF_OPERATOR_MAX: Final = 100_000  # he answers for the deposits of all owners; about 65 MB

# --- parties and mandates
PARTIES_MAX: Final = 1_000_000
PARTY_IDS_CACHED: Final = 16_384  # ids whose spelling was checked; a few MB
MANDATES_MAX: Final = 1_000_000
MANDATE_LINKS_MAX: Final = 3
UNKNOWN_NAMES_PER_OWNER_MAX: Final = 1_024  # a box of mandates that was lost unopened; for more: the epoch
MANDATE_CHAIN_BYTES_MAX: Final = 8 * 1024
MANDATE_LINK_BYTES_MAX: Final = 4 * 1024
APPROVAL_BYTES_MAX: Final = 512  # its fields have about 200 bytes
SCOPE_ITEMS_MAX: Final = 32
BOUND_ITEMS_MAX: Final = 32
LIMITS_MAX: Final = 8  # currencies in one mandate
PLACES_MAX: Final = 16  # boxes of one mandate; a shop's delivery area takes a few
WINDOWS_MAX: Final = 16  # windows of one mandate: two for each day of the week
COSIGNERS_MAX: Final = 8  # a household or a board, besides the owner
COSIGN_TTL_MIN_MS: Final = MINUTE_MS  # nobody answers faster
COSIGN_TTL_MAX_MS: Final = 30 * DAY_MS  # budget that waits longer is lost to the thing
CERTIFICATES_MAX: Final = 8  # an offer states at most 16 facts
WARRANTY_DAYS_MAX: Final = 36_525  # a hundred years
RETENTION_DAYS_MAX: Final = 3_653  # ten years: the longest usual retention
MANDATE_ROOT_LIFE_MS: Final = 366 * DAY_MS
NODE_CARD_BYTES_MAX: Final = 1_024
ADDRESS_CHARS_MAX: Final = 256  # a DNS name has at most 253, a Unix socket path 107

# --- things
UNCLAIMED_DEVICES_MAX: Final = 4_096  # any stranger may register one; about 2 MB
CLAIM_LIFE_MS: Final = 7 * DAY_MS  # a device that nobody claimed is forgotten, and may register again
CLAIM_TRIES_MAX: Final = 5  # wrong codes for one device; 128 bits are not guessed, this only stops the noise
DEVICES_SHOWN_MAX: Final = 16  # of one tag; two among 4,096 share one every second time
THINGS_MAX: Final = 1_000_000
THINGS_PER_OWNER_MAX: Final = 10_000
GUARD_HISTORY_MAX: Final = 16  # quantities of one product that a thing is compared with
GUARD_TRADES_MAX: Final = 32  # prices of one product that an offer is compared with
GUARD_TRADES_OF_OWNER_MAX: Final = 4  # of them, so that one seller or buyer never is the median of eight
GUARD_ORDERS_MAX: Final = 64  # orders of one thing in a guard's window of time
GUARD_WINDOW_MS_MAX: Final = 31 * DAY_MS
GUARD_TIMES_MILLI_MAX: Final = 1_000_000  # a thousand times the usual: what is more is no guard

# --- catalogue
OFFERS_MAX: Final = 1_000_000
OFFERS_PER_OWNER_MAX: Final = 10_000
NEEDS_MAX: Final = 1_000_000
NEEDS_PER_OWNER_MAX: Final = 1_000
NEEDS_KEPT_PER_THING_MAX: Final = 1_024  # that came to nothing and are not forgotten yet; up to 120 MB
ATTRIBUTES_MAX: Final = 16
CONSTRAINTS_MAX: Final = 16
CONSTRAINT_VALUES_MAX: Final = 16  # what ONE_OF and NONE_OF are given
PREFERENCES_MAX: Final = 16
OFFER_LIFE_MS: Final = 90 * DAY_MS
NEED_LIFE_MS: Final = 90 * DAY_MS
LISTING_KEPT_MS: Final = 3 * DAY_MS  # an ended offer, need or question: a weekend, and well over KEY_AGE_MS
SEARCH_RESULTS_MAX: Final = 100
QUERY_ROWS_MAX: Final = 2_000  # rows that one query looks at; the next page goes on
WORD_CHARS_MIN: Final = 2  # a single letter finds too much
OFFER_WORDS_MAX: Final = 24  # words of one title that are indexed; its 120 characters hold about 20
SEARCH_TEXT_CHARS_MAX: Final = 200
SEARCH_WORDS_MAX: Final = 8  # each is one more look-up for every row
SEARCH_SLICE_ROWS: Final = 100  # rows that a search looks at before others have their turn, some 100 us
SEARCH_SLICE_ROWS_MIN: Final = 8  # the same when each is held against many conditions and wishes
SEARCH_INDEX_ROWS_MIN: Final = 512  # fewer offers on a shelf are looked at one by one as quickly
SEARCH_INDEX_ROWS: Final = 32  # that a search for a need puts into the index of its shelf at a stretch
SEARCH_BLOCKS_MAX: Final = 256  # of 512 rows that an index looks at in one go: some ms at the worst
SEARCH_PROPOSALS_MAX: Final = 1_000  # of an index; a search that needs more looks at the rows, page by page
ALTERNATIVES_MAX: Final = 50  # offers that the record of one choice names, best first
QUESTION_NAMES_MAX: Final = 8  # facts in one question
QUESTION_LIFE_MS: Final = 7 * DAY_MS  # who has not answered by then will not
QUESTIONS_MAX: Final = 1_000_000
QUESTIONS_PER_OWNER_MAX: Final = 100  # open ones that an owner asks
QUESTIONS_PER_OFFER_MAX: Final = 16  # open ones at one offer
ANSWERED_FACTS_MAX: Final = 16  # facts that answers add to one offer: as many as it may state itself

# --- contracts
CONTRACTS_MAX: Final = 5_000_000
DELIVERY_MS_MAX: Final = 90 * DAY_MS
INSPECTION_MS_MAX: Final = 30 * DAY_MS
PROPOSALS_PER_NEED_MAX: Final = 32  # things of one owner; all are compared in one entry
FEEDBACK_MS: Final = 90 * DAY_MS  # after the end of a contract; later nobody remembers what came
FACTS_MAX: Final = 16  # facts in a proof of delivery
FACTS_OF_CONTRACT_MAX: Final = 64  # of all its proofs together; its view then fits one message
MILESTONES_MAX: Final = 8
UNITS_MAX: Final = 16  # of one contract: each milestone may come in two parts, and one chain funds them
STANDING_ORDERS_MAX: Final = 100_000  # about 200 MB, ended ones included
STANDING_ORDERS_PER_OWNER_MAX: Final = 64  # a household has a dozen
STANDING_INTERVAL_MS_MIN: Final = SECOND_MS  # a buyer may send far more orders than that himself
STANDING_INTERVAL_MS_MAX: Final = 366 * DAY_MS
STANDING_FIRST_MS_MAX: Final = 366 * DAY_MS
STANDING_OCCURRENCES_MAX: Final = 1_000  # about three years of a daily paper; then somebody looks again
STANDING_REFUSALS_MAX: Final = 3  # in a row; then it is suspended
STANDING_SUSPENDED_MS: Final = 30 * DAY_MS  # time for its owner to see it
STANDING_KEPT_MS: Final = 7 * DAY_MS  # how long an ended one can still be read
STANDING_PER_ENTRY_MAX: Final = 256  # purchases of standing orders in one moment, about 50 ms
LATE_CREDIT_PER_DAY_MAX: Final = 10_000 * 86_400  # basis points: all of a unit for one second
GRACE_MS_MAX: Final = 30 * DAY_MS  # how late a seller may still deliver against a credit
CANCEL_WINDOW_MS_MAX: Final = 14 * DAY_MS  # the right of withdrawal of European consumers
SEALED_PARTS_MAX: Final = 4  # sealed commitments in one command
SEALED_BYTES_MAX: Final = 4_096  # one sealed part, in clear

# --- orders that wait for an approval
PENDINGS_MAX: Final = 1_000_000  # waiting or ended; those that became a contract are not counted
PENDINGS_PER_OWNER_MAX: Final = 256  # waiting: nobody reads a longer inbox, and a stolen key fills no more
PENDINGS_PER_THING_MAX: Final = 32  # waiting: leaves room for the owner's other things
PENDINGS_KEPT_PER_THING_MAX: Final = 1_024  # waiting or ended without a contract; about 2 MB
COSIGNED_OWNERS_MAX: Final = 256  # for whom one party may have agreed to approve: an accountant's clients
PENDING_KEPT_MS: Final = 7 * DAY_MS  # how long an order without a contract can be read after its end
APPROVERS_MAX: Final = COSIGNERS_MAX + 1  # of one persona: the owner, and everybody whom a mandate can name
QUIET_WINDOWS_MAX: Final = 28  # four for each day of the week
APPROVAL_LATENCY_MS_MAX: Final = COSIGN_TTL_MAX_MS  # who needs longer is never in time
PERSONAS_PER_OWNER_MAX: Final = 10_000  # as many as he may have things
INBOX_PAGE_MAX: Final = 100  # orders in one page of an inbox

# --- order book
BOOK_QUANTITY_MAX: Final = 2**32 - 1  # of one order; a native slot keeps it in 32 bits
BOOK_PRICE_MAX: Final = INTEGER_MAX  # in ticks; a price times a quantity fits 128 bits
BOOK_ORDERS_MAX: Final = 1_048_576  # resting in all markets of a node, about 100 MB natively
BOOK_ORDERS_CEILING: Final = 2**31 - 2  # slots are numbered in 32 bits with a sign
BOOK_LEVELS_MAX: Final = 65_536  # prices of one side of one market; a new one moves a megabyte at most, 14 us
FOK_MAKERS_MAX: Final = 4_096  # orders that one fill-or-kill looks at: 25 us, and a frame of them 25 ms

# --- orders
MARKETS_MAX: Final = 100_000  # a year of energy blocks of a quarter of an hour, twice over
MARKET_NUMBER_MAX: Final = 2**32 - 1  # a record of the book has four bytes for it
ORDERS_PER_FRAME_MAX: Final = 1_000  # 40,000 bytes: a signed command still holds them
MASS_CANCELS_PER_FRAME_MAX: Final = 64  # each looks at all orders of its sender: 4 ms for 10,000 of them
FRAMES_KEPT: Final = 8  # answers of one party that can be asked again: as many frames as may be in flight
ORDER_LIFE_MS: Final = 366 * DAY_MS  # as long as any mandate lives
ORDERS_EXPLAINED_MAX: Final = 60  # refused orders of one frame whose reasons the outcome states
ORDER_STEPS_MAX: Final = 2**41  # goods of one order: those of a full book still fit half of an account
GOODS_OWNED_MAX: Final = 2**61  # steps of who buys more: with all that rests he stays below 2^63
RESTING_PER_OWNER_MAX: Final = 10_000  # one for each of his things; a sixth of a side's prices
ESCROW_FILLS_MAX: Final = 256  # contracts of one frame: as many as standing orders make at once
FILL_NOTICES_MAX: Final = 256  # parties that one entry tells of their fills; the others read their orders
HALT_MS_MAX: Final = DAY_MS  # a halt that lasts longer is the operator's decision
AUCTION_EVERY_MS_MIN: Final = SECOND_MS  # what is faster is a continuous market
DEPTH_LEVELS_MAX: Final = 100  # levels of one side in one answer
FRAME_EVENTS_MAX: Final = 600  # events in one answer, 33 kB: with all else it fits behind a full page
GOODS_MARKETS_PER_PAGE: Final = 1_000  # markets that one answer about goods looks through, a millisecond
TRADES_KEPT_MAX: Final = 100_000  # trades that a node can tell again, of all markets, about 30 MB
TRADES_PER_MARKET_MAX: Final = 1_000  # of one market; who was away for longer reads the contracts
FILL_TRADES_TOLD_MAX: Final = 100  # with the notices of one group; 256 groups may wait, about 8 MB a watcher
MARKET_WATCHES_MAX: Final = 1_024  # streams of market data of one node: each keeps two books of 100 levels
MARKET_WATCHES_PER_SESSION_MAX: Final = 8  # a terminal shows as many markets side by side
MARKET_TRADES_WAITING_MAX: Final = (
    256  # trades that wait for a slow watcher; older ones are counted as missed
)

# --- ledger
CHAIN_MAX: Final = 64  # linked transfers
TRANSFERS_PER_BATCH_MAX: Final = 8_190
ACCOUNTS_MAX: Final = 20_000_000

# --- signed notes
NOTE_SIGNATURES_MAX: Final = 16  # the least that C2SP lets a verifier accept
NOTE_BYTES_MAX: Final = 8 * 1024  # sixteen signature lines of 200 bytes and a text

# --- vault
CONTRACT_RETENTION_MS: Final = 3 * 365 * DAY_MS + DAY_MS  # claims under a contract lapse after three years
TAX_RETENTION_MS: Final = 10 * 365 * DAY_MS + 3 * DAY_MS  # the longest usual period for invoices

# --- projection of outcomes
PROJECTION_QUEUE_MAX: Final = 32_768  # twice what may wait for the journal: a fold of the file is no overflow
PROJECTION_BATCH_MAX: Final = 1_024  # outcomes in one transaction, about a megabyte
PROJECTION_SLICE: Final = 64  # rows made of outcomes at a stretch, some 300 microseconds of the loop
PROJECTION_ROWS_MAX: Final = 4_096  # rows that wait in memory for the file, about a megabyte
PROJECTION_BREATH_MS: Final = 20  # outcomes gather for this long, unless a reader waits for one
INSIGHT_ROWS_MAX: Final = 200  # rows of one page of the projection, about 60 KB
INSIGHT_DAYS_MAX: Final = 366  # days of one spending report
SPENDING_ROWS_MAX: Final = 2_000  # rows of one spending report, about 200 KB
INSIGHT_WAIT_MS: Final = 2_000  # how long one query of the projection may take before it is stopped
INSIGHT_CONNECTIONS: Final = 4  # queries at once, each with a thread and up to 2 MB of pages; others wait
PROJECTION_WAIT_MS: Final = 2_000  # how long a reader waits for an outcome that is durable but not yet here

# --- billing
HOLDINGS_PAGE_ACCOUNTS: Final = 500  # accounts that one look at the operator's books adds up, some 500 us
INVOICE_TEXT_CHARS_MAX: Final = 200  # a name or a line of an address on an invoice
TAX_ROWS_MAX: Final = 256  # rows of an operator's tax table: 50 states with five rates each
FEE_BASIS_POINTS_MAX: Final = 5_000  # an operator's fee and a reserve leave the seller something together
RESERVE_DAYS_MAX: Final = 180  # card schemes let a payer complain for 120
INVOICES_PAGE_ROWS_MAX: Final = 100  # invoices in one answer, about 60 KB
PROGRAMME_NAME_CHARS_MAX: Final = 16
POINT_VALUE_MINOR_MAX: Final = 10_000  # a point is small change
POINTS_IDLE_DAYS_MAX: Final = 3_660
RATES_PER_OWNER_MAX: Final = 100  # live exchange rates of one publisher
RATE_LIFE_MS: Final = 7 * DAY_MS  # an older rate is no longer that of the market
