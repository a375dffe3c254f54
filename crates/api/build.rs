//! Sees to it that the folder of the built web part exists, so that the program compiles before the web part was
//! ever built (it then serves a page that says so), and is compiled again when the web part was.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    // A folder that is missing would count as changed at every build, hence an empty one. In a read-only
    // source tree this fails, which costs nothing but that.
    if std::fs::create_dir_all(&dist).is_ok() {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
}
