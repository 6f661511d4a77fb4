"""Small word lists of our own, each a text with spaces between, for sample rows; beside the flow."""

from __future__ import annotations

FIRST_NAMES = (
    "Adriana Alaric Amelie Anselm Beatriz Bruno Catarina Conrad Dalia Dmitri Edda Emílio Fátima Florian Greta Gustavo "
    "Helena Henrique Ines Ivo João Judith Karim Katja Leonor Lúcia Magnus Marlene Nadia Nuno Octavia Olga Pascal "
    "Petra Quentin Rafaela René Rosalind Sebastião Selma Tadeu Theodora Ulrich Ursula Valentina Vicente Wanda Xavier "
    "Yara Zeno"
)

MIDDLE_NAMES = (
    "Abreu Bastos Cardoso Dantas Esteves Falcão Guerra Horta Ibsen Jordão Klein Lagos Moura Neves Otero Prado"
)

LAST_NAMES = (
    "Abernathy Almeida Bergström Brandão Castellanos Corrêa Delacroix Drummond Eisenberg Escobar Figueiredo Fontaine "
    "Gallagher Gonçalves Hawthorne Hofstadter Ibarra Ingersoll Jankowski Junqueira Kowalczyk Krishnan Lindqvist "
    "Lobato Magalhães Montgomery Nascimento Nightingale Okonkwo Oliveira Pemberton Pereira Quintero Rasmussen "
    "Rodrigues Santarém Silveira Tavares Thackeray Underwood Valladares Vasconcelos Wainwright Whitfield Yamamoto "
    "Zimmermann"
)

LOGINS = (
    "amber.harbour birch.lantern cedar.meadow copper.willow coral.summit dusty.orchard ember.valley fern.cottage "
    "golden.pebble granite.brook hazel.garden indigo.feather ivory.anchor jade.compass lilac.bridge maple.thicket "
    "misty.clover nutmeg.river olive.kestrel opal.ridge pine.marble quiet.sparrow russet.canyon saffron.dune "
    "silver.aspen slate.heron thistle.moor umber.grove velvet.plum walnut.cliff willow.quarry zinc.terrace"
)

MAIL_HOSTS = ("example.com", "example.net", "example.org", "post.example.com")

STREETS = "Alder Beacon Chapel Dover Elm Foundry Garnet Hollow Juniper Kiln Linden Mill Orchard Quarry"

STREET_KINDS = ("Street", "Avenue", "Lane", "Road", "Square", "Terrace")

TOWNS = (
    "Ashbourne Brookhaven Clearwater Deepdale Eastvale Fairmount Glenmoor Highbury Lakeview Northwick Ravensworth "
    "Stonefield"
)

STATES = "AK AZ CO GA HI ID KS ME MN NM OR TX UT VT WI"

SYLLABLES = "bal cor dun el fen gar hol is jor kel lum mar nor ost pel quin ros sil tor ul ven wes yar zan"

STONES = "Агат Аметист Бирюза Гематит Гранат Жемчуг Малахит Нефрит Оникс Опал Родонит Топаз Турмалин Янтарь Яшма"

TITLES = ("", "", "", "", "", "", "", "Dr. ", "Mr. ", "Mrs. ")

SUFFIXES = ("", "", "", "", "", "", "", "", "", "", " Jr.", " MD", " PhD")

COUNTRIES: dict[str, tuple[str, ...]] = {
    "Asia": ("Bhutan", "India", "Japan", "Malaysia", "Mongolia", "Thailand", "Vietnam"),
    "Australia and Oceania": ("Australia", "Fiji", "Kiribati", "New Zealand", "Samoa", "Tuvalu"),
    "Central America and the Caribbean": ("Barbados", "Belize", "Cuba", "Haiti", "Honduras", "Panama"),
    "Europe": ("Austria", "Finland", "Greece", "Iceland", "Latvia", "Malta", "Portugal", "Slovenia"),
    "Middle East and North Africa": ("Bahrain", "Egypt", "Jordan", "Lebanon", "Morocco", "Oman", "Tunisia"),
    "North America": ("Canada", "Greenland", "Mexico", "United States of America"),
    "Sub-Saharan Africa": ("Botswana", "Cote d'Ivoire", "Ghana", "Kenya", "Namibia", "Senegal", "Zambia"),
}

ITEM_CENTS: dict[str, tuple[int, int]] = {
    "Baskets": (4_450, 2_995),
    "Bread Flour": (1_275, 690),
    "Candles": (995, 410),
    "Desk Lamps": (15_410, 9_744),
    "Garden Tools": (8_120, 5_630),
    "Honey": (2_380, 1_155),
    "Paint": (5_725, 3_680),
    "Raincoats": (10_928, 3_584),
    "Tea": (4_775, 3_179),
    "Teapots": (66_527, 50_254),
    "Wool": (43_720, 26_333),
    "Writing Paper": (65_121, 52_496),
}
"""Unit price and unit cost of each item, in cents."""
