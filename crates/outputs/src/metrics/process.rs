//! The process as the kernel sees it, under the names that Prometheus gives these figures everywhere.

use std::fs;

use super::metric::{Kind, Metric};
use super::page::Page;

static BUILD: Metric = Metric {
    name: "rhapsode_build_info",
    kind: Kind::Info,
    labels: &["version"],
    help: "Which version runs",
};
static CPU: Metric = Metric::counter("process_cpu_seconds_total", &[], "CPU time in user and kernel mode");
static RESIDENT: Metric = Metric::gauge("process_resident_memory_bytes", &[], "Resident memory");
static VIRTUAL: Metric = Metric::gauge("process_virtual_memory_bytes", &[], "Virtual memory");
static OPEN_FDS: Metric = Metric::gauge("process_open_fds", &[], "Open file descriptors");
static MAX_FDS: Metric = Metric::gauge("process_max_fds", &[], "Most file descriptors that may be open");
static THREADS: Metric = Metric::gauge("process_threads", &[], "Threads");
static STARTED: Metric =
    Metric::gauge("process_start_time_seconds", &[], "When the process started, seconds since 1970");

pub(super) static METRICS: [&Metric; 8] =
    [&BUILD, &CPU, &RESIDENT, &VIRTUAL, &OPEN_FDS, &MAX_FDS, &THREADS, &STARTED];

/// USER_HZ: what /proc counts processor time in, 100 a second on every architecture that Rust builds Linux programs for.
const TICKS_PER_SECOND: f64 = 100.0;

/// What /proc tells of this process. What cannot be read is left out of the page.
#[derive(Debug, Default, PartialEq)]
struct Process {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    threads: Option<u64>,
    start_seconds: Option<f64>,
}

pub(super) fn write(version: &str, page: &mut Page) {
    page.family(&BUILD).series(&[version], 1_u64);
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let process = Process {
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|all| all.count() as u64),
        ..Process::of(
            &text("/proc/self/stat"),
            &text("/proc/self/status"),
            &text("/proc/self/limits"),
            &text("/proc/stat"),
        )
    };
    for (metric, value) in [(&CPU, process.cpu_seconds), (&STARTED, process.start_seconds)] {
        let mut family = page.family(metric);
        if let Some(value) = value {
            family.series(&[], value);
        }
    }
    for (metric, value) in [
        (&RESIDENT, process.resident_bytes),
        (&VIRTUAL, process.virtual_bytes),
        (&OPEN_FDS, process.open_fds),
        (&MAX_FDS, process.max_fds),
        (&THREADS, process.threads),
    ] {
        let mut family = page.family(metric);
        if let Some(value) = value {
            family.series(&[], value);
        }
    }
}

impl Process {
    fn of(stat: &str, status: &str, limits: &str, system: &str) -> Self {
        // The name of the program stands in parentheses and may hold anything: proc_pid_stat(5).
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        // By their numbers in the manual page; what is left begins with the third.
        let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok());
        let ticks = |ticks: u64| ticks as f64 / TICKS_PER_SECOND;
        let boot = number_after(system, "btime ");
        Self {
            cpu_seconds: field(14).zip(field(15)).map(|(user, kernel)| ticks(user + kernel)),
            resident_bytes: number_after(status, "VmRSS:").map(|kilobytes| kilobytes * 1024),
            virtual_bytes: number_after(status, "VmSize:").map(|kilobytes| kilobytes * 1024),
            open_fds: None,
            max_fds: number_after(limits, "Max open files"),
            threads: number_after(status, "Threads:"),
            start_seconds: boot.zip(field(22)).map(|(boot, start)| boot as f64 + ticks(start)),
        }
    }
}

/// The number behind the beginning of a line.
fn number_after(text: &str, beginning: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(beginning))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_proc_are_read_as_their_manual_says() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 500 0 0 0 150 50 0 0 20 0 9 0 1000 0 0";
        let status = "Name:\trhapsode\nVmSize:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t9\n";
        let limits = "Limit      Soft Limit  Hard Limit  Units\nMax open files      1024    4096    files\n";
        let expected = Process {
            cpu_seconds: Some(2.0),
            resident_bytes: Some(1 << 20),
            virtual_bytes: Some(2 << 20),
            open_fds: None,
            max_fds: Some(1024),
            threads: Some(9),
            start_seconds: Some(1_790_000_010.0),
        };
        assert_eq!(Process::of(stat, status, limits, "cpu 1 2\nbtime 1790000000\n"), expected);
        assert_eq!(Process::of("", "", "", ""), Process::default());
    }
}
