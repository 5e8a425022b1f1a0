"""Recomputes exported rounds of GET /fair/rounds/:link, one on each line: python3 verify_round.py FILE."""

import hashlib
import hmac
import json
import sys
from bisect import bisect
from itertools import accumulate, count


def draws(seed, client_seed, nonce):
    """Return a function that draws values below a bound from the 32-bit words of a round."""
    digests = (hmac.digest(seed, f"{client_seed}:{nonce}:{block}".encode(), "sha256") for block in count())
    words = (int.from_bytes(digest[at : at + 4], "big") for digest in digests for at in range(0, 32, 4))
    return lambda bound: next(word for word in words if word < 2**32 - 2**32 % bound) % bound


def window_of(game, reels, below, coin):
    """Return the scatters of the next window, and the window and what it pays, as a round keeps it."""
    stops, columns, wins = [], [], []
    for reel in reels:
        strip = [stop if isinstance(stop, list) else [stop, 1] for stop in reel]
        ends = list(accumulate(weight for _, weight in strip))
        stops.append(bisect(ends, below(ends[-1])))
        columns.append([strip[(stops[-1] + row) % len(strip)][0] for row in range(game["rows"])])
    for number, line in enumerate(game["lines"], 1):
        symbol, length, wilds = None, 0, 0
        for column, row in zip(columns, line):
            if column[row] == game["wild"]:
                wilds += symbol is None
            elif column[row] == game["scatter"] or symbol not in (None, column[row]):
                break
            else:
                symbol = column[row]
            length += 1
        runs = ((symbol, length), (game["wild"], wilds))
        pays = [(game["pays"].get(name, {}).get(str(times), 0), name, times) for name, times in runs]
        coins, symbol, length = max(pays, key=lambda pay: pay[0])
        if coins:
            wins.append({"line": number, "symbol": symbol, "count": length, "winMinor": coins * coin})
    scatters = str(sum(column.count(game["scatter"]) for column in columns))
    shown = {"stops": stops, "window": columns, "lineWins": wins}
    return scatters, shown | {"scatterWinMinor": game["scatterPays"].get(scatters, 0) * coin}


def recomputed(game, played):
    """Return outcome and win of a round as its seeds and its game give them."""
    below = draws(bytes.fromhex(played["serverSeed"]), played["clientSeed"], played["nonce"])
    coin = played["stakeMinor"] // game["stake"]["coins"]
    rule = game["freeSpins"] or {"awards": {}, "mostSpins": 0}
    shown, won = [window_of(game, game["reels"], below, coin)], 0
    while len(shown) <= (won := min(won + rule["awards"].get(shown[-1][0], 0), rule["mostSpins"])):
        shown.append(window_of(game, rule["reels"], below, coin * rule["multiplier"]))
    windows = [window for _, window in shown]
    win = sum(w["scatterWinMinor"] + sum(line["winMinor"] for line in w["lineWins"]) for w in windows)
    return windows[0] | {"freeSpins": windows[1:]}, win


def canonical(content):
    """Return the canonical form of something, and the SHA-256 of it."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return text, hashlib.sha256(text).hexdigest()


games, verified = {}, 0
for number, line in enumerate(open(sys.argv[1], "rb"), 1):
    content = json.loads(line)
    right = canonical(content)[0] == line.rstrip(b"\n") and content.get("ok", True) is True
    if "game" in content:
        games[canonical(content["game"])[1]] = content["game"]
    if right and "round" in content:
        played, verified = content["round"], verified + 1
        right = played.pop("digest") == canonical(played)[1]
        seed = played["serverSeed"] or sys.exit(f"line {number}: its server seed was not revealed yet")
        right &= hashlib.sha256(bytes.fromhex(seed)).hexdigest() == played["serverSeedHash"]
        right &= recomputed(games[played["gameVersion"]], played) == (played["outcome"], played["winMinor"])
    if not right:
        sys.exit(f"line {number} is not what it claims")
print(f"{verified} round{'' if verified == 1 else 's'} verified")
