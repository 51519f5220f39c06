"""The paper's study: cross-validation of all systems, tables and plots."""
