//! A policy file: refused with file, line and column of every fault, or a policy that means something.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use policy::Policy;

fuzz_target!(|text: &str| {
    match Policy::parse(text, Path::new("fuzz.toml"), Path::new("/root-of-the-fuzzer")) {
        Ok(policy) => assert!(policy.active_networks().next().is_some(), "a policy has networks"),
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml"), "{error} names no place"),
    }
});
