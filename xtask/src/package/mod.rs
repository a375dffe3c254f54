//! The Debian package: built from the program, from `packaging/`, and from what the program writes about itself.

mod install_test;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::demo::target_folder;
use crate::run::{cargo, command, output, repository, run, step};
use crate::{book, install, web};

pub(crate) use install_test::{inside, test};

/// From sources to `target/package/*.deb`.
pub(crate) fn build() -> Result<()> {
    step("build tools", install::build_tools)?;
    step("packaging tools", install::packaging_tools)?;
    step("web part", web::build)?;
    step("program (the first build compiles the query engine: about 20 minutes on two cores)", || {
        run(cargo(&["build", "--release", "--package", "rhapsode"]))
    })?;
    step("package", || {
        let version = version()?;
        let package = make(&Recipe { version: &version, compression: "xz", folder: "package" })?;
        println!("{}", package.display());
        Ok(())
    })
}

struct Recipe<'a> {
    version: &'a str,
    /// As `dpkg-deb -Z` names it.
    compression: &'a str,
    /// Of the target folder.
    folder: &'a str,
}

/// File in the package, its source in the repository, its mode.
const FILES: &[(&str, &str, u32)] = &[
    ("etc/rhapsode/rhapsode.toml", "packaging/rhapsode.toml", 0o644),
    ("usr/lib/sysctl.d/60-rhapsode.conf", "packaging/sysctl.conf", 0o644),
    ("lib/systemd/system/rhapsode.service", "packaging/systemd/rhapsode.service", 0o644),
    ("usr/share/doc/rhapsode/copyright", "packaging/debian/copyright", 0o644),
    ("usr/share/doc/rhapsode/CHANGELOG.md", "CHANGELOG.md", 0o644),
    ("usr/share/doc/rhapsode/openapi.json", "docs/openapi.json", 0o644),
    ("usr/share/doc/rhapsode/grafana/calls.json", "docs/grafana/calls.json", 0o644),
    ("usr/share/doc/rhapsode/grafana/ingest.json", "docs/grafana/ingest.json", 0o644),
    ("DEBIAN/postinst", "packaging/debian/postinst", 0o755),
    ("DEBIAN/prerm", "packaging/debian/prerm", 0o755),
    ("DEBIAN/postrm", "packaging/debian/postrm", 0o755),
];

/// Of a built program.
fn make(recipe: &Recipe<'_>) -> Result<PathBuf> {
    let target = target_folder()?;
    let work = target.join(recipe.folder);
    let tree = work.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for (to, from, mode) in FILES {
        place(&repository().join(from), &tree.join(to), *mode)?;
    }
    // The manual's pages, as they stand in the repository.
    let docs = repository().join("docs");
    let mut pages = BTreeMap::new();
    book::read(&docs, &docs, &mut pages)?;
    for page in pages.keys() {
        place(&docs.join(page), &tree.join("usr/share/doc/rhapsode").join(page), 0o644)?;
    }
    let program = tree.join("usr/bin/rhapsode");
    place(&target.join("release/rhapsode"), &program, 0o755)?;
    run(command("strip", &["--strip-unneeded", &program.to_string_lossy()]))?;
    describe_itself(&program, &tree)?;
    fs::write(tree.join("DEBIAN/conffiles"), "/etc/rhapsode/rhapsode.toml\n")?;

    let architecture = output(command("dpkg", &["--print-architecture"]))?.trim().to_owned();
    let control = fs::read_to_string(repository().join("packaging/debian/control"))?
        .replace("@VERSION@", recipe.version)
        .replace("@ARCHITECTURE@", &architecture)
        .replace("@SIZE@", &(bytes_of(&tree)? / 1024).to_string())
        .replace("@DEPENDS@", &libraries(&program, &work)?);
    fs::write(tree.join("DEBIAN/control"), control)?;

    let package = work.join(format!("rhapsode_{}_{architecture}.deb", recipe.version));
    let mut dpkg = command("dpkg-deb", &["--root-owner-group", "--build"]);
    dpkg.arg(format!("-Z{}", recipe.compression)).arg(&tree).arg(&package);
    run(dpkg)?;
    Ok(package)
}

/// Manual pages and completions, which the program writes of its own options.
fn describe_itself(program: &Path, tree: &Path) -> Result<()> {
    let pages = tree.join("usr/share/man/man1");
    fs::create_dir_all(&pages)?;
    let mut write = command(program, &["manual-pages"]);
    write.arg(&pages);
    run(write)?;
    // Listed before any is compressed, which adds files.
    let written: Vec<fs::DirEntry> = fs::read_dir(&pages)?.collect::<Result<_, _>>()?;
    for page in written {
        run(command("gzip", &["-9n", &page.path().to_string_lossy()]))?;
    }
    for (shell, file) in [
        ("bash", "usr/share/bash-completion/completions/rhapsode"),
        ("zsh", "usr/share/zsh/vendor-completions/_rhapsode"),
        ("fish", "usr/share/fish/vendor_completions.d/rhapsode.fish"),
    ] {
        let path = tree.join(file);
        fs::create_dir_all(path.parent().unwrap_or(tree))?;
        fs::write(&path, output(command(program, &["completions", shell]))?)?;
    }
    Ok(())
}

/// The packages of the libraries it is linked to.
fn libraries(program: &Path, work: &Path) -> Result<String> {
    // dpkg-shlibdeps reads the names of the packages to be made from debian/control.
    fs::create_dir_all(work.join("debian"))?;
    fs::write(work.join("debian/control"), "Source: rhapsode\n\nPackage: rhapsode\nArchitecture: any\n")?;
    let mut shlibdeps = command("dpkg-shlibdeps", &["-O"]);
    shlibdeps.arg(program).current_dir(work);
    let depends = output(shlibdeps)?;
    let depends = depends.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    depends.map(str::to_owned).context("dpkg-shlibdeps names no libraries")
}

fn version() -> Result<String> {
    let manifest: toml::Table = fs::read_to_string(repository().join("Cargo.toml"))?.parse()?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    version.map(str::to_owned).context("the workspace has no version")
}

fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

fn bytes_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        bytes += if path.is_dir() { bytes_of(&path)? } else { path.metadata()?.len() };
    }
    Ok(bytes)
}
