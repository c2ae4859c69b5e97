"""From a marketplace to training shards, and the lowest layer: tables, settings, errors, lake."""
