"""What happened at the demo account before anybody looked: customers, bot and agents over the last hours, invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Voice = Literal["user", "agent", "bot", "phone", "handover"]


@dataclass(frozen=True, slots=True)
class Customer:
    """A user of one kind of channel; `who` as the sandbox's provider of that kind names its customers."""

    kind: str
    who: str
    name: str
    phone: str = ""


NORA_ON_THE_WEB = Customer("webchat", "customer:customer-1207", "Nora Fields", "+12025550143")
NORA = Customer("whatsapp", "US.2025550143", "Nora Fields", "12025550143")
MATEO = Customer("whatsapp", "ES.4411223344556677", "Mateo Prieto", "34600111222")
LUZ = Customer("whatsapp", "ES.7700990011223344", "Luz Marín")
YUSUF = Customer("whatsapp", "AE.5550001112223334", "يوسف المنصوري", "971501234567")
PRIYA = Customer("whatsapp", "GB.8822110099887766", "Priya Raman", "447700900123")
JONAS = Customer("whatsapp", "DE.9988776655443322", "Jonas Weber", "4915223456789")
HANA = Customer("whatsapp", "JP.1212343456567878", "佐藤 花", "819012345678")
IVO = Customer("whatsapp", "US.2025550117", "Ivo Marsh", "12025550117")
IVO_BEFORE = Customer("whatsapp", "US.1100220033004400", "Ivo Marsh", "12025550117")
MIRA = Customer("telegram", "7001002003", "Mira Kovač")
TOM = Customer("messenger", "7712000345110021", "Tom Alvarez")
SAM = Customer("webchat", "ios:sam", "Sam Rivers")


@dataclass(frozen=True, slots=True)
class Said:
    """One message, so many minutes before now. `picture`: the number of a drawn picture that comes with it. A
    handover's text is the bot's reason and, on the next line, its summary.
    """

    minutes: float
    customer: Customer
    voice: Voice
    text: str
    picture: int | None = None


STORY = (
    Said(4300, IVO_BEFORE, "user", "Hello, does the Oak grinder come with a spare burr?"),
    Said(4290, IVO_BEFORE, "phone", "It does, in the small bag under the hopper."),
    Said(4288, IVO_BEFORE, "user", "Found it, thanks!"),
    Said(1190, HANA, "user", "こんにちは。日本への配送は可能ですか？"),
    Said(1188, HANA, "bot", "We ship to Japan in five to seven days. Is there anything else I can help with?"),
    Said(1185, HANA, "user", "ありがとうございます！"),
    Said(1184, HANA, "bot", "どういたしまして。またいつでもどうぞ。"),
    Said(640, JONAS, "user", "Guten Morgen, die Rechnung zu Bestellung 4688 fehlt noch."),
    Said(632, JONAS, "agent", "Guten Morgen Herr Weber, ich schicke sie Ihnen gleich zu."),
    Said(618, JONAS, "user", "Perfekt, danke 🙏"),
    Said(310, PRIYA, "user", "Hi, the milk jug arrived with a dent."),
    Said(309, PRIYA, "user", "Here is a photo", picture=1),
    Said(308, PRIYA, "handover", "Arrived damaged\nThe milk jug has a dent. There is a photo. No order number yet."),
    Said(
        296,
        PRIYA,
        "agent",
        "Hello Priya, thank you for the photo. A new one leaves our warehouse today, no need to return it.",
    ),
    Said(290, PRIYA, "user", "That was quick, thank you so much!"),
    Said(142, YUSUF, "user", "مرحبا، هل يمكنني تغيير عنوان التوصيل؟ رقم الطلب 4702"),
    Said(138, YUSUF, "agent", "مرحباً يوسف، بالتأكيد. ما هو العنوان الجديد؟"),
    Said(131, YUSUF, "user", "شارع الشيخ زايد 21، دبي"),
    Said(64, IVO, "user", "Hi, it is Ivo again, with a new phone. One more question about the grinder."),
    Said(63, IVO, "user", "Can I set it fine enough for a moka pot?"),
    Said(47, LUZ, "user", "Hola, ¿hacéis envíos a Menorca?"),
    Said(46, LUZ, "bot", "¡Hola! Sí, enviamos a todas las islas en tres o cuatro días."),
    Said(41, LUZ, "user", "¿Y cuánto cuesta para dos kilos de café?"),
    Said(38, TOM, "user", "Hello! Do you have the blue mug again?"),
    Said(37, TOM, "agent", "The blue mug is back on Friday. Shall I put one aside for you?"),
    Said(35, TOM, "user", "Two, please. Can I pick them up in the shop?"),
    Said(29, MIRA, "user", "Dobar dan, does the subscription also come as whole beans?"),
    Said(28, MIRA, "user", "Like these", picture=0),
    Said(26, MIRA, "agent", "Good afternoon Mira! Yes, choose whole beans at the grind of your next delivery."),
    Said(25, MIRA, "user", "Found it, hvala 🙂"),
    Said(22, SAM, "user", "The app does not show my last order"),
    Said(21, SAM, "handover", "Can't see orders of the app"),
    Said(18, MATEO, "user", "Buenas, la cafetera pierde agua por debajo desde ayer."),
    Said(17, MATEO, "user", "Os mando una foto", picture=2),
    Said(15, MATEO, "agent", "Hola Mateo, gracias por la foto. ¿Puedes decirme el número de serie? Está en la base."),
    Said(12, MATEO, "user", "LO-2291-0448"),
    Said(11, NORA_ON_THE_WEB, "user", "Hi! Is my order 4711 on its way?"),
    Said(10, NORA_ON_THE_WEB, "bot", "It left our warehouse on Monday. Is there anything else I can help with?"),
    Said(9, NORA_ON_THE_WEB, "user", "I have to leave now. Can you write to me on WhatsApp?"),
    Said(5, NORA, "user", "It is Nora, from your web site. It should have come on Tuesday 📦"),
    Said(4, NORA, "handover", "A parcel is late\nOrder 4711 left the warehouse on Monday and was due on Tuesday."),
)

# Replies that everybody at the shop uses: shortcut, title, text.
CANNED = (
    ("hello", "Greeting", "Hello {{ contact.first_name }}, thank you for writing to {{ account.name }}."),
    ("track", "Where a parcel is", "Your parcel left our warehouse. It takes two to four days from there."),
    (
        "wholesale",
        "Wholesale prices",
        "For {{ contact.company }} we have prices of their own. Shall I send them?",
    ),
)
