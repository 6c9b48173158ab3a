"""Whether the repositories that weights come from can be reached."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from datasets_cache.addresses import shown_url
from flows.findings import Finding

SECONDS = 3.0
"""How long a repository may take to answer."""
TORCH = "https://download.pytorch.org"
_TRUE = {"1", "ON", "YES", "TRUE"}


def repositories(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Address of each repository, by what comes from it; ``HF_ENDPOINT`` moves the first."""
    hub = environment.get("HF_ENDPOINT") or "https://huggingface.co"
    return {"translation models, BERT": hub.rstrip("/"), "ResNet": TORCH}


def reachable(addresses: Mapping[str, str], *, offline: bool, seconds: float = SECONDS) -> list[Finding]:
    """A finding for each repository, all asked at once.

    Args:
        addresses: by what comes from there.
        offline: ask none.
        seconds: for each to answer in.
    """
    if offline:
        return [Finding(f"Reach {_host(url)}", "ok", "not asked (--offline)") for url in addresses.values()]
    with ThreadPoolExecutor(len(addresses)) as pool:
        return list(pool.map(lambda what: _ask(what, addresses[what], seconds), addresses))


def _ask(what: str, url: str, seconds: float) -> Finding:
    name = f"Reach {_host(url)}"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE and url != TORCH:
        return Finding(name, "missing", "not asked: HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE to download models")
    cure = f"fetch {what} where it can be reached and copy the cache here, or use the embedded models"
    try:
        answer = httpx.head(url, timeout=seconds, follow_redirects=False)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Finding(
            name, "problem", f"{shown_url(url)}: not an address ({error})", "set HF_ENDPOINT to https://HOST, or unset it"
        )
    except httpx.TimeoutException:
        return Finding(name, "missing", f"no answer within {seconds:g} s", f"{cure}; behind a proxy set HTTPS_PROXY")
    except (httpx.HTTPError, OSError) as error:
        return Finding(name, "missing", f"not reachable ({str(error) or type(error).__name__})", cure)
    if answer.status_code >= 500:
        return Finding(name, "missing", f"answers with an error of its own ({answer.status_code})", "try again later")
    return Finding(name, "ok", f"answers ({what})")


def _host(url: str) -> str:
    shown = shown_url(url)
    return shown.partition("://")[2] or shown
