"""The forecast store, publishing, the query API, the dashboard and the refresh worker."""
