//! The package as an administrator meets it: installed, started, upgraded, removed, purged.
//!
//! In a copy of this machine that is thrown away: an overlay over its root in a namespace of its own, with a network of
//! its own. So dpkg, adduser and the dependencies are real, the ports are those of the settings that come with the
//! package, and nothing of it is left.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Recipe, make, version};
use crate::demo::target_folder;
use crate::install;
use crate::run::{cargo, command, output, run};

const UNIT: &str = "lib/systemd/system/rhapsode.service";
const SETTINGS: &str = "etc/rhapsode/rhapsode.toml";
const DATA: &str = "var/lib/rhapsode";

/// What an outsider could still do, as systemd rates units, in tenths: an unhardened one has 96.
const EXPOSURE_MAX: &str = "20";

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes two versions of the package and takes them through their lives.
pub(crate) fn test() -> Result<()> {
    install::packaging_tools()?;
    run(cargo(&["build", "--release", "--workspace", "--bins"]))?;
    let current = version()?;
    // Not compressed: what is tested is the same, and a minute of work is not.
    let package = |version: &str| make(&Recipe { version, compression: "none", folder: "package-test" });
    let (first, second) = (package(&current)?, package(&format!("{current}+1"))?);
    let root = target_folder()?.join("package-test/root");
    fs::create_dir_all(&root)?;
    let mut probe = install::privileged(&NAMESPACE);
    probe.args(["mount", "-t", "tmpfs", "none"]).arg(&root);
    if let Err(error) = output(probe) {
        println!("SKIPPED installing the package: there is no namespace for it: {error:#}");
        return Ok(());
    }
    let mut inside = install::privileged(&NAMESPACE);
    // Building may have put another file in the place of this program.
    inside
        .arg(format!("/proc/{}/exe", std::process::id()))
        .args(["package", "inside"])
        .args([root, first, second]);
    run(inside)
}

/// Processes, mounts and network of its own; all of it ends with the first process.
const NAMESPACE: [&str; 6] = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net"];

/// The test, in the namespace.
pub(crate) fn inside(root: &str, first: &str, second: &str) -> Result<()> {
    let machine = Machine::new(Path::new(root))?;
    machine.install(first)?;
    let owner = machine.owner()?;
    ensure!(machine.meta(DATA)?.uid() == owner, "the data folder is not the service's");
    let settings = machine.meta(SETTINGS)?;
    ensure!(settings.mode() & 0o777 == 0o640, "{SETTINGS} has mode {:o}", settings.mode());
    ensure!(settings.uid() == 0 && settings.gid() != 0, "{SETTINGS} is not of root and the service's group");
    let wanted = "etc/systemd/system/multi-user.target.wants/rhapsode.service";
    ensure!(machine.path(wanted).is_symlink(), "the service is not started at boot");
    machine.run(&["systemd-analyze", "verify", "--man=no", "rhapsode.service"])?;
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    machine.run(&["systemd-analyze", "security", "--offline=yes", &threshold, "rhapsode.service"])?;
    for page in ["rhapsode", "rhapsode-serve"] {
        machine.meta(&format!("usr/share/man/man1/{page}.1.gz"))?;
    }

    let service = machine.start()?;
    machine.run(&["rhapsode", "generate", "--to", "udp:127.0.0.1:9060", "--messages", "2000"])?;
    machine.wait_for_messages(2000)?;
    service.stop()?;

    // What an administrator wrote stays, and so does what was kept.
    let edited = machine.read(SETTINGS)? + "# ours\n";
    fs::write(machine.path(SETTINGS), &edited)?;
    machine.install(second)?;
    ensure!(machine.read(SETTINGS)? == edited, "the upgrade changed {SETTINGS}");
    ensure!(machine.owner()? == owner, "the upgrade changed the user");
    let service = machine.start()?;
    machine.wait_for_messages(2000)?;
    service.stop()?;

    machine.run(&["dpkg", "--remove", "rhapsode"])?;
    ensure!(!machine.path("usr/bin/rhapsode").exists(), "the program is still there");
    ensure!(machine.read(SETTINGS)? == edited, "removing the package changed {SETTINGS}");
    ensure!(machine.path(DATA).join("node-id").exists(), "removing the package took the data");
    machine.run(&["dpkg", "--purge", "rhapsode"])?;
    for gone in [DATA, "etc/rhapsode", wanted, UNIT, "usr/lib/sysctl.d/60-rhapsode.conf"] {
        ensure!(machine.path(gone).symlink_metadata().is_err(), "{gone} is still there");
    }
    println!("installed, started, upgraded, removed and purged");
    Ok(())
}

/// The copy.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn new(folder: &Path) -> Result<Self> {
        let mount = |arguments: &[&str], at: &Path| {
            let mut mount = command("mount", arguments);
            mount.arg(at);
            run(mount)
        };
        run(command("mount", &["--make-rprivate", "/"]))?;
        mount(&["-t", "tmpfs", "-o", "mode=0755", "none"], folder)?;
        let [upper, work, root] = ["upper", "work", "root"].map(|name| folder.join(name));
        for path in [&upper, &work, &root] {
            fs::create_dir(path)?;
        }
        let layers = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
        mount(&["-t", "overlay", "-o", &layers, "overlay"], &root)?;
        mount(&["-t", "proc", "proc"], &root.join("proc"))?;
        mount(&["--rbind", "/dev"], &root.join("dev"))?;
        mount(&["-t", "tmpfs", "none"], &root.join("run"))?;
        run(command("ip", &["link", "set", "lo", "up"]))?;
        // A container may have its own over that of the root below.
        fs::copy("/etc/hosts", root.join("etc/hosts"))?;
        let machine = Self { root };
        // Whatever this machine has of an earlier package.
        if machine.run(&["dpkg", "--status", "rhapsode"]).is_ok() {
            machine.run(&["dpkg", "--purge", "rhapsode"])?;
        }
        Ok(machine)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.path(path)).with_context(|| format!("cannot read {path}"))
    }

    fn meta(&self, path: &str) -> Result<fs::Metadata> {
        fs::metadata(self.path(path)).with_context(|| format!("{path} is not there"))
    }

    /// By a copy in there, which does not stay: all of it is in memory.
    fn install(&self, package: &str) -> Result<()> {
        let copy = self.path("run/rhapsode.deb");
        fs::copy(package, &copy).with_context(|| format!("cannot copy {package}"))?;
        self.run(&["dpkg", "--install", "/run/rhapsode.deb"])?;
        Ok(fs::remove_file(copy)?)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut chroot = command("chroot", &[]);
        chroot.arg(&self.root).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        chroot.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        chroot
    }

    fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).output().with_context(|| format!("cannot start {words:?}"))?;
        let text =
            String::from_utf8_lossy(&[output.stdout, b"\n".to_vec(), output.stderr].concat()).into_owned();
        ensure!(output.status.success(), "{}: {}\n{text}", words.join(" "), output.status);
        Ok(text)
    }

    fn owner(&self) -> Result<u32> {
        Ok(output(self.command(&["id", "-u", "rhapsode"]))?.trim().parse()?)
    }

    /// The command line of the unit, as the unit's user, without capabilities; returns when it says that it is ready.
    fn start(&self) -> Result<Service> {
        let unit = self.read(UNIT)?;
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
        let line = line.context("the unit starts nothing")?;
        let socket = self.path("run/notify");
        fs::remove_file(&socket).ok();
        let notified = UnixDatagram::bind(&socket)?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o666))?;
        notified.set_read_timeout(Some(PATIENCE))?;
        let mut words = vec!["setpriv", "--reuid=rhapsode", "--regid=rhapsode", "--init-groups"];
        words.extend(["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]);
        words.extend(line.split_whitespace());
        let mut serve = self.command(&words);
        serve.env("NOTIFY_SOCKET", "/run/notify");
        let service = Service { child: serve.spawn()?, notified };
        service.wait_for("READY=1")?;
        let answer = ask_health().context("the web does not answer")?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "/health says {answer}");
        Ok(service)
    }

    /// As the administrator would look, in the terminal.
    fn wait_for_messages(&self, count: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.run(&["rhapsode", "sql", "SELECT count(*) AS n FROM messages"])?;
            if told.split_whitespace().any(|word| word == count.to_string()) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{count} messages expected, but: {told}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A started server. Killed when dropped.
struct Service {
    child: Child,
    notified: UnixDatagram,
}

impl Service {
    /// What it tells the service manager.
    fn wait_for(&self, wanted: &str) -> Result<()> {
        let mut buffer = [0; 4096];
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let count = self.notified.recv(&mut buffer).with_context(|| format!("no {wanted} was told"))?;
            if String::from_utf8_lossy(&buffer[..count]).lines().any(|line| line == wanted) {
                return Ok(());
            }
        }
        bail!("no {wanted} was told")
    }

    fn stop(mut self) -> Result<()> {
        run(command("kill", &["-TERM", &self.child.id().to_string()]))?;
        self.wait_for("STOPPING=1")?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server does not end")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Already gone after an orderly stop.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn ask_health() -> Result<String> {
    let mut stream = TcpStream::connect("127.0.0.1:9080")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
