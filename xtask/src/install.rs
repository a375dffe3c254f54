//! What a fresh machine lacks: Debian packages, npm and PyPI packages, cargo-nextest. Says what it installs; installs
//! nothing that is there.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::run::{cargo, command, output, repository, run};

/// Programs the tests talk to, and the Debian package each comes from.
const FOREIGN_PROGRAMS: &[(&str, &str)] = &[
    ("kamailio", "kamailio"),
    ("rtpengine", "rtpengine-daemon"),
    ("sipp", "sip-tester"),
    ("baresip", "baresip-core"),
    ("sngrep", "sngrep"),
    ("sipgrep", "sipgrep"),
    ("stunnel", "stunnel4"),
    ("haproxy", "haproxy"),
    ("janus", "janus"),
    ("prometheus", "prometheus"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("influxd", "influxdb"),
    ("victoria-metrics", "victoria-metrics"),
    ("nats-server", "nats-server"),
    ("mosquitto", "mosquitto"),
    ("aiosmtpd", "python3-aiosmtpd"),
    ("python3", "python3"),
    ("tshark", "tshark"),
    ("openssl", "openssl"),
    ("valgrind", "valgrind"),
    ("chromium", "chromium"),
];

/// Programs that make and try the Debian package, and where they come from.
const PACKAGING_TOOLS: &[(&str, &str)] = &[
    ("dpkg-shlibdeps", "dpkg-dev"),
    ("strip", "binutils"),
    ("gzip", "gzip"),
    ("adduser", "adduser"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("sysctl", "procps"),
    ("systemd-analyze", "systemd"),
    ("deb-systemd-helper", "init-system-helpers"),
];

/// Packages that bring no program of their own: Kamailio's modules.
const FOREIGN_FILES: &[(&str, &str)] = &[
    ("usr/lib/x86_64-linux-gnu/kamailio/modules/siptrace.so", "kamailio-extra-modules"),
    ("usr/lib/x86_64-linux-gnu/kamailio/modules/tls.so", "kamailio-tls-modules"),
    ("usr/lib/x86_64-linux-gnu/kamailio/modules/http_client.so", "kamailio-utils-modules"),
    ("usr/lib/x86_64-linux-gnu/kamailio/modules/json.so", "kamailio-json-modules"),
];

/// The programs the build needs beside cargo.
pub(crate) fn build_tools() -> Result<()> {
    let mut missing: Vec<&str> = Vec::new();
    for (program, package) in
        [("cc", "gcc"), ("c++", "g++"), ("make", "make"), ("node", "nodejs"), ("npm", "npm")]
    {
        if find(program).is_none() {
            missing.push(package);
        }
    }
    apt(&missing)
}

pub(crate) fn foreign_programs() -> Result<()> {
    let programs =
        FOREIGN_PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package);
    let root = PathBuf::from("/");
    let files =
        FOREIGN_FILES.iter().filter(|(file, _)| !root.join(file).exists()).map(|(_, package)| *package);
    let mut missing: Vec<&str> = programs.chain(files).collect();
    // A Python of another origin than Debian's brings it along.
    if output(command("python3", &["-c", "import ensurepip, venv"])).is_err() {
        missing.push("python3-venv");
    }
    apt(&missing)?;
    npm("crates/testkit/hepjs")?;
    python("crates/testkit/webrtc")?;
    python("crates/testkit/lake")?;
    python("crates/testkit/s3")
}

/// What makes a Debian package, and what looks at it.
pub(crate) fn packaging_tools() -> Result<()> {
    let tools = PACKAGING_TOOLS.iter();
    let missing: Vec<&str> =
        tools.filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    apt(&missing)
}

pub(crate) fn nextest() -> Result<()> {
    if output(cargo(&["nextest", "--version"])).is_ok() {
        return Ok(());
    }
    println!("installing cargo-nextest from crates.io (a few minutes, once)");
    run(cargo(&["install", "--locked", "cargo-nextest"]))
}

/// What the web part is made of.
pub(crate) fn npm_packages() -> Result<()> {
    npm("web")
}

/// `npm ci` when the lock file is newer than what is installed.
fn npm(folder: &str) -> Result<()> {
    let path = repository().join(folder);
    let modified = |path: PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let installed = modified(path.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(path.join("package-lock.json")) {
        return Ok(());
    }
    println!("installing npm packages into {folder}/node_modules");
    let mut npm = command("npm", &["ci", "--no-audit", "--no-fund"]);
    npm.current_dir(path);
    run(npm)
}

/// A virtual environment of its own with the packages of `requirements.txt`, whose copy in there says that all are.
fn python(folder: &str) -> Result<()> {
    let path = repository().join(folder);
    let (wanted, environment) = (path.join("requirements.txt"), path.join(".venv"));
    let installed = environment.join("requirements.txt");
    if std::fs::read(&installed).is_ok_and(|list| std::fs::read(&wanted).is_ok_and(|wanted| wanted == list)) {
        return Ok(());
    }
    println!("installing PyPI packages into {folder}/.venv");
    let mut venv = command("python3", &["-m", "venv", "--clear", ".venv"]);
    venv.current_dir(&path);
    run(venv)?;
    // Built packages only: from source, av would need the headers of FFmpeg, and DuckDB an hour.
    let arguments = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--requirement"];
    let mut pip = command(environment.join("bin/python"), &arguments);
    pip.arg(&wanted);
    run(pip)?;
    std::fs::copy(wanted, installed)?;
    Ok(())
}

fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    println!("installing Debian packages: {}", packages.join(" "));
    if find("apt-get").is_none() {
        bail!("this machine has no apt-get; install these by hand: {}", packages.join(" "));
    }
    run(privileged(&["apt-get", "update", "-qq"]))?;
    let mut words = vec!["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    words.extend(packages);
    run(privileged(&words))
}

/// As root directly, else through sudo.
pub(crate) fn privileged(words: &[&str]) -> std::process::Command {
    let is_root = output(command("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    // No questions (wireshark asks one) and no services started: the tests start what they need themselves.
    let mut all = vec!["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    if !is_root {
        all.insert(0, "sudo");
    }
    all.extend(words);
    command(all[0], &all[1..])
}

pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(program)).find(|path| path.is_file())
}
