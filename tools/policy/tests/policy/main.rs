//! The policy from outside: what loads, what is refused, and with which words.

mod cell;
mod derived;
mod errors;
mod gate;
mod hostile;
mod load;
mod moat;
mod networks;
mod sample;
mod services;
