"""What the broker holds at this moment, read over the way that no fault touches.

    held = await holdings(system.use(BrokerCommands))
    [message.story_id for message in held.waiting]

One read-only script (EVAL_RO: Redis 7, any Valkey) reads all of it at once: kombu moves messages
between the queues and `unacked`, and what is read bit by bit shows one twice or not at all.
"""

from __future__ import annotations

import msgspec
import redis

from stallproof.messages import (
    PRIORITY_SEPARATOR,
    Holdings,
    Unacked,
    Waiting,
    read_message,
    read_unacked,
)
from stallproof.sites.capabilities import BrokerCommands

MESSAGES_AT_MOST = 5000
MESSAGE_AT_MOST_B = 16 * 1024
"""A story's message has about one kilobyte. Of a longer one only that it is there is read."""
LISTS_AT_MOST = 100
PAGES_AT_MOST = 1000
"""Of a hundred keys, or messages in `unacked`, each."""

SCRIPT = r"""
local room, longest = tonumber(ARGV[1]), tonumber(ARGV[2])
local lists, pages = tonumber(ARGV[3]), tonumber(ARGV[4])
local not_read, queues, unacked = 0, {}, {}

-- kombu's JSON is plain ASCII. Other bytes could not be handed over as text.
local function text(value)
  if #value > longest or string.find(value, '[\128-\255]') then return '' end
  return value
end

-- Every list is a queue, but for the answers to remote control.
local names, cursor = {}, '0'
for _ = 1, pages do
  local page = redis.call('SCAN', cursor, 'COUNT', 100, 'TYPE', 'list')
  for _, name in ipairs(page[2]) do
    if string.sub(name, -7) ~= '.pidbox' then names[name] = true end
  end
  cursor = page[1]
  if cursor == '0' then break end
end
for name in pairs(names) do
  local found, length = {}, redis.call('LLEN', name)
  if lists > 0 and room > 0 then
    -- kombu takes from the right.
    local raw = redis.call('LRANGE', name, -room, -1)
    for i = #raw, 1, -1 do found[#found + 1] = text(raw[i]) end
  end
  lists, room, not_read = lists - 1, room - #found, not_read + length - #found
  if #found > 0 then queues[#queues + 1] = {string.gsub(name, '[\128-\255]', '?'), found} end
end

-- A hash that is being scanned may show a field twice.
local seen, count = {}, 0
cursor = '0'
for _ = 1, pages do
  if count >= room then break end
  local page = redis.call('HSCAN', 'unacked', cursor, 'COUNT', 100)
  for i = 1, #page[2], 2 do
    local tag = page[2][i]
    if not seen[tag] and count < room then
      seen[tag], count = true, count + 1
      local delivered = redis.call('ZSCORE', 'unacked_index', tag)
      unacked[count] = {text(page[2][i + 1]), delivered or ''}
    end
  end
  cursor = page[1]
  if cursor == '0' then break end
end
not_read = not_read + redis.call('HLEN', 'unacked') - count
return {queues, unacked, not_read, redis.call('DBSIZE')}
"""


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What the script answers."""

    queues: list[tuple[str, list[str]]]
    unacked: list[tuple[str, str]]
    """Each with its score; empty: it has none."""
    not_read: int
    keys: int


async def holdings(commands: BrokerCommands) -> Holdings:
    """Every message of the broker's queues and of `unacked`, with the story it carries.

    At most `MESSAGES_AT_MOST` of them, and each as far as it can be read: the answer says how
    many were left out or are unreadable, and why nothing could be read, where the broker is down
    or refuses. Raises nothing of its own.
    """
    limits = (MESSAGES_AT_MOST, MESSAGE_AT_MOST_B, LISTS_AT_MOST, PAGES_AT_MOST)
    try:
        answer = await commands.execute("EVAL_RO", SCRIPT, 0, *limits)
    except (ConnectionError, redis.ResponseError) as error:
        return Holdings(unseen=f"{type(error).__name__}: {error}")
    reply = msgspec.convert(answer, Reply)
    return Holdings(
        waiting=tuple(_waiting(name, raw) for name, found in reply.queues for raw in found),
        unacked=tuple(_unacked(raw, score) for raw, score in reply.unacked),
        keys=reply.keys,
        not_read=reply.not_read,
    )


def _waiting(name: str, raw: str) -> Waiting:
    queue, _, priority = name.partition(PRIORITY_SEPARATOR)
    return Waiting(
        queue=queue,
        priority=int(priority) if priority.isdigit() else 0,
        **msgspec.structs.asdict(read_message(raw)),
    )


def _unacked(raw: str, score: str) -> Unacked:
    delivered_s = float(score) if score else None
    return Unacked(delivered_s=delivered_s, **msgspec.structs.asdict(read_unacked(raw)))
