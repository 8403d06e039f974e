"""What a desk did earlier in the day, read back from its journals for people to see."""

import logging
from collections.abc import Collection

from actors.adapters import clock
from actors.adapters.storage import StoreError
from ops.desk.plans import Ward
from ops.desk.status import History
from protocol.codec import Recorded

log = logging.getLogger(__name__)
RECORDS_MAX = 50_000
"""Records read again at the start, over all accounts: a tenth of a second."""


def recall_day(wards: Collection[Ward], history: History) -> None:
    """Take the enforcements of each account's trading day from the end of its journal."""
    wall = clock.now().wall
    for ward in wards:
        share, since = RECORDS_MAX // len(wards), ward.plan.reset.previous(wall)
        try:
            for _, record in ward.store.replay(max(0, ward.store.last_seq - share)):
                if isinstance(record, Recorded) and record.now.wall >= since:
                    history.recall(record)
        except StoreError as error:
            log.error("[%d] the journal cannot be read back: %s", ward.plan.account_id, error)  # noqa: TRY400
