//! Links this crate's tests and examples with the shared libpython3.11 of `COLUBER_PYTHON` (else of `python3.11` on PATH).

use std::process::Command;

const PROBE: &str = "\
import sysconfig as s
print(s.get_config_var('LIBDIR'))
print(s.get_config_var('LIBDIR') + '/' + (s.get_config_var('MULTIARCH') or ''))
";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=COLUBER_PYTHON");
    println!("cargo:rerun-if-env-changed=PATH");
    let python = std::env::var("COLUBER_PYTHON").ok().filter(|path| !path.is_empty());
    let python = python.unwrap_or_else(|| "python3.11".into());
    let Ok(output) = Command::new(&python).args(["-I", "-S", "-c", PROBE]).output() else {
        println!("cargo:warning={python} was not found: this crate's tests will not link");
        return;
    };
    for folder in String::from_utf8_lossy(&output.stdout).lines() {
        println!("cargo:rustc-link-arg=-L{folder}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo:rustc-link-arg=-lpython3.11");
}
