use super::*;
use crate::auth::token;
use crate::limits::{SESSIONS_PER_USER_MAX, TOKENS_PER_USER_MAX};

const NOW: Micros = Micros(1_795_231_200_000_000);
const LATER: Micros = Micros(NOW.0 + Micros::DAY);

fn settings() -> (tempfile::TempDir, Settings) {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = Settings::open(&dir.path().join("settings.sqlite")).expect("opened");
    (dir, settings)
}

fn added(settings: &Settings, kind: TokenKind, name: &str) -> Option<(i64, String)> {
    settings.add_token(&NewToken::plain(kind, ADMIN, name, LATER), NOW).expect("stored")
}

fn session(settings: &Settings) -> String {
    added(settings, TokenKind::Session, "").expect("below the limit").1
}

fn caller(settings: &Settings, text: &str, now: Micros) -> Option<String> {
    let hash = token::hash(text).expect("a token");
    settings.caller(&hash, None, now).expect("read").map(|caller| caller.user)
}

#[test]
fn the_first_password_is_random_and_told_once() {
    let (dir, settings) = settings();
    let first = settings.prepare_admin(None, NOW).expect("made").expect("told");
    let stored = settings.stored_login(ADMIN).expect("read").expect("there").password;
    assert!(password::matches(&first, &stored));
    assert_eq!(settings.prepare_admin(None, NOW).expect("kept"), None);
    drop(settings);
    let again = Settings::open(&dir.path().join("settings.sqlite")).expect("opened again");
    assert_eq!(again.prepare_admin(None, NOW).expect("kept"), None);
}

#[test]
fn a_given_password_replaces_the_old_one_and_ends_its_sessions() {
    let (_dir, settings) = settings();
    assert_eq!(settings.prepare_admin(Some("first"), NOW).expect("made"), None);
    let token = session(&settings);
    settings.prepare_admin(Some("first"), NOW).expect("same");
    assert_eq!(caller(&settings, &token, NOW), Some(ADMIN.to_owned()), "same password, session stays");
    settings.prepare_admin(Some("second"), NOW).expect("replaced");
    assert_eq!(caller(&settings, &token, NOW), None);
    let stored = settings.stored_login(ADMIN).expect("read").expect("there").password;
    assert!(password::matches("second", &stored) && !password::matches("first", &stored));
    assert!(settings.prepare_admin(Some(""), NOW).is_err(), "an empty password is refused");
}

#[test]
fn who_holds_a_token_is_known_though_nothing_can_be_written() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    let token = session(&settings);
    settings.lock().pragma_update(None, "query_only", true).expect("set");
    assert_eq!(caller(&settings, &token, NOW), Some(ADMIN.to_owned()));
}

#[test]
fn tokens_expire_and_can_be_taken_back() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    let token = session(&settings);
    assert_eq!(caller(&settings, &token, Micros(LATER.0 - 1)), Some(ADMIN.to_owned()));
    assert_eq!(caller(&settings, &token, LATER), None);

    let (id, api) = added(&settings, TokenKind::Api, "ci").expect("made");
    assert_eq!(settings.api_tokens(Some(ADMIN)).expect("read").len(), 1, "sessions are not listed");
    settings.end_session(id).expect("ignored");
    assert!(caller(&settings, &api, NOW).is_some(), "logging out ends sessions only");
    assert!(!settings.remove_api_token(Some("somebody"), id).expect("ignored"), "not another user's");
    assert!(settings.remove_api_token(Some(ADMIN), id).expect("removed"));
    assert_eq!(caller(&settings, &api, NOW), None);
}

#[test]
fn numbers_of_tokens_are_bounded() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    let oldest = session(&settings);
    for _ in 0..SESSIONS_PER_USER_MAX {
        session(&settings);
    }
    assert_eq!(caller(&settings, &oldest, NOW), None, "the oldest session went");
    for number in 0..=TOKENS_PER_USER_MAX {
        let added = added(&settings, TokenKind::Api, "t");
        assert_eq!(added.is_some(), number < TOKENS_PER_USER_MAX, "{number}");
    }
    let (_, first) = added(&settings, TokenKind::Local, "").expect("made");
    added(&settings, TokenKind::Local, "");
    assert_eq!(caller(&settings, &first, NOW), None, "one local token at a time");
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let (dir, settings) = settings();
    settings.lock().pragma_update(None, "user_version", 99).expect("written");
    drop(settings);
    let refusal = Settings::open(&dir.path().join("settings.sqlite")).expect_err("refused");
    assert!(refusal.to_string().contains("newer version"), "{refusal}");
}

fn add(settings: &Settings, name: &str, role: Role) {
    let added = settings.add_user(name, role, None, "a password of theirs", NOW).expect("stored");
    assert_eq!(added, Added::Done, "{name}");
}

#[test]
fn a_token_is_never_more_than_its_owner() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    add(&settings, "ann", Role::Engineer);
    let new = NewToken {
        role: Some(Role::Engineer),
        scope: Some("node = a".to_owned()),
        ..NewToken::plain(TokenKind::Api, "ann", "t", LATER)
    };
    let (_, text) = settings.add_token(&new, NOW).expect("stored").expect("made");
    let hash = token::hash(&text).expect("a token");
    let caller = || settings.caller(&hash, None, NOW).expect("read").expect("known");
    assert_eq!((caller().role, caller().scopes.as_slice()), (Role::Engineer, &["node = a".to_owned()][..]));
    let change = UserChange {
        role: Some(Role::Viewer),
        scope: Some(Some("capture_id = 1".to_owned())),
        ..UserChange::default()
    };
    assert_eq!(settings.change_user("ann", &change, None).expect("changed"), Changed::Done);
    assert_eq!(caller().role, Role::Viewer);
    assert_eq!(caller().scopes, ["capture_id = 1", "node = a"], "both hold");
    settings.lock().execute("UPDATE user SET role = 'owner' WHERE name = 'ann'", []).expect("written");
    assert!(settings.caller(&hash, None, NOW).expect("read").is_none(), "what is not known is refused");
}

#[test]
fn an_admin_stays() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    let viewer = UserChange { role: Some(Role::Viewer), ..UserChange::default() };
    assert_eq!(settings.change_user(ADMIN, &viewer, None).expect("read"), Changed::LastAdmin);
    assert_eq!(settings.remove_user(ADMIN).expect("read"), Changed::LastAdmin);
    assert_eq!(settings.remove_user("nobody").expect("read"), Changed::Nobody);
    add(&settings, "ann", Role::Engineer);
    assert_eq!(settings.remove_user(ADMIN).expect("read"), Changed::LastAdmin);
    let admin = UserChange { role: Some(Role::Admin), ..UserChange::default() };
    assert_eq!(settings.change_user("ann", &admin, None).expect("changed"), Changed::Done);

    let local = added(&settings, TokenKind::Local, "command line").expect("made").1;
    assert_eq!(settings.remove_user(ADMIN).expect("removed"), Changed::Done);
    assert_eq!(caller(&settings, &local, NOW), Some("ann".to_owned()), "the command line goes on");
    assert_eq!(settings.prepare_admin(None, NOW).expect("read"), None);
    assert!(settings.stored_login(ADMIN).expect("read").is_none(), "who was removed stays away");
}

#[test]
fn changing_a_user_ends_the_sessions_but_one() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    let (kept, own) = added(&settings, TokenKind::Session, "").expect("made");
    let other = session(&settings);
    let (_, api) = added(&settings, TokenKind::Api, "ci").expect("made");
    let change = UserChange { password: Some("another one of mine".to_owned()), ..UserChange::default() };
    assert_eq!(settings.change_user(ADMIN, &change, Some(kept)).expect("changed"), Changed::Done);
    assert!(caller(&settings, &own, NOW).is_some() && caller(&settings, &api, NOW).is_some());
    assert_eq!(caller(&settings, &other, NOW), None);
    settings.change_user(ADMIN, &UserChange::default(), None).expect("changed");
    assert_eq!(caller(&settings, &own, NOW), None);
    let scoped = UserChange { scope: Some(Some("node = a".to_owned())), ..UserChange::default() };
    assert_eq!(settings.change_user(ADMIN, &scoped, None).expect("read"), Changed::ScopedAdmin);
}

#[test]
fn a_file_of_the_first_version_is_read_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("settings.sqlite");
    let connection = Connection::open(&path).expect("opened");
    connection.execute_batch(MIGRATIONS[0]).expect("made");
    connection.pragma_update(None, "user_version", 1).expect("written");
    connection
        .execute(
            "INSERT INTO user VALUES ('admin', ?1, 'admin', 1)",
            [password::hash("old").expect("hashed")],
        )
        .expect("written");
    drop(connection);
    let settings = Settings::open(&path).expect("opened");
    assert_eq!(settings.prepare_admin(None, NOW).expect("read"), None);
    let token = session(&settings);
    assert_eq!(caller(&settings, &token, NOW), Some(ADMIN.to_owned()));
}

fn share(settings: &Settings, user: &str) -> Result<(i64, String), NoRoom> {
    let new = NewShare {
        user: user.to_owned(),
        call_id: "a@b".to_owned(),
        redacted: true,
        note: String::new(),
        expires: LATER,
    };
    settings.add_share(&new, NOW).expect("stored")
}

fn followed(settings: &Settings, secret: &str, now: Micros) -> Option<Shared> {
    settings.shared(&token::hash(secret).expect("a secret"), now).expect("read")
}

#[test]
fn a_link_ends_with_its_time_its_maker_and_what_they_may() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    add(&settings, "ann", Role::Engineer);
    let (id, secret) = share(&settings, "ann").expect("room");
    let shared = followed(&settings, &secret, Micros(LATER.0 - 1)).expect("a link");
    assert_eq!((shared.link.id, shared.link.call_id.as_str(), shared.link.redacted), (id, "a@b", true));
    assert!(followed(&settings, &secret, LATER).is_none(), "it has expired");
    let other = token::random().expect("random");
    assert!(followed(&settings, &other, NOW).is_none());
    assert_eq!(caller(&settings, &secret, NOW), None, "it is no token");

    // What its maker may see is what it shows.
    let change = UserChange { scope: Some(Some("node = a".to_owned())), ..UserChange::default() };
    settings.change_user("ann", &change, None).expect("changed");
    let shared = followed(&settings, &secret, NOW).expect("a link");
    assert_eq!(shared.caller.scopes, ["node = a"]);
    settings.share_opened(id, NOW).expect("noted");
    let rows = settings.shares(Some("ann"), Some("a@b"), NOW).expect("read");
    assert_eq!((rows[0].opened, rows[0].last_opened), (1, Some(NOW)));
    assert_eq!(settings.shares(None, None, LATER).expect("read").len(), 0, "it has expired");

    let change = UserChange { role: Some(Role::Viewer), ..UserChange::default() };
    settings.change_user("ann", &change, None).expect("changed");
    let change = UserChange { role: Some(Role::Engineer), ..UserChange::default() };
    settings.change_user("ann", &change, None).expect("changed");
    assert!(followed(&settings, &secret, NOW).is_none(), "it does not come back with the role");
    let (_, secret) = share(&settings, "ann").expect("room");
    settings.lock().execute("UPDATE user SET role = 'viewer' WHERE name = 'ann'", []).expect("written");
    assert!(followed(&settings, &secret, NOW).is_none(), "the role is looked at each time");
    settings.remove_user("ann").expect("removed");
    assert_eq!(settings.shares(None, None, NOW).expect("read").len(), 0);
}

#[test]
fn a_link_is_taken_back_by_who_made_it_or_for_anybody() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    add(&settings, "ann", Role::Engineer);
    add(&settings, "bob", Role::Engineer);
    for owner in [Some("ann"), None] {
        let (id, secret) = share(&settings, "ann").expect("room");
        assert!(settings.remove_share(Some("bob"), id).expect("ignored").is_none(), "not another user's");
        let removed = settings.remove_share(owner, id).expect("removed").expect("there");
        assert_eq!((removed.user.as_str(), removed.call_id.as_str()), ("ann", "a@b"));
        assert!(followed(&settings, &secret, NOW).is_none());
    }
}

#[test]
fn numbers_of_links_are_bounded_and_those_that_expired_make_room() {
    let (_dir, settings) = settings();
    settings.prepare_admin(Some("p"), NOW).expect("made");
    let (own, all) = (crate::limits::SHARES_PER_USER_MAX, crate::limits::SHARES_MAX);
    for _ in 0..own {
        share(&settings, ADMIN).expect("room");
    }
    assert_eq!(share(&settings, ADMIN).err(), Some(NoRoom::OfUser));
    // As if many others had some.
    let sql = "INSERT INTO share (hash, user, call_id, redacted, note, created, expires)
        WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
        SELECT 'x' || n, 'ann', 'c', 1, '', 0, ?2 FROM number";
    add(&settings, "ann", Role::Engineer);
    settings
        .lock()
        .execute(&sql.replace("'x' || n", "CAST('x' || n AS BLOB)"), [all - own, LATER.0])
        .expect("written");
    add(&settings, "bob", Role::Engineer);
    assert_eq!(share(&settings, "bob").err(), Some(NoRoom::InAll));
    let new = NewShare {
        user: "bob".to_owned(),
        call_id: "c".to_owned(),
        redacted: false,
        note: String::new(),
        expires: Micros(LATER.0 + 1),
    };
    settings.add_share(&new, LATER).expect("stored").expect("room again");
    assert_eq!(settings.shares(None, None, LATER).expect("read").len(), 1);
    let kept: i64 =
        settings.lock().query_row("SELECT count(*) FROM share", [], |row| row.get(0)).expect("read");
    assert_eq!(kept, 1, "those that have expired are gone");
}
