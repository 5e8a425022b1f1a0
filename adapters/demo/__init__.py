"""The demo: a day of play, its report and its curl lines."""
