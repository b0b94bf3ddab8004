"""Makes the demo account and tells its story: through stored webhooks, drain and outbox, like everything else."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from channels_ingest.drain import Drain
from channels_ingest.models import Channel, InboundEvent
from channels_ingest.sandbox.base import Composed, Written
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import draw_image
from channels_ingest.sandbox.providers.whatsapp import webhooks as whatsapp
from channels_ingest.sandbox.registry import load_providers
from channels_ingest.services import create_channel
from inbox.attributes import Value
from inbox.demo.story import CANNED, HANA, JONAS, LUZ, MATEO, MIRA, PRIYA, STORY, TOM, YUSUF, Customer, Said
from inbox.models import AttributeDefinition, Message, MessageKey, Tag, Thread
from inbox.services.canned import save_canned
from inbox.services.conversations import assign, assign_team, mark_read, set_status
from inbox.services.details import edit_contact
from inbox.services.endpoints import register_endpoint
from inbox.services.messages import Draft, send_reply
from inbox.services.notes import add_note
from inbox.services.teams import save_team
from inbox.services.turns import hand_over, take_over
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, Membership, Role, Team, User
from oneview.accounts.services import create_account, create_member, create_token
from oneview.common.ids import floor_id
from oneview.common.scope import scope

SLUG, NAME, PASSWORD = "demo", "Lumen & Oak Coffee", "demo-password-1"
BOT = Author("bot", None, "Helper")


@dataclass(frozen=True, slots=True)
class Demo:
    """What `up` prints and writes down."""

    sign_ins: list[dict[str, str]]
    tokens: dict[str, str]


@dataclass(frozen=True, slots=True)
class DemoBot:
    """What the example of `docs/writing-a-bot.md` is started with, by the names of its environment."""

    TOKEN: str
    WEBHOOK_SECRET: str
    PORT: str


def create_demo() -> tuple[Demo, DemoBot]:
    account = create_account(SLUG, name=NAME)
    alice = create_member(
        account, email="alice@demo.example", role=Role.SUPERVISOR, name="Alice Okafor", password=PASSWORD
    )
    bob = create_member(account, email="bob@demo.example", role=Role.AGENT, name="Bob Lindqvist", password=PASSWORD)
    bot = create_token(account, bot=BOT.name)  # before anybody writes, who then is answered by it
    channels = _connect(account)
    threads = _tell(account, channels, author=Author("agent", bob.user_id, str(bob.user)))
    _settle(account, threads, alice=_agent(alice), bob=_agent(bob))
    _keep_replies(account, actor=alice.user)
    _make_teams(account, threads, alice=alice, bob=bob)
    demo = Demo(
        sign_ins=[{"role": member.role, "email": member.user.email, "password": PASSWORD} for member in (bob, alice)],
        tokens={"agent": create_token(account, user=bob.user), "bot": bot},
    )
    return demo, _connect_bot(account, token=bot, actor=alice.user)


def _connect_bot(account: Account, *, token: str, actor: User) -> DemoBot:
    """Helper hears of what users write from now on, on a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with scope(account) as now:
        _endpoint, secret = register_endpoint(
            account,
            url=f"http://127.0.0.1:{port}/",
            events=["message.created"],
            bot=BOT.name,
            actor=actor,
            now=now,
        )
    return DemoBot(token, secret, str(port))


def _connect(account: Account) -> dict[str, Channel]:
    """A channel of each kind, on the sandbox, by kind; and a second number, to which nobody has written."""
    site = urlsplit(settings.PUBLIC_URL).netloc
    bot = "7100200300"
    made = (
        ("webchat", "Web shop", site, {"jwt_secret": _word()}),
        ("whatsapp", "Shop line", "900100200300", _make_meta("whatsapp", "access_token")),
        ("messenger", "Lumen & Oak", "101202303404505", _make_meta("messenger", "page_access_token")),
        (
            *("telegram", "@lumen_oak_bot", bot),
            {"bot_token": f"{bot}:{_word()}", "secret_token": _word(), "base_url": "/sandbox/telegram/api"},
        ),
    )
    with scope(account):
        create_channel(
            account.id,
            kind="whatsapp",
            name="Wholesale line",
            external_id="900100200301",
            credentials=_make_meta("whatsapp", "access_token"),
        )
        return {
            kind: create_channel(account.id, kind=kind, name=name, external_id=external_id, credentials=credentials)
            for kind, name, external_id, credentials in made
        }


def _make_meta(kind: str, token: str) -> dict[str, str]:
    return {"app_secret": _word(), "verify_token": _word(), token: _word(), "base_url": f"/sandbox/{kind}/graph"}


def _word() -> str:
    return secrets.token_hex(24)


def _tell(account: Account, channels: Mapping[str, Channel], *, author: Author) -> dict[Customer, UUID]:
    """In the order of the story; what users wrote is taken in before somebody answers. The thread of each customer."""
    threads: dict[Customer, UUID] = {}
    with scope(account) as now:
        begin = now
    for number, said in enumerate(STORY):
        at = begin - timedelta(minutes=said.minutes)
        if said.voice in ("user", "phone"):
            threads[said.customer] = _take_in(account, channels[said.customer.kind], said, at)
        elif said.voice == "handover":
            reason, _, summary = said.text.partition("\n")
            with scope(account):
                contact = _conversation_of(threads[said.customer])
                hand_over(account, contact, bot=BOT.name, reason=reason, summary=summary, now=at)
        else:
            writer = BOT if said.voice == "bot" else author
            draft = Draft(f"demo-{number}", said.text, thread=threads[said.customer])
            with scope(account):
                send_reply(account, _conversation_of(threads[said.customer]), draft, author=writer, now=at)
    return threads


def _take_in(account: Account, channel: Channel, said: Said, at: datetime) -> UUID:
    """The request that the provider would have sent at that time, through the drain; the thread it went to."""
    connection = Connection(channel.kind, channel.external_id, channel.public_id, channel.credentials)
    composed = _compose(connection, said, at)
    with scope(account):
        InboundEvent.objects.create(
            account=account, channel=channel, headers=dict(composed.kept), body=composed.body, received_at=at
        )
    _drain()
    with scope(account):
        key = MessageKey.objects.get(channel_id=channel.id, external_id=composed.external_id)
        return Message.objects.get(id=key.message_id).thread_id


def _compose(connection: Connection, said: Said, at: datetime) -> Composed:
    customer = said.customer
    if said.voice == "phone":
        return _compose_echo(connection, said, at)
    picture = None if said.picture is None else draw_image(said.picture)
    written = Written(
        customer.who, said.text, name=customer.name, phone=customer.phone, at=at.timestamp(), picture=picture
    )
    return load_providers()[customer.kind].compose(connection, written)


def _compose_echo(connection: Connection, said: Said, at: datetime) -> Composed:
    """Typed on the shop's own phone."""
    addressed = {"to": said.customer.phone, "to_user_id": said.customer.who}
    ours = whatsapp.Customer(whatsapp.NUMBER)
    echo = whatsapp.build_message(ours, "text", {"body": said.text}, at=int(at.timestamp()), **addressed)
    user = whatsapp.Customer(said.customer.phone, said.customer.who, said.customer.name)
    value = whatsapp.build_value(connection, contacts=[whatsapp.build_contact(user)], message_echoes=[echo])
    return Composed(whatsapp.build_body(value, field="smb_message_echoes"), echo["id"])


def _drain() -> None:
    drain = Drain()
    while drain.work():
        pass


def _conversation_of(thread: UUID) -> UUID:
    return Thread.objects.get(id=thread).conversation_id


def _agent(member: Membership) -> Agent:
    return Agent(member.user_id, str(member.user))


def _settle(account: Account, threads: Mapping[Customer, UUID], *, alice: Agent, bob: Agent) -> None:
    """Some work is done already, some is somebody's, some is nobody's. Messenger tells no names: Bob has asked."""
    with scope(account) as now:
        contact_of = {customer: _conversation_of(thread) for customer, thread in threads.items()}
        for customer, agent in ((MATEO, bob), (YUSUF, bob), (MIRA, bob), (TOM, bob), (PRIYA, alice), (JONAS, alice)):
            assign(account, contact_of[customer], actor=agent, assignee=agent.id, now=now)
        take_over(account, contact_of[TOM], actor=bob, now=now)
        for customer, viewer, role in ((PRIYA, alice, Role.SUPERVISOR), (HANA, bob, Role.AGENT)):
            mark_read(account, contact_of[customer], viewer=viewer, role=role, up_to=floor_id(now), now=now)
        set_status(account, contact_of[JONAS], actor=alice, status="resolved", now=now)
        later = now + timedelta(hours=18)
        set_status(account, contact_of[LUZ], actor=bob, status="snoozed", snoozed_until=later, now=now)
        edit_contact(account, contact_of[TOM], actor=bob, changes={"name": TOM.name}, now=now)
        _describe_contacts(account, contact_of, alice=alice, bob=bob, now=now)


def _make_teams(account: Account, threads: Mapping[Customer, UUID], *, alice: Membership, bob: Membership) -> None:
    """Both are always there. Orders are taken by hand; what goes to Care is given to somebody by itself."""
    with scope(account) as now:
        orders = Team(account=account, name="Orders")
        care = Team(account=account, name="Care", routing=Team.Routing.LEAST_BUSY)
        for team in (orders, care):
            save_team(team, members=[alice.user_id, bob.user_id], actor=alice.user)
        for customer, team in ((MATEO, orders), (PRIYA, care)):
            assign_team(account, _conversation_of(threads[customer]), actor=_agent(alice), team=team.id, now=now)


def _describe_contacts(
    account: Account, contact_of: Mapping[Customer, UUID], *, alice: Agent, bob: Agent, now: datetime
) -> None:
    """What the shop wants to know of its customers, and knows of some."""
    types = AttributeDefinition.Type
    company = (
        ("company", "Company", types.TEXT),
        ("vat_number", "VAT number", types.TEXT),
        ("customer_since", "Customer since", types.DATE),
        ("plan", "Plan", types.CHOICE),
        ("newsletter", "Newsletter", types.YES_NO),
    )
    for position, (name, label, type) in enumerate(company):
        choices = ["Starter", "Business", "Wholesale"] if type == types.CHOICE else []
        AttributeDefinition.objects.create(
            account=account, name=name, label=label, type=type, choices=choices, group="Company", position=position
        )
    for name in ("VIP", "Wholesale"):
        Tag.objects.create(account=account, name=name)
    known: dict[str, Value] = {"company": "Prieto Cafés SL", "customer_since": "2023-03-14", "plan": "Wholesale"}
    edit_contact(account, contact_of[MATEO], actor=bob, changes=known, tags=["Wholesale"], now=now)
    edit_contact(account, contact_of[PRIYA], actor=alice, changes={"newsletter": "yes"}, tags=["VIP"], now=now)
    add_note(account, contact_of[MATEO], actor=bob, text="Prefers deliveries before nine.", now=now)


def _keep_replies(account: Account, *, actor: User) -> None:
    with scope(account):
        for shortcut, title, text in CANNED:
            save_canned(account, owner=None, shortcut=shortcut, title=title, text=text, actor=actor)
