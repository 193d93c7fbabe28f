"""The one measurement of loss, how much of it there is, and what it costs."""
