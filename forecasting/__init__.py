"""From training shards to predictions and scores; knows nothing of HTTP, databases or Airflow."""
