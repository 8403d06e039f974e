"""What is listed in place of a product that is not, and what a search comes to."""

import pytest

from actors.model.aliases import canonical
from ops.desk.products import Catalogue, Named, is_listed, look_up, nearest
from protocol.account_facts import Listing
from protocol.answers import ContractsFailed, ContractsRead
from protocol.commands import SearchContracts
from protocol.message import Message
from protocol.units import ContractId


def listing(root: str, name: str) -> Listing:
    return Listing(contract_id=ContractId(f"CON.F.US.{root}.Z26"), name=name)


EVERY = (
    listing("EP", "ESZ6"),
    listing("MES", "MESZ6"),
    listing("ENQ", "NQZ6"),
    listing("MNQ", "MNQZ26"),
    listing("OJX", "OJZ6"),
    listing("KCX", "KCZ6"),
)


@pytest.mark.parametrize(
    ("product", "listed"),
    [("ES", True), ("EP", True), ("nq", True), ("MNQ", True), ("OJX", True), ("OJ", False),
     ("NQ1", False), ("M", False)],
)  # fmt: skip
def test_a_product_is_listed_if_a_contract_has_its_root(product: str, *, listed: bool) -> None:
    assert is_listed(canonical(product), EVERY) is listed


@pytest.mark.parametrize(
    ("product", "instead", "mend"),
    [
        ("OJ", "it lists it as OJX (CON.F.US.OJX.Z26)", "write OJX"),
        ("KC", "it lists it as KCX (CON.F.US.KCX.Z26)", "write KCX"),
        ("MNK", "the nearest that it lists is MNQ (CON.F.US.MNQ.Z26)",
         "write MNQ if that is meant, else take it out"),
        ("MESS", "the nearest that it lists is MES (CON.F.US.MES.Z26)",
         "write MES if that is meant, else take it out"),
        ("KCC", "the nearest that it lists is KC (CON.F.US.KCX.Z26)",
         "write KCX if that is meant, else take it out"),
        ("COCOA", "it lists ES, KCX (KC), MES, MNQ, NQ, OJX (OJ)",
         "write one of these, or take it out"),
    ],
)  # fmt: skip
def test_what_is_nearest_is_named_with_what_to_write(product: str, instead: str, mend: str) -> None:
    assert nearest(product, EVERY) == (instead, mend)


def test_no_more_are_named_than_fit_on_a_line() -> None:
    many = [listing(f"P{number:02}", f"P{number:02}Z6") for number in range(40)]

    assert nearest("COCOA", many).instead.endswith("P10, P11 and 28 more")


class Gateway:
    """Answers searches from a table; what is not in it fails."""

    def __init__(self, **answers: tuple[Listing, ...]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, search: SearchContracts) -> Message | None:
        self.asked.append(search.text)
        found = self.answers.get(search.text or "every")
        if found is None:
            return ContractsFailed(text=search.text, why="503")
        return ContractsRead(text=search.text, contracts=found)


@pytest.mark.parametrize(
    ("answers", "asked", "why", "listed", "missing"),
    [
        pytest.param({"ES": EVERY, "OJ": EVERY, "every": EVERY}, ["ES", "OJ", ""], "", {"ES"},
                     {"OJ"}, id="one is missing"),
        pytest.param({"ES": EVERY, "OJ": (listing("OJ", "OJZ6"),)}, ["ES", "OJ"], "", {"ES", "OJ"},
                     set[str](), id="all are found"),
        pytest.param({"ES": (), "OJ": (), "every": (*EVERY, listing("OJ", "OJZ6"))},
                     ["ES", "OJ", ""], "", {"ES", "OJ"}, set[str](),
                     id="what a search does not find the list of all may"),
        pytest.param({"ES": EVERY}, ["ES", "OJ"], "503", {"ES"}, set[str](), id="a search fails"),
        pytest.param({"ES": EVERY, "OJ": ()}, ["ES", "OJ", ""], "503", {"ES"}, set[str](),
                     id="the list of all fails: one empty answer is no proof"),
        pytest.param({"ES": (), "OJ": (), "every": ()}, ["ES", "OJ", ""],
                     "the list of all contracts is empty", set[str](), set[str](),
                     id="a Gateway that lists nothing at all has said nothing"),
    ],
)  # fmt: skip
async def test_a_product_is_missing_only_if_neither_shows_it(
    answers: dict[str, tuple[Listing, ...]],
    asked: list[str],
    why: str,
    listed: set[str],
    missing: set[str],
) -> None:
    gateway, catalogue = Gateway(**answers), Catalogue()
    names = [Named("here", one) for one in ("EP", "OJ", "es")]

    told = await look_up(gateway, catalogue.untold(names), catalogue)

    assert (told, gateway.asked) == (why, asked)
    assert (catalogue.listed, set(catalogue.missing)) == (listed, missing)
    assert set(catalogue.untold(names)) == {"ES", "OJ"} - listed - missing
