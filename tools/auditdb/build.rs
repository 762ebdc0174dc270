//! Where auditdb finds DuckDB's library when it runs.

// `$ORIGIN` is the folder of the program: beside it in a checkout and in the monitor's image, and in lib/cellblock
// beside bin/ once installed (ld.so(8)). A build with the feature `bundled` has DuckDB inside and needs neither.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_none() {
        println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN:$ORIGIN/../lib/cellblock");
    }
}
