"""An exported dataset to a repository of the Hugging Face Hub, through huggingface_hub."""

from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled

from datasets_cache.addresses import shown_url
from datasets_cache.export import parquet
from datasets_cache.export.licence import Terms

TYPE = "dataset"


def check(repository: str, terms: Terms) -> None:
    """Raise a ValueError with the cure where a push is bound to fail: before anything is written.

    Raises:
        ValueError: nothing allows to pass the films on, or there is no token.
    """
    if not terms.stated:
        msg = (
            f"{repository}: not pushed. {terms.text} If they are, or the owners allow it, name the licence with `--licence`"
            " (say `--licence cc-by-4.0`); it goes into the card."
        )
        raise ValueError(msg)
    if get_token() is None:
        msg = f"{repository}: not pushed, there is no token of the Hub. Run `hf auth login`, or set HF_TOKEN."
        raise ValueError(msg)


def push(folder: Path, repository: str, *, message: str, public: bool = False, endpoint: str | None = None) -> str:
    """Upload an exported dataset; a private repository is made where there is none. Gives the repository's address.

    Files of an earlier version that this one does not have are removed from the repository in the same commit. An upload that
    was interrupted goes on when it is asked for again.

    Args:
        folder: written by `dataset.export`.
        repository: ``name`` or ``owner/name``.
        message: of the commit.
        public: make a new repository public, and push to one that is.
        endpoint: address of the Hub; by default HF_ENDPOINT, or huggingface.co.
    Raises:
        ValueError: the Hub cannot be reached or refuses, the upload failed, or the repository is public and `public` is not
            set.
    """
    api = HfApi(endpoint=endpoint)
    try:
        url = api.create_repo(repository, repo_type=TYPE, private=not public, exist_ok=True)
        name = url.repo_id
        if not public and not api.repo_info(name, repo_type=TYPE).private:
            msg = f"{name}: exists and is public; push with `--public` if all may read it, or name another repository."
            raise ValueError(msg)
    except HFValidationError as error:
        msg = f"{repository!r} cannot name a repository ({error}); expected `name` or `owner/name`."
        raise ValueError(msg) from error
    except (HTTPError, OfflineModeIsEnabled) as error:
        raise _refused(repository, api.endpoint, error) from error
    try:
        api.upload_folder(
            repo_id=name,
            repo_type=TYPE,
            folder_path=folder,
            commit_message=message,
            delete_patterns=[f"{parquet.folder_of(config)}/*.parquet" for config in ("default", "unlabelled")],
        )
    except HTTPError as error:
        raise _refused(name, api.endpoint, error) from error
    except Exception as error:  # the storage backend has exceptions of its own
        msg = f"{name}: the upload failed ({error}). {folder} is whole; the same command pushes it again and goes on."
        raise ValueError(msg) from error
    return shown_url(str(url))


def _refused(repository: str, endpoint: str, error: Exception) -> ValueError:
    endpoint = shown_url(endpoint)
    if not isinstance(error, HfHubHTTPError):
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        return ValueError(
            f"{repository}: not pushed, {endpoint} cannot be reached ({said}). Look at the network, HF_ENDPOINT and"
            " HF_HUB_OFFLINE; the exported folder stays, and the same command pushes it."
        )
    code = error.response.status_code
    why = {
        401: f"the token is not accepted. Make one that may write at {endpoint}/settings/tokens and run `hf auth login`",
        403: "the token may not write there. Take one with the right to write, and an owner that you belong to",
        404: "there is no such owner, or the token does not see it. Look at the name",
    }.get(code, error.server_message or "it gave no reason; try again later")
    return ValueError(f"{repository}: not pushed, {endpoint} says {code}: {why}.")
