"""Interop suite: a package, so that its modules do not clash with the other suites' by name."""
