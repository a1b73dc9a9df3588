//! The systems that binaries are released for. Both static: what they start on is any Linux, whichever C
//! library it has (`spec/storage.md` section 4).

use clap::ValueEnum;

/// A system that binaries are released for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// 64-bit Intel and AMD.
    #[value(name = "x86_64-unknown-linux-musl", alias = "x86_64")]
    X86_64,
    /// 64-bit ARM.
    #[value(name = "aarch64-unknown-linux-musl", alias = "aarch64")]
    Aarch64,
}

impl Target {
    /// Rust's name for it.
    pub(crate) const fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// As `uname -m` says it.
    pub(crate) const fn architecture(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.triple())
    }
}
