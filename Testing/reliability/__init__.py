"""Trials that try to break CRend: `make reliability` runs them and writes report.md."""
