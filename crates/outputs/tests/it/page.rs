//! A page of metrics and what stands on it.

use outputs::metrics::{Alerts, Format, Listener, Metrics, Receiver, Settings, Targets};
use protocols::Protocols;
use store::{Config, Store};

/// Metrics beside an empty store.
pub(crate) struct Counting {
    pub(crate) metrics: Metrics,
    store: Store,
    _folder: tempfile::TempDir,
}

/// A page as it was written.
pub(crate) struct Page(pub(crate) String);

impl Counting {
    pub(crate) fn new(heplify: Option<Targets>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { derived: ::calls::TABLES, ..Config::new(folder.path()) };
        let store = Store::open(config, Protocols::built_in().tables()).expect("it opens");
        let metrics = Metrics::start(Settings { version: "1.2.3", heplify }).expect("a thread");
        Self { metrics, store, _folder: folder }
    }

    pub(crate) fn page(&self) -> Page {
        self.page_of(Format::OpenMetrics, &Receiver::default())
    }

    pub(crate) fn page_of(&self, format: Format, receiver: &Receiver) -> Page {
        Page(self.metrics.page(format, receiver, &self.store).expect("a page"))
    }
}

impl Page {
    /// The value of one series, written as it stands on the page.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("no {series} in\n{}", self.0))
    }

    pub(crate) fn find(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        line.split(' ').next()?.parse().ok()
    }

    /// The sum over all series of a metric.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let lines = self.0.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

#[test]
fn the_receiver_is_told_by_listener_and_cause() {
    let counting = Counting::new(None);
    let receiver = Receiver {
        listeners: vec![Listener {
            name: "edge \"1\"".to_owned(),
            received: 9,
            stored: 4,
            refused: [("key_wrong".to_owned(), 3)].into(),
            dropped: [("kernel".to_owned(), 1)].into(),
            duplicates: 0,
            pending: 1,
            bytes: 900,
        }],
        senders: 2,
        is_ready: true,
        alarms: vec!["publish".to_owned()],
        alerts: vec![Alerts { rule: "disk".to_owned(), severity: "critical", state: "firing", count: 2 }],
        ..Receiver::default()
    };
    for format in [Format::OpenMetrics, Format::Prometheus] {
        let page = counting.page_of(format, &receiver);
        for (series, value) in [
            (r#"rhapsode_packets_received_total{listener="edge \"1\""}"#, 9.0),
            (r#"rhapsode_packets_refused_total{listener="edge \"1\"",cause="key_wrong"}"#, 3.0),
            (r#"rhapsode_packets_dropped_total{listener="edge \"1\"",cause="kernel"}"#, 1.0),
            (r#"rhapsode_received_bytes_total{listener="edge \"1\""}"#, 900.0),
            ("rhapsode_senders", 2.0),
            ("rhapsode_ready", 1.0),
            ("rhapsode_alarms", 1.0),
            (r#"rhapsode_alarm{alarm="publish"}"#, 1.0),
            (r#"rhapsode_alerts{rule="disk",severity="critical",state="firing"}"#, 2.0),
            (r#"rhapsode_build_info{version="1.2.3"}"#, 1.0),
            (r#"rhapsode_lake_rows{table="sip"}"#, 0.0),
        ] {
            assert_eq!(page.value(series), value, "{series}");
        }
        assert!(page.value("process_resident_memory_bytes") > 1e6);
        assert!(page.value("process_start_time_seconds") > 1.7e9);
        assert!(page.value("rhapsode_lake_disk_free_bytes") > 0.0);
        assert_eq!(page.0.ends_with("# EOF\n"), format == Format::OpenMetrics);
    }
}

/// Each metric that is declared is there once, and nothing else.
#[test]
fn a_page_has_all_metrics_once() {
    let page = Counting::new(Some(Targets::default())).page_of(Format::Prometheus, &Receiver::default());
    let named = page.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut named: Vec<&str> = named.collect();
    let mut declared: Vec<&str> = outputs::metrics::metrics().into_iter().map(|metric| metric.name).collect();
    named.sort_unstable();
    declared.sort_unstable();
    assert_eq!(named, declared);
    let page = Counting::new(None).page();
    assert!(!page.0.contains("heplify"), "only where they are wanted");
}
