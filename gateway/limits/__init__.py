"""How much a client may use: requests, tokens, calls at once, money; and what its calls did use.

docs/keys.md says what each limit means and how exact it is.
"""

from gateway.limits.counting import KeptCall, TokenCounter, estimate_tokens
from gateway.limits.limiter import Allowance, Exceeded, Lease, Limiter, Resource, allowance_of
from gateway.limits.opening import open_limiter
from gateway.limits.prices import Prices, unpriced
from gateway.limits.usage import Usage, read_usage

__all__ = [
    "Allowance",
    "Exceeded",
    "KeptCall",
    "Lease",
    "Limiter",
    "Prices",
    "Resource",
    "TokenCounter",
    "Usage",
    "allowance_of",
    "estimate_tokens",
    "open_limiter",
    "read_usage",
    "unpriced",
]
