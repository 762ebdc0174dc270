//! An address as people, resolvers and those who hide one write it (`netguard explain`): refused, or one
//! address that is the same when written plainly.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| netguard::fuzz::target(text));
