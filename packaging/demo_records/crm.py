"""Contacts as people type them, and the same contacts in one tidy form."""

from __future__ import annotations

from random import Random

_GIVEN = [
    "Jan",
    "Maria",
    "Tomasz",
    "Ines",
    "Lars",
    "Chloe",
    "Paolo",
    "Hanna",
    "Diego",
    "Aisha",
    "Mark",
    "Sofia",
    "Peter",
    "Nadia",
    "Yusuf",
]
_FAMILY = [
    "Kowalski",
    "Silva",
    "Berg",
    "Moreau",
    "Rossi",
    "Virtanen",
    "Garcia",
    "Haddad",
    "Jones",
    "Novak",
    "Schmidt",
    "Okafor",
    "Lindqvist",
]
_STEMS = [
    "acme",
    "northwind",
    "blue harbour",
    "kestrel",
    "linden",
    "orbit",
    "quarry",
    "saltmarsh",
    "tannery",
    "vela",
    "copper lane",
    "fern",
]
_COUNTRIES = {
    "Germany": ("GmbH", "+49"),
    "France": ("SARL", "+33"),
    "Spain": ("SL", "+34"),
    "Italy": ("Srl", "+39"),
    "Poland": ("sp. z o.o.", "+48"),
    "United Kingdom": ("Ltd", "+44"),
    "Sweden": ("AB", "+46"),
    "Netherlands": ("BV", "+31"),
}
_TRADES = {
    "logistics": "Transport",
    "foods": "Food",
    "machines": "Manufacturing",
    "software": "Software",
    "clinics": "Health",
    "travel": "Tourism",
    "textiles": "Fashion",
    "solar": "Energy",
}
_ROLES = {
    "head of purchasing": ("Purchasing", "Lead"),
    "buyer": ("Purchasing", "Staff"),
    "ceo": ("Management", "Executive"),
    "managing director": ("Management", "Executive"),
    "cto": ("Technology", "Executive"),
    "it admin": ("Technology", "Staff"),
    "developer": ("Technology", "Staff"),
    "head of sales": ("Sales", "Lead"),
    "sales rep": ("Sales", "Staff"),
    "hr manager": ("People", "Lead"),
    "accountant": ("Finance", "Staff"),
    "cfo": ("Finance", "Executive"),
}


def row(random: Random) -> dict[str, str]:
    """One contact: ``record`` as typed, ``enriched`` as "Field: value" parts joined by "; "."""
    given, family = random.choice(_GIVEN), random.choice(_FAMILY)
    stem, trade = random.choice(_STEMS), random.choice(list(_TRADES))
    country = random.choice(list(_COUNTRIES))
    form, dial = _COUNTRIES[country]
    role = random.choice(list(_ROLES))
    department, level = _ROLES[role]
    digits = f"{random.randrange(10, 99)} {random.randrange(100, 999)} {random.randrange(1000, 9999)}"
    mail = f"{given}.{family}@{stem.replace(' ', '')}-{trade}.example".lower()
    parts = [
        _typed(f"{stem} {trade} {form}", random),
        _typed(random.choice([f"{given} {family}", f"{family}, {given}", f"{given[0]}. {family} ({given})"]), random),
        random.choice([role, role.upper(), role.title()]),
        random.choice([f"tel {dial} {digits}", f"{dial}{digits.replace(' ', '')}", f"ph: {dial} ({digits[:2]}) {digits[3:]}"]),
        random.choice([mail, mail.upper(), f"<{mail}>"]),
    ]
    random.shuffle(parts)
    company = " ".join(word.capitalize() for word in f"{stem} {trade}".split()) + f" {form}"
    enriched = {
        "Company": company,
        "Country": country,
        "Industry": _TRADES[trade],
        "Contact": f"{given} {family}",
        "Department": department,
        "Level": level,
        "Phone": f"{dial} {digits}",
        "Email": mail,
    }
    record = random.choice([" / ", ", ", " - ", "; "]).join(parts)
    return {"record": record, "enriched": "; ".join(f"{name}: {value}" for name, value in enriched.items())}


def _typed(text: str, random: Random) -> str:
    return random.choice([text, text.upper(), text.lower(), text.title()])
