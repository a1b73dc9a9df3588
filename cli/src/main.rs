//! The `radiograph` binary; what it can do stands in the library beside it, where manual pages and shell
//! completions are made from its command line too.

use std::process::ExitCode;

/// Documents are allocated by one thread and freed by another, many at a time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    radiograph::main()
}
