//! Every limit of the HTTP API, each beside its reason.

use std::time::Duration;

/// Body of one request. The largest legitimate one is a SQL text.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;

/// Time for a body to arrive: a client that sends a byte now and then must not hold a connection for ever.
pub(crate) const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Query text in a URL: longer ones come from programs, which have SQL.
pub(crate) const QUERY_BYTES_MAX: usize = 16 * 1024;

/// SQL text: planning cost grows with it.
pub(crate) const SQL_BYTES_MAX: usize = 128 * 1024;

/// Rows of a message list when the request names none: one screen and a bit of scrolling.
pub(crate) const MESSAGES_DEFAULT: usize = 200;

/// Rows of a message list: 10,000 summaries are about 6 MB of JSON, what a browser still reads at once.
pub(crate) const MESSAGES_MAX: usize = 10_000;

/// Calls of a list when the request names none.
pub(crate) const CALLS_DEFAULT: usize = 100;

/// Calls of a list. Each needs all its records read, so fewer than messages.
pub(crate) const CALLS_MAX: usize = 1_000;

/// Matching messages read in one step while collecting the calls of a list.
pub(crate) const CALL_SCAN_STEP_ROWS: usize = 10_000;

/// Matching messages read in all while collecting the calls of a list; the list then says that it is cut.
/// A call has about ten messages, and busy trunks send OPTIONS in between.
pub(crate) const CALL_SCAN_ROWS_MAX: usize = 100_000;

/// Records of all the calls of one list: bounds memory at about 100 MB.
pub(crate) const CALL_LIST_RECORDS_MAX: usize = 200_000;

/// Records of one call page. A ladder of more is unreadable; logs of a stuck correlation id may reach it.
pub(crate) const CALL_RECORDS_MAX: usize = 5_000;

/// Payload bytes of one call page: bounds the memory of one request.
pub(crate) const CALL_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Keys (Call-IDs and correlation ids) that may join one call: a correlation id that an agent never changes
/// would otherwise pull in everything.
pub(crate) const CALL_KEYS_MAX: usize = 32;

/// Rounds of following keys from record to record: leg to correlation id to other leg.
pub(crate) const CALL_KEY_ROUNDS_MAX: usize = 3;

/// Legs of one call that are looked around and shown: more are a conference, whose ladder nobody reads.
pub(crate) const LEGS_MAX: usize = 16;

/// Legs that may be of the call and are named: beyond it a list says nothing.
pub(crate) const LEGS_POSSIBLE_MAX: usize = 8;

/// Rounds of looking for legs around legs: each finds the next B2BUA, and those that would fit a found leg better.
pub(crate) const LEG_ROUNDS_MAX: usize = 3;

/// Calls that begin around a leg and are looked at: five seconds at 400 calls a second by one machine.
pub(crate) const LEG_SCAN_ROWS_MAX: usize = 4_000;

/// Calls of those that are read whole, the nearest first: about a thousand messages.
pub(crate) const LEG_CANDIDATES_MAX: usize = 64;

/// Records of one export: about 600 MB of payload, written while it is read.
pub(crate) const EXPORT_RECORDS_MAX: usize = 1_000_000;

/// Records of an export that names no limit of its own.
pub(crate) const EXPORT_RECORDS_DEFAULT: usize = 100_000;

/// Searches, calls and exports that run at the same time; each may use the store's whole query memory and both
/// cores, so more would only make all of them slower.
pub(crate) const QUERIES_AT_ONCE: usize = 8;

/// How long a request waits for its turn before it is told to come back.
pub(crate) const QUEUE_WAIT: Duration = Duration::from_secs(10);

/// Time of one search: a person has left by then.
pub(crate) const SEARCH_TIME_MAX: Duration = Duration::from_secs(30);

/// Time of one SQL statement or export: scripts wait longer than people.
pub(crate) const SQL_TIME_MAX: Duration = Duration::from_secs(300);

/// Bytes of a streamed answer that are put together before they are handed to the socket.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// Password hashes computed at once: each takes 19 MiB and some 20 ms of one core.
pub(crate) const PASSWORD_CHECKS_AT_ONCE: usize = 2;

/// How long a login waits for its turn: a flood of logins must not fill memory with waiting ones.
pub(crate) const PASSWORD_CHECK_WAIT: Duration = Duration::from_secs(3);

/// Longest password and user name accepted: the hash reads all of it.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// Failed logins an address may make in a row before it has to wait.
pub(crate) const LOGIN_FAILURES_MAX: u32 = 10;

/// An address gets one more attempt after this long.
pub(crate) const LOGIN_FAILURE_FORGIVEN_AFTER: Duration = Duration::from_secs(30);

/// Addresses whose failed logins are remembered; beyond it the oldest is forgotten.
pub(crate) const LOGIN_ADDRESSES_MAX: usize = 10_000;

/// Life of a browser session.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Life of an API token when the request names none.
pub(crate) const TOKEN_DAYS_DEFAULT: u32 = 365;

/// Longest life of an API token.
pub(crate) const TOKEN_DAYS_MAX: u32 = 3_650;

/// API tokens of one user: nobody can oversee more.
pub(crate) const TOKENS_PER_USER_MAX: usize = 100;

/// Sessions of one user; the oldest goes. Scripts that log in for every request must not fill the file.
pub(crate) const SESSIONS_PER_USER_MAX: usize = 200;

/// Networks that one API token may be used from: beyond it they have a larger one in common.
pub(crate) const TOKEN_NETWORKS_MAX: usize = 32;

/// Users: nobody oversees more in one list, and each is a person.
pub(crate) const USERS_MAX: usize = 1_000;

/// Name of a user: a mail address has at most 254 bytes (RFC 5321 4.5.3.1).
pub(crate) const USER_NAME_BYTES_MAX: usize = 254;

/// Shortest password that is taken for a user: guessing is slowed down, and a copy of the settings file is not.
pub(crate) const PASSWORD_BYTES_MIN: usize = 12;

/// A scope: it is part of every plan, once for each table.
pub(crate) const SCOPE_BYTES_MAX: usize = 2 * 1024;

/// Entries of the audit log that wait to be written: some seconds of a disk that stands still. What comes when they are
/// full is counted, and the log says how many are missing.
pub(crate) const AUDIT_WAITING_MAX: usize = 8 * 1024;

/// Entries of the audit log; the oldest go. About 400 MB on disk, three years of one every 100 seconds.
pub(crate) const AUDIT_ENTRIES_MAX: i64 = 1_000_000;

/// Text of one entry: what people type is far shorter, statements of programs are cut.
pub(crate) const AUDIT_TEXT_BYTES_MAX: usize = 4 * 1024;

/// Entries of one answer.
pub(crate) const AUDIT_DEFAULT: usize = 200;
pub(crate) const AUDIT_MAX: usize = 10_000;

/// Name of an API token.
pub(crate) const TOKEN_NAME_BYTES_MAX: usize = 100;

/// Aliases: one for every switch and trunk of a carrier; phones are named by their network.
pub(crate) const ALIASES_MAX: usize = 10_000;

/// Longest alias: it heads a column of a ladder.
pub(crate) const ALIAS_BYTES_MAX: usize = 64;

/// Newest messages that the values offered by completion are gathered from: enough to meet every sender and
/// method of a busy site, read in some milliseconds.
pub(crate) const COMPLETION_SAMPLE_ROWS: usize = 2_000;

/// Values of a field that are learned from the data; a field with more is no use as a choice.
pub(crate) const COMPLETION_VALUES_MAX: usize = 50;

/// Completion runs at every keystroke, gathering values does not.
pub(crate) const COMPLETION_REFRESH: Duration = Duration::from_secs(30);

/// Completion runs at every keystroke: an answer after this long is of no use.
pub(crate) const COMPLETION_TIME_MAX: Duration = Duration::from_millis(500);

/// Viewers that watch at the same time; each evaluates its condition on every row that comes in, some microseconds
/// for a thousand rows, and may hold 2 MB of rows to be sent and 16 MB still to be looked at.
pub(crate) const TAIL_VIEWERS_MAX: usize = 50;

/// Rows a second that one viewer gets: more than a person can follow or a browser should draw.
pub(crate) const TAIL_ROWS_PER_SECOND: usize = 500;

/// Rows found for a viewer and not yet sent: about 2 MB, four seconds at the full rate.
pub(crate) const TAIL_WAITING_ROWS_MAX: usize = 2_000;

/// Rows of one frame: a browser reads it between two pictures.
pub(crate) const TAIL_FRAME_ROWS: usize = 200;

/// How often a viewer hears that the server is there, and its token is looked at again.
pub(crate) const TAIL_HEARTBEAT: Duration = Duration::from_secs(10);

/// A viewer that has not answered a ping for this long is gone.
pub(crate) const TAIL_SILENCE_MAX: Duration = Duration::from_secs(45);

/// A frame that a viewer does not take within this time is the last: its line stands still.
pub(crate) const TAIL_SEND_TIME_MAX: Duration = Duration::from_secs(30);

/// What is being sent to a viewer that does not read, pongs included: some frames of the longest rows.
pub(crate) const TAIL_WRITE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest message from a viewer, who has nothing to say.
pub(crate) const TAIL_RECEIVED_BYTES_MAX: usize = 4 * 1024;

/// Rows that figures are made of: a day of 100 calls a second.
pub(crate) const KPI_ROWS_MAX: usize = 10_000_000;

/// Records that facets are counted of: an hour of 25 calls a second, read in a part of a second.
pub(crate) const FACET_ROWS_MAX: usize = 100_000;

/// Values of a field that are counted one by one: a field with more is no choice, and they are in memory.
pub(crate) const FACET_DISTINCT_MAX: usize = 10_000;

/// Values of a field that are told: as many as one looks through.
pub(crate) const FACET_VALUES_MAX: usize = 10;

/// Failed calls that signatures are made of: a week of one each second.
pub(crate) const SIGNATURE_CALLS_MAX: usize = 600_000;

/// Life of a link to a call when the request names none: until a colleague has read their mail.
pub(crate) const SHARE_HOURS_DEFAULT: u32 = 24;

/// Longest life of a link to a call: 30 days. Whoever needs it for longer needs an account.
pub(crate) const SHARE_HOURS_MAX: u32 = 720;

/// Links of one user that have not expired: nobody oversees more.
pub(crate) const SHARES_PER_USER_MAX: i64 = 50;

/// Links of all users: an admin looks through them in one list.
pub(crate) const SHARES_MAX: i64 = 1_000;

/// What is said along with a link: a sentence or two.
pub(crate) const SHARE_NOTE_LETTERS_MAX: usize = 500;

/// Boards of one user: nobody oversees more in one list.
pub(crate) const BOARDS_PER_USER_MAX: i64 = 100;

/// Boards of all users: at most 128 MB of settings, which are backed up and copied as a whole.
pub(crate) const BOARDS_MAX: i64 = 1_000;

/// A board as JSON: forty panels with a statement of 3 kB each. With a body's limit above it, so that this one is told.
pub(crate) const BOARD_BYTES_MAX: usize = 128 * 1024;

/// Panels of a board: each asks at every refresh, and a screen shows a dozen.
pub(crate) const BOARD_PANELS_MAX: usize = 40;

/// Rows of a board's grid: forty panels one below the other.
pub(crate) const BOARD_ROWS_MAX: u32 = 400;

/// Rows of a panel: about twice the height of a screen.
pub(crate) const BOARD_PANEL_ROWS_MAX: u32 = 24;

/// Title of a board or a panel: one line.
pub(crate) const BOARD_TITLE_LETTERS_MAX: usize = 80;

/// What is said along with a board, and a note on it: what fits into a panel.
pub(crate) const BOARD_NOTE_LETTERS_MAX: usize = 2_000;

/// Search text of a panel.
pub(crate) const BOARD_QUERY_BYTES_MAX: usize = 4 * 1024;

/// Statement of a panel.
pub(crate) const BOARD_SQL_BYTES_MAX: usize = 16 * 1024;

/// Name of a time zone: the longest of the IANA data base has 32.
pub(crate) const BOARD_ZONE_BYTES_MAX: usize = 64;

/// Records that are counted over time, two columns each: a quarter of an hour of 10,000 messages a second.
pub(crate) const COUNT_ROWS_MAX: usize = 10_000_000;

/// Groups that are told one by one: as many colours as are told apart, and some.
pub(crate) const COUNT_GROUPS_TOLD_MAX: usize = 50;

/// Fields in which what is inside of a box differs from what is outside: as many as one reads.
pub(crate) const DIFFERENCE_FIELDS_MAX: usize = 20;

/// Values of each of them.
pub(crate) const DIFFERENCE_VALUES_MAX: usize = 5;
