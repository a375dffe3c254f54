//! Read-only SQL: what is answered, and what is refused.

use store::StoreError;

use crate::rows::{Row, config, number, open, publish, sql, texts, wait};

fn filled(folder: &std::path::Path) -> store::Store {
    let store = open(config(folder));
    let rows: Vec<Row> = (0..50).map(|n| Row::sip(n, &format!("call-{}", n / 5), "INVITE")).collect();
    publish(&store, 1, &rows);
    store.settle().expect("settled");
    publish(&store, 51, &[Row::rtcp(100, "call-1")]);
    store
}

#[test]
fn answers_selects() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path());
    for (statement, answer) in [
        ("SELECT count(*) FROM sip", 50),
        ("select count(*) from sip;", 50),
        ("SELECT count(*) FROM messages", 51),
        ("SELECT count(*) FROM messages WHERE hep_type = 5", 1),
        ("SELECT count(*) FROM messages WHERE call_id = 'call-1'", 6),
        ("SELECT count(DISTINCT call_id) FROM sip", 10),
        ("WITH calls AS (SELECT call_id, count(*) n FROM sip GROUP BY 1) SELECT max(n) FROM calls", 5),
        ("SELECT count(*) FROM (SELECT id FROM sip UNION ALL SELECT id FROM rtcp) AS both", 51),
        ("SELECT count(*) FROM sip a JOIN rtcp b ON a.call_id = b.call_id", 5),
        ("SELECT sum(size) FROM rtcp", 2),
        ("SELECT count(*) FROM sip WHERE raw_contains(raw, 'call-id: CALL-3')", 5),
        ("SELECT count(*) FROM sip WHERE payload_text(raw) LIKE 'INVITE%'", 50),
        ("SELECT count(*) FROM sip WHERE in_net(src_ip, '10.0.0.0/8')", 50),
        ("SELECT count(*) FROM sip WHERE ts >= TIMESTAMP '2026-11-18T00:00:00Z'", 50),
        ("SELECT count(*) FROM sip WHERE ts < now() - INTERVAL '36500 days'", 0),
        ("SELECT count(*) FROM (VALUES (1), (2)) AS v", 2),
        ("SELECT count(*) FROM information_schema.columns WHERE table_name = 'messages'", 16),
    ] {
        assert_eq!(number(&store, statement), answer, "{statement}");
    }
    assert_eq!(texts(&sql(&store, "SELECT DISTINCT method FROM sip"), "method"), ["INVITE"]);
}

#[test]
fn refuses_everything_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path());
    let target = folder.path().join("out.parquet");
    let target = target.display();
    for statement in [
        "",
        ";",
        "SELECT 1; SELECT 2",
        "SELECT",
        "INSERT INTO sip SELECT * FROM sip",
        "UPDATE sip SET method = 'x'",
        "DELETE FROM sip",
        "TRUNCATE TABLE sip",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE sip",
        "ALTER TABLE sip ADD COLUMN x INT",
        "SELECT 1 INTO t",
        "WITH t AS (DELETE FROM sip) SELECT 1",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "DESCRIBE sip",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "TABLE sip",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "MERGE INTO sip USING rtcp ON sip.id = rtcp.id WHEN MATCHED THEN DELETE",
        &format!("COPY sip TO '{target}'"),
        &format!("COPY (SELECT 1) TO '{target}' STORED AS PARQUET"),
        &format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{target}'"),
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM nowhere",
        "SELECT nonsense FROM sip",
        "SELECT no_such_function(1)",
    ] {
        let outcome = wait(async {
            match store.sql(statement, None).await {
                Ok(answer) => answer.collect().await.map(|_| ()),
                Err(error) => Err(error),
            }
        });
        assert!(
            matches!(outcome, Err(StoreError::Refused(_) | StoreError::Query(_))),
            "{statement} is refused: {outcome:?}"
        );
    }
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 51);
    assert!(!folder.path().join("out.parquet").exists());
}

#[test]
fn deep_statements_are_errors_not_crashes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path());
    for depth in [300, 1_900, 20_000] {
        for statement in [
            format!("SELECT {}1{}", "(".repeat(depth / 2), ")".repeat(depth / 2)),
            format!("SELECT {}1", "- ".repeat(depth)),
            format!("SELECT {}true", "NOT ".repeat(depth)),
            format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(depth / 3)),
            format!("SELECT 1{}", " + 1".repeat(depth)),
            format!("SELECT count(*) FROM sip WHERE {} true", "cseq = 1 OR ".repeat(depth / 2)),
            format!("SELECT {}id FROM sip{}", "count(".repeat(depth / 2), ")".repeat(depth / 2)),
            format!("SELECT * FROM {}sip{}", "(SELECT * FROM ".repeat(depth / 5), ") a".repeat(depth / 5)),
        ] {
            let outcome = wait(async {
                match store.sql(&statement, None).await {
                    Ok(answer) => answer.collect().await.map(|_| ()),
                    Err(error) => Err(error),
                }
            });
            assert!(outcome.is_err() || depth < 2_000, "{}", &statement[..60]);
            assert!(!matches!(outcome, Err(StoreError::Internal(_))), "{}: {outcome:?}", &statement[..60]);
        }
    }
    assert_eq!(number(&store, "SELECT count(*) FROM sip"), 50);
}

#[test]
fn long_lists_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path());
    let names: Vec<String> = (0..10_000).map(|n| format!("'call-{n}'")).collect();
    let statement = format!("SELECT count(*) FROM messages WHERE call_id IN ({})", names.join(", "));
    assert_eq!(number(&store, &statement), 51);
}
