"""The analysts' report of a month: what was promised, what was sold, and whether to go on."""

from forecasting.report.write import write_report

__all__ = ["write_report"]
