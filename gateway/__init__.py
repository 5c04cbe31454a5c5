"""Traffic, time and people: the proxy, the mirror beside it and the control API."""
