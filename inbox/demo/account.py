"""Makes the demo account and tells its story: through stored webhooks, drain and outbox, like everything else."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from channels_ingest.drain import Drain
from channels_ingest.models import Channel, InboundEvent
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import draw_image
from channels_ingest.sandbox.providers.whatsapp.webhooks import (
    Customer,
    build_contact,
    build_message,
    build_value,
    keep_file,
)
from channels_ingest.services import create_channel
from identity.models import Identity
from inbox.demo.story import HANA, JONAS, LUZ, MATEO, PRIYA, STORY, YUSUF, Said
from inbox.services.conversations import assign, mark_read, set_status
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, Membership, Role
from oneview.accounts.services import create_account, create_member, create_token
from oneview.common.ids import floor_id
from oneview.common.scope import scope

SLUG, NAME, PASSWORD = "demo", "Lumen & Oak Coffee", "demo-password-1"
BOT = Author("bot", None, "Helper")
PHONE_NUMBER_ID = "900100200300"


@dataclass(frozen=True, slots=True)
class Demo:
    """What `up` prints and writes down."""

    sign_ins: list[dict[str, str]]
    tokens: dict[str, str]


def create_demo() -> Demo:
    account = create_account(SLUG, name=NAME)
    alice = create_member(
        account, email="alice@demo.example", role=Role.SUPERVISOR, name="Alice Okafor", password=PASSWORD
    )
    bob = create_member(account, email="bob@demo.example", role=Role.AGENT, name="Bob Lindqvist", password=PASSWORD)
    channel = _connect(account)
    _tell(account, channel, author=Author("agent", bob.user_id, str(bob.user)))
    _settle(account, alice=_agent(alice), bob=_agent(bob))
    return Demo(
        sign_ins=[{"role": member.role, "email": member.user.email, "password": PASSWORD} for member in (bob, alice)],
        tokens={"agent": create_token(account, user=bob.user), "bot": create_token(account, bot=BOT.name)},
    )


def _connect(account: Account) -> Channel:
    credentials = {
        "app_secret": secrets.token_hex(16),
        "verify_token": secrets.token_hex(8),
        "access_token": secrets.token_hex(24),
        "base_url": "/sandbox/whatsapp/graph",
    }
    with scope(account):
        return create_channel(
            account.id, kind="whatsapp", name="Shop line", external_id=PHONE_NUMBER_ID, credentials=credentials
        )


def _tell(account: Account, channel: Channel, *, author: Author) -> None:
    """In the order of the story; what users wrote is taken in before somebody answers."""
    connection = Connection(channel.kind, channel.external_id, channel.public_id, channel.credentials)
    with scope(account) as now:
        begin = now
    for number, said in enumerate(STORY):
        at = begin - timedelta(minutes=said.minutes)
        if said.voice in ("user", "phone"):
            _store(account, channel, connection, said, at)
            _drain()
        else:
            writer = BOT if said.voice == "bot" else author
            with scope(account):
                send_reply(
                    account,
                    _conversation_of(account, said.customer),
                    Draft(f"demo-{number}", said.text),
                    author=writer,
                    now=at,
                )


def _store(account: Account, channel: Channel, connection: Connection, said: Said, at: datetime) -> None:
    """The request that the provider would have sent at that time."""
    field, name = ("messages", "messages") if said.voice == "user" else ("smb_message_echoes", "message_echoes")
    value = build_value(connection, contacts=[build_contact(said.customer)], **{name: [_message(said, at)]})
    document = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "210400500600", "changes": [{"field": field, "value": value}]}],
    }
    with scope(account):
        InboundEvent.objects.create(
            account=account, channel=channel, body=json.dumps(document).encode(), received_at=at
        )


def _message(said: Said, at: datetime) -> dict[str, object]:
    stamp = int(at.timestamp())
    if said.voice == "phone":
        ours = Customer("15550001111")
        addressed = {"to": said.customer.phone, "to_user_id": said.customer.user_id}
        return build_message(ours, "text", {"body": said.text}, at=stamp, **addressed)
    if said.picture is not None:
        picture = keep_file("image/png", draw_image(said.picture), caption=said.text)
        return build_message(said.customer, "image", picture, at=stamp)
    return build_message(said.customer, "text", {"body": said.text}, at=stamp)


def _drain() -> None:
    drain = Drain()
    while drain.work():
        pass


def _conversation_of(account: Account, customer: Customer) -> UUID:
    return Identity.objects.get(account=account, kind="whatsapp", value=customer.key).contact_id


def _agent(member: Membership) -> Agent:
    return Agent(member.user_id, str(member.user))


def _settle(account: Account, *, alice: Agent, bob: Agent) -> None:
    """Some work is done already, some is somebody's, some is nobody's."""
    with scope(account) as now:
        for customer, agent in ((MATEO, bob), (YUSUF, bob), (PRIYA, alice), (JONAS, alice)):
            assign(account, _conversation_of(account, customer), actor=agent, assignee=agent.id, now=now)
        for customer in (PRIYA, HANA):
            mark_read(account, _conversation_of(account, customer), viewer=alice, up_to=floor_id(now), now=now)
        set_status(account, _conversation_of(account, JONAS), actor=alice, status="resolved", now=now)
        later = now + timedelta(hours=18)
        set_status(account, _conversation_of(account, LUZ), actor=bob, status="snoozed", snoozed_until=later, now=now)
