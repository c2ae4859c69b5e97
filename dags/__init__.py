"""Airflow wiring: schedules, retries, pools and mapping over the jobs of the rooms below."""
