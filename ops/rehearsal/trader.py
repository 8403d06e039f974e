"""The trader of a rehearsal, by REST: the only code here that can open a position.

It is no part of the service, which has no way to place such an order.  It opens one contract, and
flattens what it opened with reads of its own, whatever became of the service meanwhile.
"""

import asyncio
from typing import Any, NamedTuple

import httpx

from actors.model.aliases import canonical
from actors.model.contract import root
from ops.desk.outcome import Ended, Exit
from protocol.units import ContractId

TIMEOUT_S = 10.0
MARKET, BUY = 2, 0
QUIET_S = 2.0
"""Between the two reads that prove an account flat."""
FLATTEN_S = 60.0
BACK_OFF_S = 0.5
MICROS = ("MNQ", "MES", "M2K", "MYM", "MGC", "MCL")
"""The smallest products, the most liquid first."""

type Row = dict[str, Any]


class Contract(NamedTuple):
    """What is bought."""

    id: str
    name: str


class Trader:
    """One login, for orders of its own."""

    def __init__(self, api_url: str, username: str, api_key: str) -> None:
        self._url = api_url
        self._who = {"userName": username, "apiKey": api_key}
        self._client = httpx.AsyncClient(base_url=f"{api_url}/", timeout=TIMEOUT_S)

    async def log_in(self) -> None:
        """Get a token; other sessions of the login keep theirs."""
        answer = await self._post("Auth/loginKey", self._who)
        self._client.headers["Authorization"] = f"Bearer {answer['token']}"

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()

    async def accounts(self) -> list[Row]:
        """Return the accounts that the Gateway lists."""
        return await self._rows("Account/search", "accounts", onlyActiveAccounts=True)

    async def smallest(self) -> Contract:
        """Return the first micro contract that is traded now."""
        for product in MICROS:
            found = await self._rows("Contract/search", "contracts", searchText=product, live=False)
            for row in found:
                if row.get("activeContract") and canonical(root(ContractId(row["id"]))) == product:
                    return Contract(str(row["id"]), str(row["name"]))
        what = f"the Gateway lists none of {', '.join(MICROS)} as active"
        raise Ended(Exit.GATEWAY, what, "ask your firm which products your account may trade")

    async def held(self, account: int) -> list[Row]:
        """Return the open positions."""
        return await self._rows("Position/searchOpen", "positions", accountId=account)

    async def working(self, account: int) -> list[Row]:
        """Return the working orders."""
        return await self._rows("Order/searchOpen", "orders", accountId=account)

    async def traded(self, account: int, since: str) -> list[Row]:
        """Return the trades since an instant, written as ISO text."""
        return await self._rows("Trade/search", "trades", accountId=account, startTimestamp=since)

    async def buy(self, account: int, contract: Contract) -> None:
        """Buy one at the market."""
        order = {"contractId": contract.id, "type": MARKET, "side": BUY, "size": 1}
        await self._post("Order/place", {"accountId": account, **order})

    async def flatten(self, account: int) -> bool:
        """Close and cancel until two reads show nothing; tell whether anything was there.

        Raise Ended if that is not to be had.
        """
        needed, flat, end = False, 0, asyncio.get_running_loop().time() + FLATTEN_S
        why = "it is not flat yet"
        while asyncio.get_running_loop().time() < end:
            try:
                left = await self._undo(account)
            except Ended as ended:
                flat, why = 0, str(ended)
                await asyncio.sleep(BACK_OFF_S)
                continue
            needed, flat = needed or left, 0 if left else flat + 1
            if flat > 1:
                return needed
            await asyncio.sleep(BACK_OFF_S if left else QUIET_S)
        what = f"account {account} could not be proven flat within {FLATTEN_S:.0f} s ({why})"
        raise Ended(Exit.GATEWAY, what, "close it at the broker by hand, NOW")

    async def _undo(self, account: int) -> bool:
        """Ask once for the end of everything; tell whether there was anything."""
        held, working = await asyncio.gather(self.held(account), self.working(account))
        for row in working:
            await self._post("Order/cancel", {"accountId": account, "orderId": row["id"]})
        for row in held:
            body = {"accountId": account, "contractId": row["contractId"]}
            await self._post("Position/closeContract", body)
        return bool(held or working)

    async def _rows(self, endpoint: str, key: str, **body: Any) -> list[Row]:
        answer = await self._post(endpoint, body)
        rows = answer.get(key)
        if not isinstance(rows, list):
            raise self._failed(endpoint, f"its answer has no {key}")
        return rows

    async def _post(self, endpoint: str, body: Row) -> Row:
        """Return a successful answer; everything else is an error with the Gateway's words."""
        try:
            response = await self._client.post(endpoint, json=body)
        except httpx.HTTPError as error:
            raise self._failed(endpoint, type(error).__name__) from None
        try:
            answer = response.json()
        except ValueError:
            raise self._failed(endpoint, f"HTTP {response.status_code}") from None
        if not isinstance(answer, dict) or answer.get("success") is not True:
            said = answer if isinstance(answer, dict) else {}
            why = f"{said.get('errorMessage') or 'no reason given'} (code {said.get('errorCode')})"
            raise self._failed(endpoint, why)
        return answer

    def _failed(self, endpoint: str, why: str) -> Ended:
        mend = "`riskwarden check --connect` says what the Gateway objects to"
        return Ended(Exit.GATEWAY, f"the Gateway at {self._url}: {endpoint} failed: {why}", mend)
