"""The dialects by name: what a client's dialect must offer, and what an endpoint's must.

A request travels client dialect -> Messages -> endpoint dialect, a reply back as events; where both
dialects are the same it is relayed. A new client dialect is one more `ClientDialect` here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from proxy.dialects.arguments import Schemas
from proxy.dialects.changes import Changes
from proxy.dialects.chat import fit as chat_fit
from proxy.dialects.chat import fold as chat_fold
from proxy.dialects.chat import frames as chat_frames
from proxy.dialects.chat import request as chat
from proxy.dialects.chat import usual as chat_usual
from proxy.dialects.chat.from_messages.parameters import from_messages_request
from proxy.dialects.chat.reader import ChatReader
from proxy.dialects.chat.relay import ChatRelay
from proxy.dialects.chat.to_messages.parameters import to_messages_request
from proxy.dialects.chat.writer import ChatWriter
from proxy.dialects.messages import fit as messages_fit
from proxy.dialects.messages import fold as messages_fold
from proxy.dialects.messages import frames as messages_frames
from proxy.dialects.messages import request as messages
from proxy.dialects.messages import usual as messages_usual
from proxy.dialects.messages.reader import MessagesReader
from proxy.dialects.messages.relay import MessagesRelay
from proxy.dialects.messages.request import MessagesRequest
from proxy.dialects.messages.writer import MessagesWriter
from proxy.dialects.transcoder import ReplyContext, Transcoder
from proxy.dialects.translation import Reader, Translation, Writer
from proxy.errors import DialectName, Problem, invalid
from proxy.models import Model
from proxy.routing import EndpointName

Json = dict[str, Any]
View = TypeVar("View")


class Fold(Protocol):
    """A stream of the client's dialect, gathered into the body of a non-streaming answer."""

    def feed(self, run: bytes) -> None:
        """Take in complete frames."""

    def body(self) -> bytes:
        """The JSON body."""


class Fit(Protocol):
    """Mends what an endpoint refuses; contents that are `usual` are known to need nothing."""

    def __call__(self, body: Json, model: Model, changes: Changes, *, usual: bool) -> Json:
        """The request made fit, which shares what is unchanged with `body`."""


@dataclass(frozen=True, slots=True)
class ClientDialect(Generic[View]):
    """What the gateway can do for clients of a dialect; `View` is its typed request."""

    name: DialectName
    read: Callable[[Json], View]
    read_usual: Callable[[bytes], tuple[Json, View] | None]
    usual: type[View]
    has_images: Callable[[View], bool]
    to_messages: Callable[[View, Json, Changes], Json]
    writer: Callable[[ReplyContext], Writer]
    relay: Callable[[ReplyContext], Transcoder]
    fold: Callable[[], Fold]
    error: Callable[[Problem], bytes]
    schemas: Callable[[View], Schemas]


@dataclass(frozen=True, slots=True)
class EndpointDialect:
    """What the gateway must know of an endpoint's dialect.

    `from_messages` is given the typed reading of the Messages request too, if there is one already.
    """

    name: DialectName
    path: str
    from_messages: Callable[[Json, MessagesRequest | None, Changes], Json]
    fit: Fit
    extra: Json
    reader: Callable[[ReplyContext], Reader]
    unfold: Callable[[Json], bytes]


CLIENTS: Final[dict[DialectName, ClientDialect[Any]]] = {
    "messages": ClientDialect(
        name="messages",
        read=messages.read,
        read_usual=messages_usual.read_usual,
        usual=messages_usual.UsualRequest,
        has_images=messages.has_images,
        to_messages=lambda _view, body, _changes: body,
        writer=MessagesWriter,
        relay=MessagesRelay,
        fold=messages_fold.MessagesFold,
        error=messages_frames.error,
        schemas=messages.schemas,
    ),
    "chat": ClientDialect(
        name="chat",
        read=chat.read,
        read_usual=chat_usual.read_usual,
        usual=chat_usual.UsualRequest,
        has_images=chat.has_images,
        to_messages=to_messages_request,
        writer=ChatWriter,
        relay=ChatRelay,
        fold=chat_fold.ChatFold,
        error=chat_frames.error,
        schemas=chat.schemas,
    ),
}

ENDPOINTS: Final[dict[EndpointName, EndpointDialect]] = {
    "anthropic": EndpointDialect(
        name="messages",
        path="/v1/messages",
        from_messages=lambda body, _view, _changes: body,
        fit=messages_fit.fit,
        extra={"stream": True},
        reader=lambda _context: MessagesReader(),
        unfold=messages_fold.unfold,
    ),
    "openai": EndpointDialect(
        name="chat",
        path="/chat/completions",
        from_messages=lambda body, view, changes: from_messages_request(
            view or messages.read(body), body, changes
        ),
        fit=chat_fit.fit,
        extra={"stream": True, "stream_options": {"include_usage": True}},
        reader=lambda context: ChatReader(context.reply_id),
        unfold=chat_fold.unfold,
    ),
}


def has_images(client: ClientDialect[View], view: View) -> bool:
    """Whether the request shows an image; usual ones do not."""
    return not isinstance(view, client.usual) and client.has_images(view)


def upstream_request(
    client: ClientDialect[View],
    endpoint: EndpointDialect,
    view: View,
    body: Json,
    model: Model,
    changes: Changes,
) -> Json:
    """The request as `endpoint` takes it: relayed or translated, made fit, always streaming; its
    members in one order, whichever way it was read.

    Raises GatewayError (400) for what is nested too deeply to be walked through.
    """
    try:
        if client.name != endpoint.name:
            told = client.to_messages(view, body, changes)
            known = view if isinstance(view, MessagesRequest) else None
            body = endpoint.from_messages(told, known, changes)
        fitted = endpoint.fit(body, model, changes, usual=isinstance(view, client.usual))
    except RecursionError:
        raise invalid("body: nested too deeply") from None
    told = {**fitted, "model": model.name, **endpoint.extra}
    return dict(sorted(told.items()))


def transcoder(
    client: ClientDialect[Any], endpoint: EndpointDialect, context: ReplyContext
) -> Transcoder:
    """The transcoder from `endpoint`'s bytes to `client`'s."""
    if client.name == endpoint.name:
        return client.relay(context)
    return Translation(context, endpoint.reader(context), client.writer(context))
