"""How Azure Storage says no: XML with a code, and the same code in a header. One exception, a maker for each refusal.

Codes and sentences are those of Azure's lists of error codes; the 401's detail is from answers that people reported.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from latchportal.devcloud.errors import ArmError

CHALLENGE = (
    "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize "
    "resource_id=https://storage.azure.com"
)
_NO_IDENTITY = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
# What a pretend Entra's reason for a token being no good is called here.
_DETAILS = {
    "ExpiredAuthenticationToken": "Lifetime validation failed. The token is expired.",
    "InvalidAuthenticationTokenAudience": "Audience validation failed. Audience did not match.",
    "InvalidAuthenticationToken": "Signature validation failed. Signature verification failed.",
}


class BlobError(Exception):
    """A refusal: HTTP status, code, message, further elements of the XML, headers."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        more: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.more, self.headers = dict(more or {}), dict(headers or {})

    def xml(self, request_id: str) -> str:
        """The body of the answer."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
        text = escape(f"{self.message}\nRequestId:{request_id}\nTime:{at}")
        more = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in self.more.items())
        said = f"<Code>{self.code}</Code><Message>{text}</Message>{more}"
        return f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error>{said}</Error>'


def no_identity(why: str, *, given: bool) -> BlobError:
    """401 for a token that is no good, or for none."""
    headers = {"WWW-Authenticate": CHALLENGE}
    if not given:
        return BlobError(401, "NoAuthenticationInformation", _NO_IDENTITY, headers=headers)
    detail = _DETAILS.get(why, _DETAILS["InvalidAuthenticationToken"])
    more = {"AuthenticationErrorDetail": detail}
    return BlobError(401, "InvalidAuthenticationInfo", _NO_IDENTITY, more=more, headers=headers)


def no_role() -> BlobError:
    message = "This request is not authorized to perform this operation using this permission."
    return BlobError(403, "AuthorizationPermissionMismatch", message)


def no_container() -> BlobError:
    return BlobError(404, "ContainerNotFound", "The specified container does not exist.")


def no_blob() -> BlobError:
    return BlobError(404, "BlobNotFound", "The specified blob does not exist.")


def already_there() -> BlobError:
    return BlobError(409, "BlobAlreadyExists", "The specified blob already exists.")


def immutable() -> BlobError:
    message = "This operation is not permitted as the blob is immutable due to a policy."
    return BlobError(409, "BlobImmutableDueToPolicy", message)


def other_type() -> BlobError:
    return BlobError(409, "InvalidBlobType", "The blob type is invalid for this operation.")


def too_many_blocks(what: str, limit: int) -> BlobError:
    message = f"The {what} block count cannot exceed the maximum limit of {limit:,} blocks."
    return BlobError(409, "BlockCountExceedsLimit", message)


def too_large(limit: int) -> BlobError:
    message = "The request body is too large and exceeds the maximum permissible limit."
    return BlobError(413, "RequestBodyTooLarge", message, more={"MaxLimit": str(limit)})


def not_met(code: str = "ConditionNotMet") -> BlobError:
    messages = {
        "ConditionNotMet": "The condition specified using HTTP conditional header(s) is not met.",
        "AppendPositionConditionNotMet": "The append position condition specified was not met.",
        "MaxBlobSizeConditionNotMet": "The max blob size condition specified was not met.",
    }
    return BlobError(412, code, messages[code])


def bad_header(name: str, value: str) -> BlobError:
    message = "The value for one of the HTTP headers is not in the correct format."
    return BlobError(400, "InvalidHeaderValue", message, more={"HeaderName": name, "HeaderValue": value})


def no_header(name: str) -> BlobError:
    message = "An HTTP header that's mandatory for this request is not specified."
    return BlobError(400, "MissingRequiredHeader", message, more={"HeaderName": name})


def bad_query(name: str, value: str) -> BlobError:
    message = "Value for one of the query parameters specified in the request URI is invalid."
    more = {"QueryParameterName": name, "QueryParameterValue": value}
    return BlobError(400, "InvalidQueryParameterValue", message, more=more)


def in_its_words(refusal: ArmError) -> BlobError:
    """What a fault, which speaks as ARM does, is called here."""
    if refusal.status == 401:
        return no_identity("InvalidAuthenticationToken", given=True)
    if refusal.status == 403:
        return no_role()
    if refusal.status == 429:
        return BlobError(503, "ServerBusy", "The server is busy.")
    message = "The server encountered an internal error. Please retry the request."
    return BlobError(500, "InternalError", message)
