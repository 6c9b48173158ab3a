"""Addresses of servers and hubs."""


def shown_url(url: str) -> str:
    """`url` without the name and password that may stand before its host: for messages, logs and files.

    Examples:
        >>> shown_url("https://ann:secret@prefect.example/api")
        'https://prefect.example/api'
    """
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"
