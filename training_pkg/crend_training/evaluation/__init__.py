"""Bundles measured on volumes whose truth is known; reports and their comparison."""
