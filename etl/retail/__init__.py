"""Marketplaces: one file per source, and the sandbox that replays one."""
