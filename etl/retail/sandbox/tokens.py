"""Bearer tokens of the sandbox: one for each merchant, always the same for a seed."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

__all__ = ["sandbox_tokens"]


def sandbox_tokens(merchants: Iterable[str], seed: int = 7) -> dict[str, str]:
    """The token of each merchant, the value of `STORECAST_SOURCE_TOKENS` for a sandbox.

    They guard invented orders: whoever knows the seed can make them.
    """
    key = f"storecast sandbox {seed}".encode()
    return {
        merchant: "SANDBOX-" + hmac.new(key, merchant.encode(), "sha256").hexdigest()[:40]
        for merchant in merchants
    }
