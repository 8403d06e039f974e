"""Names and numbers: the Gateway's list decides which account a configured name stands for."""

import logging
from collections.abc import Mapping

from msgspec.structs import replace

from config.schema import ServiceConfig
from ops.desk.identities import Identity, remember
from ops.desk.plans import Known, accounts_of, identify
from protocol.account_facts import AccountSeen
from protocol.units import AccountId

log = logging.getLogger(__name__)


def learn(
    config: ServiceConfig, login: str, known: Known, listed: Mapping[AccountId, AccountSeen]
) -> bool:
    """Remember who is who, in `known` too; tell whether other accounts are meant than before."""
    accounts = accounts_of(config, login)
    news: Known = {}
    for account in accounts:
        number = None if account.id is None else AccountId(account.id)
        if number is not None and number in listed:
            news[number] = Identity(id=number, login=login, name=listed[number].name)
        elif account.name is not None:
            news |= _named(account.name, login, known, listed)
    if all(known.get(number) == one for number, one in news.items()):
        return False
    before = [identify(account, known) for account in accounts]
    known |= news
    try:
        remember(config.service.data_dir, news.values())
    except OSError as error:
        log.error("names and numbers could not be written down: %s", error)  # noqa: TRY400
    return before != [identify(account, known) for account in accounts]


def _named(name: str, login: str, known: Known, listed: Mapping[AccountId, AccountSeen]) -> Known:
    """Return what the list says of a name; one that is not there, or twice, changes nothing.

    An account that was renamed at the broker is still the one that was meant, until another
    carries the name.
    """
    carriers = [number for number, seen in listed.items() if seen.name == name]
    if len(carriers) != 1:
        return {}
    number = carriers[0]
    news = {number: Identity(id=number, login=login, name=name)}
    for other, one in known.items():
        if other != number and (one.login, one.name) == (login, name):
            news[other] = replace(one, name=listed[other].name if other in listed else "")
    return news
