# What is released; everything else is a command of Cargo or of tests/run.

.PHONY: help release
help:
	@echo 'make release    static binaries, archives, packages and checksums, in target/packages'
	@echo 'cargo xtask --help names the single steps'

release:
	cargo xtask release
