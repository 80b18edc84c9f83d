"""Who works at the invented company and its customers, and what they talk with.

Belongs here: lists of words and people, all invented, all at `.example` domains, in several
scripts. Does not: any rule of how they are used (demo.py, utterances.py).
"""

from typing import NamedTuple

ORG_ID = "7d0c5a1e-94b3-4f27-8f6e-2c41d95ab310"
SITES = ("corvane.webex.example", "corvane-apac.webex.example")
HOME_DOMAIN = "corvane.example"


class Seller(NamedTuple):
    """A host: name, mailbox, index of the preferred site, hours that local time is ahead of UTC."""

    name: str
    mailbox: str
    site: int
    utc_hours: int
    timezone: str


SELLERS = (
    Seller("Imogen Farrowby", "imogen.farrowby", 0, 0, "Europe/London"),
    Seller("Tadeusz Wilczkowski", "tadeusz.wilczkowski", 0, 1, "Europe/Warsaw"),
    Seller("Zoë Lindqvist-Åkerö", "zoe.lindqvist", 0, 1, "Europe/Stockholm"),
    Seller("Marisol Etxebarrieta", "marisol.etxebarrieta", 0, -6, "America/Mexico_City"),
    Seller("Devon Okparaeke", "devon.okparaeke", 0, -5, "America/New_York"),
    Seller("Rutger van der Plaschaert", "rutger.plaschaert", 0, 1, "Europe/Amsterdam"),
    Seller("Ὀρέστης Καλλιμάνης", "orestis.kallimanis", 0, 2, "Europe/Athens"),
    Seller("Harriet Blythewood", "harriet.blythewood", 0, -8, "America/Los_Angeles"),
    Seller("佐伯 千尋", "chihiro.saeki", 1, 9, "Asia/Tokyo"),
    Seller("अनुष्का वर्धमाने", "anushka.vardhamane", 1, 5, "Asia/Kolkata"),
    Seller("Kiri Tamahori-Doyle", "kiri.tamahori", 1, 12, "Pacific/Auckland"),
    Seller("Nguyễn Thảo Liên", "lien.nguyen", 1, 7, "Asia/Ho_Chi_Minh"),
)
COLLEAGUES = (
    ("Bastian Ohlendorf", "bastian.ohlendorf"),
    ("Priscilla Mbekwana", "priscilla.mbekwana"),
    ("Søren Kjærbølling", "soren.kjaerbolling"),
    ("Надежда Кольцевская", "nadezhda.koltsevskaya"),
    ("ليلى الحمروني", "leila.hamrouni"),
    ("Ana Beatriz Quaresmeira", "ana.quaresmeira"),
    ("Ottilie Fernsworth", "ottilie.fernsworth"),
    ("Max 🚀 Brandlhuber", "max.brandlhuber"),
)
CUSTOMERS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Halvorsen Marine",
        "halvorsen-marine.example",
        (
            ("Sigrid Håkonsrud", "sigrid"),
            ("Ingebjørg Tveitane", "ingebjorg"),
            ("Odd Skjæveland", "odd"),
        ),
    ),
    (
        "Αιγαίο Logistics",
        "aigaio-logistics.example",
        (("Ελευθερία Παπανδρίτσα", "eleftheria"), ("Σπύρος Μαυρογιάννης", "spyros")),
    ),
    (
        "Северный Путь",
        "severny-put.example",
        (("Ярослава Белозерская", "yaroslava"), ("Тимур Ахметгареев", "timur")),
    ),
    (
        "دار النخيل",
        "dar-alnakheel.example",
        (("سلمى القيرواني", "salma"), ("يوسف البستاوي", "youssef")),
    ),
    (
        "גליל מערכות",
        "galil-systems.example",
        (("נועה ברקאילן", "noa"), ("איתמר שדמות", "itamar")),
    ),
    (
        "सह्याद्री एग्रो",
        "sahyadri-agro.example",
        (("मीनाक्षी देवधरकर", "meenakshi"), ("रोहन कुलश्रेष्ठी", "rohan")),
    ),
    (
        "瑞穂計測",
        "mizuho-keisoku.example",
        (("長谷部 真凛", "marin"), ("三鴨 健吾", "kengo"), ("王 曉嵐", "xiaolan")),
    ),
    ("한빛모터스", "hanbit-motors.example", (("한서윤", "seoyun"), ("남궁태오", "taeo"))),
    (
        "Pellicano & Figli",
        "pellicano.example",
        (("Ludovica Pellicanò", "ludovica"), ("Ermenegildo Strozzavolpe", "ermenegildo")),
    ),
    (
        "Quarrystone Insurance",
        "quarrystone.example",
        (("Wendell Ashgrove", "wendell"), ("Marguerite Dunleavy-Poe", "marguerite")),
    ),
    (
        "Ribeira Têxtil",
        "ribeira-textil.example",
        (("Conceição Vasconcelinhos", "conceicao"), ("João Bragançal", "joao")),
    ),
    (
        "Żubr Energia",
        "zubr-energia.example",
        (("Świętosława Dąbrówczyk", "swietoslawa"), ("Grzegorz Chrząszczewski", "grzegorz")),
    ),
)
FIRST_NAMES = tuple(
    "Alba Birger Calista Doran Evadne Fintan Gudrun Hollis Isolde Jorun Kalinda Leander Maeva "
    "Nerys Osric Petronella Quillon Rosalba Severin Tamsin Ulrike Valerio Wilhelmina Xanthe "
    "Yannick Zdenka".split()
)
LAST_NAMES = tuple(
    "Abernethic Brackenbury Castellanoza Dunwoodley Eisenhuth Fairweatherby Greywolde Hartsfeldt "
    "Iversholm Jellicote Kestrelman Lorimerson Marchbankes Nightingallo Oakhurstley Pendragonis "
    "Quicksilva Ravenscroftby Silverthorne Thistlewoode Underhillock Vandermolen Whitlockson "
    "Yarrowdale Zimmerleigh".split()
)
PRODUCTS = ("Corvane Flow", "Corvane Gauge", "Corvane Relay", "the metering add-on")
PURPOSES = ("Discovery call", "Product demo", "Pricing", "Renewal", "Technical deep dive", "QBR")
WEBINARS = (
    "Metering without surprises",
    "What is new in Corvane Flow",
    "Customer stories: the first year",
)
# (title, weekdays from Monday = 0, local hour, minutes, index of the host)
RECURRING = (
    ("EMEA stand-up", (0, 1, 2, 3, 4), 8, 15, 0),
    ("Pipeline review", (0,), 10, 50, 0),
    ("Americas stand-up", (0, 1, 2, 3, 4), 9, 15, 4),
    ("Forecast", (3,), 15, 45, 0),
    ("APAC stand-up", (0, 1, 2, 3, 4), 9, 20, 8),
    ("Deal desk", (1, 4), 11, 30, 2),
    ("1:1 Imogen / Devon", (2,), 14, 25, 0),
    ("Enablement hour", (2,), 16, 55, 7),
)
DEVICE_TYPES = (
    "webex_meeting_center_mac",
    "webex_meeting_center_windows",
    "webex_mobile_ios",
    "webex_mobile_android",
    "webex_room_device",
    "webex_web_app",
)
