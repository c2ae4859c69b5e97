"""Airflow on one machine, for `make run` and the tests: start it, drive it, watch it, stop it.

Nothing here is parsed by Airflow (`.airflowignore`), and a deployment needs none of it.
"""
