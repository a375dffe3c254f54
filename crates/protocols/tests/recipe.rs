//! Adding a type costs one file and one line: the recipe of CONTRIBUTING.md, carried out on a copy of this room.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the recipe calls its file.
const FILE: &str = "battery.rs";

/// A program that uses the copy as the rest of the house uses the room: no name or number of it appears in the rooms
/// that take a packet, keep its record, and search it.
const USER: &str = r##"
use hep::Outgoing;
use model::{Micros, Value, query};
use protocols::{Arrival, Corrections, Protocols};

fn main() {
    let src = "192.0.2.1:1".parse().expect("an address");
    let payload = br#"{"site":"pop-3","percent":87,"since":2019}"#;
    let packet = Outgoing { hep_type: 250, payload, seconds: 1_795_237_140, ..Outgoing::new(src, src) };
    let mut bytes = Vec::new();
    packet.encode_v3(&mut bytes).expect("a small packet");
    let (packet, _) = hep::decode(&bytes, 1_795_237_200).expect("a packet");
    let arrival = Arrival {
        id: 1,
        received: Micros(1_795_237_200_000_000),
        sender: [192, 0, 2, 9].into(),
        listener: "udp",
        corrections: Corrections::default(),
    };
    let protocols = Protocols::built_in();
    let record = protocols.understand(&packet, &arrival);
    assert_eq!(record.table.name, "battery");
    assert_eq!(record.value("site"), Value::from("pop-3"));
    assert_eq!(record.value("charge"), Value::Int(87));
    assert_eq!(record.value("text"), Value::from("battery of pop-3"));
    assert_eq!(record.extra.as_deref(), Some(r#"{"fields":{"since":2019}}"#));
    assert_eq!(record.raw, payload);
    assert!(protocols.tables().iter().any(|table| table.name == "battery"));
    query::parse("battery.site = pop-3 and charge < 90", &protocols.catalogue(&[]), Micros(0)).expect("its names are known");
    println!("understood");
}
"##;

#[test]
fn a_type_costs_one_file_and_one_line() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipe");
    // What an interrupted run left behind.
    if copy.exists() {
        std::fs::remove_dir_all(&copy).expect("a folder of this test");
    }
    let before = files(&folder("src"));
    for (path, text) in &before {
        write(&copy.join("src").join(path), text);
    }

    let contributing = read(&folder("../../CONTRIBUTING.md"));
    write(&copy.join("src").join(FILE), example(&contributing));
    let line = format!("    {};\n", FILE.trim_end_matches(".rs"));
    assert!(contributing.contains(&format!("`{}`", line.trim())), "the recipe names the line");
    let registry = read(&copy.join("src/lib.rs"));
    let last = registry.find("    opaque;").expect("the last line of the registry");
    write(&copy.join("src/lib.rs"), &format!("{}{line}{}", &registry[..last], &registry[last..]));

    let after = files(&copy.join("src"));
    let touched: Vec<&str> = after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(*text))
        .map(|(path, _)| path.to_str().expect("a UTF-8 name"))
        .collect();
    assert_eq!(touched, [FILE, "lib.rs"]);
    assert_eq!(after.len(), before.len() + 1);
    let lines = |files: &BTreeMap<PathBuf, String>| files[Path::new("lib.rs")].lines().count();
    assert_eq!(lines(&after), lines(&before) + 1);

    assert_eq!(built_and_run(&copy), "understood\n");
    std::fs::remove_dir_all(&copy).expect("a folder of this test");
}

/// The first Rust block.
fn example(contributing: &str) -> &str {
    let (_, after) = contributing.split_once("```rust\n").expect("an example in CONTRIBUTING.md");
    after.split_once("```").expect("an end of the example").0
}

/// The copy as a package of its own. Without optimisation, which would take minutes to save a millisecond, and in a
/// folder of its own, which whoever builds the tree at the same time does not hold.
fn built_and_run(copy: &Path) -> String {
    let root = folder("../..").canonicalize().expect("the repository");
    let manifest = read(&folder("Cargo.toml"));
    let (_, dependencies) = manifest.split_once("[dependencies]\n").expect("dependencies");
    let rooms = dependencies.lines().take_while(|line| !line.starts_with('[')).filter_map(|line| {
        let room = line.strip_suffix(".workspace = true")?;
        let path = root.join("crates").join(room);
        let source = if path.is_dir() { format!("path = {path:?}") } else { outside(&root, room) };
        Some(format!("{room} = {{ {source} }}\n"))
    });
    let rooms: String = rooms.collect();
    let package = "[package]\nname = \"protocols\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    let profile = "[profile.dev]\ndebug = false\nincremental = false\n";
    write(&copy.join("Cargo.toml"), &format!("{package}\n[workspace]\n\n[dependencies]\n{rooms}\n{profile}"));
    // The same versions, so that nothing is fetched.
    write(&copy.join("Cargo.lock"), &read(&root.join("Cargo.lock")));
    write(&copy.join("src/main.rs"), USER);

    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--offline", "--quiet"]).current_dir(copy);
    let output = cargo.env("CARGO_TARGET_DIR", copy.join("target")).output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What the workspace says of a crate that is not ours.
fn outside(root: &Path, name: &str) -> String {
    let workspace = read(&root.join("Cargo.toml"));
    let line = workspace.lines().find(|line| line.starts_with(&format!("{name} = ")));
    let (_, value) = line.and_then(|line| line.split_once(" = ")).expect("a dependency of the workspace");
    let value = value.split(" #").next().unwrap_or_default().trim();
    match value.strip_prefix('{').and_then(|value| value.strip_suffix('}')) {
        Some(inside) => inside.to_owned(),
        None => format!("version = {value}"),
    }
}

/// A folder of this room.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every file below a folder, by its path in it.
fn files(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(top).expect("below the folder").to_owned(), read(&path));
            }
        }
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder of this test");
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
